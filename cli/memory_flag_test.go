package cli

import "testing"

func TestSizesOfMemory(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "230MB": 230 << 20, "1GB": 1 << 30, "1.5gib": 3 << 29, "512MiB": 512 << 20} {
		if got, err := parseMemory(text); err != nil || got != want {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"MB", "250", "250B", "1TB", "-1GB", "229MB", "NaNGB", "InfGB", "1e99GB", "1 GB MB", "GIGB"} {
		if got, err := parseMemory(text); err == nil {
			t.Errorf("%q: %d, want a refusal", text, got)
		}
	}
	if duckDBMemory(0) != 0 || duckDBMemory(leastMemory) < 80<<20 {
		t.Error("DuckDB gets too little")
	}
}
