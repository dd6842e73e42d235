package cli

import (
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
)

// A process of sluice takes leastMemory for a table of 75 columns. Beside what
// DuckDB counts, besideDuckDB goes to the program's code (60 MB), Go's heap (26
// MB) and what DuckDB does not count; at 1,000,000 rows some 10 MB of it were to
// spare. Of what DuckDB has, its allocator takes another sixteenth. The collector
// keeps to one part of goShare.
const (
	leastMemory  = 230 << 20
	besideDuckDB = 144 << 20
	goShare      = 4
)

// parseMemory reads --memory; 0 leaves it to the tables.
func parseMemory(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	wrong := &usageError{"--memory is no size", "write it like 400MB or 1GB"}
	number := strings.TrimRight(strings.ToUpper(text), "GMIB")
	unit := map[string]float64{"MB": 1 << 20, "MIB": 1 << 20, "GB": 1 << 30, "GIB": 1 << 30}[strings.ToUpper(text)[len(number):]]
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || unit == 0 || !(n > 0 && n < 1e6) {
		return 0, wrong
	}
	if n*unit < leastMemory {
		return 0, &usageError{fmt.Sprintf("--memory %s is too little", text), fmt.Sprintf("use %dMB or more", leastMemory>>20)}
	}
	return int64(n * unit), nil
}

// shareHeap makes the collector keep Go's share of the process's memory, unless
// it has been told to keep to less.
func shareHeap(memory int64) {
	if memory > 0 {
		debug.SetMemoryLimit(min(memory/goShare, debug.SetMemoryLimit(-1)))
	}
}

// duckDBMemory is what DuckDB may have of the process's memory; 0 is what the
// table needs.
func duckDBMemory(memory int64) int64 {
	if memory == 0 {
		return 0
	}
	return (memory - besideDuckDB) / 16 * 15
}
