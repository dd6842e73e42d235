package fakeorg

import (
	"io"
	"testing"
)

func BenchmarkAccountCSV(b *testing.B) {
	o := New(Config{Rows: map[string]int{"Account": 1_000_000}})
	v := o.view("Account")
	p := &plan{view: v, limit: -1}
	for _, f := range v.object.Readable() {
		p.columns = append(p.columns, column{name: f.Name, field: f, meta: f})
	}
	j := &job{plan: p, rows: p.rows(), dialect: csvDialect{',', "\n"}}
	var size counter
	if err := render(&size, j, 0, 20_000); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(size) / 20_000)
	b.ReportAllocs()
	b.ResetTimer()
	for done := 0; done < b.N; {
		n := min(b.N-done, 50_000)
		if err := render(io.Discard, j, 0, n); err != nil {
			b.Fatal(err)
		}
		done += n
	}
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		New(Config{})
	}
}

func BenchmarkCount1M(b *testing.B) {
	v := New(Config{Rows: map[string]int{"Account": 1_000_000}}).view("Account")
	for b.Loop() {
		v.count(false)
	}
}

func BenchmarkWhere1M(b *testing.B) {
	o := New(Config{Rows: map[string]int{"Account": 1_000_000}})
	for b.Loop() {
		p, err := o.plan("SELECT Id FROM Account WHERE SystemModstamp >= 2026-01-20T00:00:00Z AND SystemModstamp < 2026-02-10T00:00:00Z", false)
		if err != nil {
			b.Fatal(err.message)
		}
		if len(p.rows()) == 0 {
			b.Fatal("no rows")
		}
	}
}
