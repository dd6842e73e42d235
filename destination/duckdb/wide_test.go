package duckdb

import (
	"testing"

	"golang.org/x/sync/errgroup"

	"sluice/destination"
)

// TestWideTableFitsIntoMemory loads an object of 500 fields in several stages:
// DuckDB holds some blocks for each column whatever the number of rows.
func TestWideTableFitsIntoMemory(t *testing.T) {
	d := open(t, t.TempDir()+"/crm.db")
	defer d.Close()
	b := wideBatch(500, 500)
	defer b.Release()
	l, err := d.Begin(t.Context(), spec(account, b.Schema(), destination.Replace))
	must(t, err)
	var g errgroup.Group
	for range 4 {
		g.Go(func() error {
			s, failed := l.Stage(t.Context(), "part")
			if failed != nil {
				return failed
			}
			for range 6 {
				if failed = s.Write(t.Context(), b); failed != nil {
					return failed
				}
			}
			return s.Close(t.Context())
		})
	}
	must(t, g.Wait())
	r, err := l.Commit(t.Context(), nil)
	must(t, err)
	if r.Written != 4*6*500 {
		t.Errorf("written %d", r.Written)
	}
}
