package postgres

import (
	"context"
	"testing"
	"time"

	"sluice/destination"
	"sluice/destination/postgres/pgtest"
	"sluice/state"
)

// TestABrokenLoadLeavesNothing ends sessions, or the server, while a stage is
// being written: the load fails with a hint, what it staged goes with it, and
// the next one is like any other.
func TestABrokenLoadLeavesNothing(t *testing.T) {
	const ours = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'sluice' AND datname = current_database()"
	for _, mode := range []destination.Mode{destination.Replace, destination.Merge} {
		for _, tt := range []struct {
			name string
			end  func(t *testing.T, address string)
		}{
			{"the session that copies", func(t *testing.T, address string) {
				for len(pgtest.Query(t, address, ours+" AND query LIKE 'COPY%'")) == 0 { // it is about to
					time.Sleep(10 * time.Millisecond)
				}
			}},
			{"every session", func(t *testing.T, address string) { pgtest.Query(t, address, ours) }},
			{"the server", func(t *testing.T, _ string) { pgtest.Crash(t) }},
		} {
			t.Run(string(mode)+", "+tt.name, func(t *testing.T) {
				address := pgtest.Database(t)
				d := dial(t, address, Options{})
				if _, err := put(t.Context(), d, stated(mode, "run1"), &state.State{Cursor: generationTime(1)}, generationBatch(1, 0, 100)); err != nil {
					t.Fatal(err)
				}
				before := everything(t, address)
				err := brokenLoad(t, d, mode, func() { tt.end(t, address) })
				refused(t, address, "connection", "run again", before, err)
				if _, err := put(t.Context(), d, stated(mode, "run3"), &state.State{Cursor: generationTime(3)}, generationBatch(3, 50, 100)); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

// brokenLoad writes to two stages, and breaks it in the second.
func brokenLoad(t *testing.T, d *Destination, mode destination.Mode, breakIt func()) error {
	t.Helper()
	ctx := t.Context()
	l, err := d.Begin(ctx, stated(mode, "run2"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Abort(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	if err := putPart(ctx, l, "part 1", generationBatch(2, 0, 100)); err != nil {
		t.Fatal(err)
	}
	s, err := l.Stage(ctx, "part 2")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Abort(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	if err := s.Write(ctx, generationBatch(2, 100, 100)); err != nil {
		t.Fatal(err)
	}
	breakIt()
	if err := s.Write(ctx, generationBatch(2, 200, 100)); err != nil {
		return err
	}
	return s.Close(ctx)
}

// TestACrashBetweenStageAndCommit empties the unlogged staging tables: their rows
// are missed.
func TestACrashBetweenStageAndCommit(t *testing.T) {
	address := pgtest.Database(t)
	d := dial(t, address, Options{})
	if _, err := put(t.Context(), d, stated(destination.Replace, "run1"), &state.State{Cursor: generationTime(1)}, generationBatch(1, 0, 100)); err != nil {
		t.Fatal(err)
	}
	before := everything(t, address)
	l, err := d.Begin(t.Context(), stated(destination.Replace, "run2"))
	if err != nil {
		t.Fatal(err)
	}
	if err := putPart(t.Context(), l, "part", generationBatch(2, 0, 100)); err != nil {
		t.Fatal(err)
	}
	pgtest.Crash(t)
	_, err = l.Commit(t.Context(), &state.State{Cursor: generationTime(2)})
	if aborting := l.Abort(t.Context()); aborting != nil {
		t.Error(aborting)
	}
	refused(t, address, "100 rows were staged, 0 are there", "run again", before, err)
}
