package duckdb

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"sluice/destination"
)

// views counts those that lanes read their batches by.
func views(t *testing.T, d *Destination) (n int) {
	t.Helper()
	must(t, d.file.db.QueryRowContext(t.Context(), "SELECT count(*) FROM duckdb_views() WHERE database_name = 'memory' AND NOT internal").Scan(&n))
	return n
}

// DuckDB keeps what it has seen of each view over Arrow for as long as the process
// lives: a lane for each of the pages of a large table would add up.
func TestStagesTakeTheLanesOfThoseThatEnded(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "crm.db"))
	t.Cleanup(func() { must(t, d.Close()) })
	d.renewal = manyCells
	schema := wideBatch(3, 1).Schema()
	l, err := d.Begin(t.Context(), spec(account, schema, destination.Replace))
	must(t, err)
	part := 0
	begin := func() destination.Stage {
		part++
		s, err := l.Stage(t.Context(), fmt.Sprint("part ", part))
		must(t, err)
		return s
	}
	write := func(s destination.Stage) error {
		b := wideBatch(3, 10)
		defer b.Release()
		return s.Write(t.Context(), b)
	}
	var insert *sql.Stmt
	for range 3 {
		s := begin()
		if now := s.(*stage).lane.insert; insert != nil && now != insert {
			t.Error("an INSERT was prepared again")
		} else {
			insert = now
		}
		must(t, errors.Join(write(s), s.Close(t.Context())))
	}
	if n := views(t, d); n != 1 {
		t.Errorf("%d lanes were made for three stages, one after the other", n)
	}
	first, second := begin(), begin()
	must(t, errors.Join(write(first), write(second), first.Abort(t.Context()), second.Close(t.Context())))
	if n := views(t, d); n != 2 {
		t.Errorf("%d lanes were made for two stages at once", n)
	}
	broken := begin()
	b := wideBatch(2, 10)
	defer b.Release()
	if err := broken.Write(t.Context(), b); err == nil {
		t.Error("a batch of other columns was taken")
	}
	must(t, broken.Abort(t.Context()))
	if n := views(t, d); n != 1 {
		t.Errorf("%d lanes are left after one of two has failed", n)
	}
	last := begin()
	must(t, errors.Join(write(last), last.Close(t.Context())))
	r, err := l.Commit(t.Context(), nil)
	must(t, err)
	if r.Written != 50 {
		t.Errorf("%d rows were written", r.Written)
	}
	if n := d.file.idle.Stats().OpenConnections; n != 1 {
		t.Errorf("%d connections are open after the load", n)
	}
}
