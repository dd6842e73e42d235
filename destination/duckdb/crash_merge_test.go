package duckdb

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"sluice/destination"
	"sluice/state"
	"sluice/uri"
)

// childMerge is child for a sequence of merges and replaces with a state.
const childMerge = "SLUICE_TEST_MERGE_FOREVER"

const mergeRows = 1000

var mergeKey = state.Key{Org: "00D000000000001", Source: "Account", Dest: "public.account"}

func mergeForever(path string) error {
	d, err := Open(uri.DuckDB{Path: path}, Options{LockTimeout: time.Minute})
	if err != nil {
		return err
	}
	first, err := strconv.ParseInt(os.Getenv(childMerge+"_FROM"), 10, 64)
	if err != nil {
		return err
	}
	for n := first; ; n++ {
		if err := mergeGeneration(context.Background(), d, n); err != nil {
			return err
		}
		_, _ = fmt.Fprintln(os.Stdout, n)
	}
}

// changed gives the rows that generation n writes, and the id that is gone: one
// id in ten, the one that was gone before, and not the one that goes.
func changed(n int64) (ids []int64, gone int64) {
	gone = n % mergeRows
	for id := range int64(mergeRows) {
		if id != gone && (id%10 == n%10 || id == (n-1)%mergeRows) {
			ids = append(ids, id)
		}
	}
	return ids, gone
}

// expected is the table after generation n: the generation of each id.
func expected(n int64) map[int64]int64 {
	table := make(map[int64]int64, mergeRows)
	for id := range int64(mergeRows) {
		table[id] = 0
	}
	for g := int64(1); g <= n; g++ {
		ids, gone := changed(g)
		delete(table, gone)
		for _, id := range ids {
			table[id] = g
		}
	}
	return table
}

// mergeGeneration brings the table from generation n-1 to n; each fifth time by
// a replace. The state says n.
func mergeGeneration(ctx context.Context, d *Destination, n int64) error {
	s := destination.Spec{
		Table: destination.TableName{Schema: "public", Table: "account"}, Source: "Account",
		Schema: generation, Key: []string{"Id"}, Mode: destination.Merge, State: mergeKey, Run: fmt.Sprint("run", n),
	}
	rows := map[int64]int64{}
	ids, gone := changed(n)
	for _, id := range ids {
		rows[id] = n
	}
	if n%5 == 0 {
		s.Mode, rows = destination.Replace, expected(n)
	}
	l, err := d.Begin(ctx, s)
	if err != nil {
		return err
	}
	l.Prepare(fmt.Sprint("job", n))
	if done := l.Found().Staged; done.Token != fmt.Sprint("job", n) {
		if err := stageGenerations(ctx, l, rows); err != nil {
			return err
		}
	}
	if s.Mode == destination.Merge {
		g, err := l.StageGone(ctx)
		if err != nil {
			return err
		}
		b := array.NewInt64Builder(memory.DefaultAllocator)
		b.Append(gone)
		column := b.NewArray()
		batch := array.NewRecordBatch(arrow.NewSchema(generation.Fields()[:1], nil), []arrow.Array{column}, 1)
		if err := g.Write(ctx, batch); err != nil {
			return err
		}
		if err := g.Close(ctx); err != nil {
			return err
		}
	}
	_, err = l.Commit(ctx, &state.State{Cursor: time.Unix(n, 0).UTC(), Strategy: "merge"})
	return err
}

func stageGenerations(ctx context.Context, l destination.Load, rows map[int64]int64) error {
	s, err := l.Stage(ctx, "all")
	if err != nil {
		return err
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, generation)
	defer b.Release()
	for id, g := range rows {
		b.Field(0).(*array.Int64Builder).Append(id)
		b.Field(1).(*array.Int64Builder).Append(g)
		b.Field(2).(*array.StringBuilder).Append("filler")
	}
	batch := b.NewRecordBatch()
	defer batch.Release()
	if err := s.Write(ctx, batch); err != nil {
		return err
	}
	return s.Close(ctx)
}

// TestKilledMergesKeepTableAndCursorTogether kills a process that merges and
// replaces without end: the file opens each time, the table is the one that its
// cursor tells of, and the next load converges and leaves no staging (P3, P6).
func TestKilledMergesKeepTableAndCursorTogether(t *testing.T) {
	kills := crashes()
	path := filepath.Join(t.TempDir(), "crm.db")
	d := open(t, path)
	defer d.Close()
	if err := mergeGeneration(t.Context(), d, 5); err != nil {
		t.Fatal(err)
	}
	last, orphans := int64(5), 0
	for range kills {
		reported := killedChild(t, childMerge, path, last+1)
		found := generationOf(t, d)
		if found < max(last, reported) {
			t.Fatalf("generation %d after %d was reported", found, max(last, reported))
		}
		orphans += len(staging(t, d))
		last = found + 1
		if err := mergeGeneration(t.Context(), d, last); err != nil {
			t.Fatal(err)
		}
		if got := generationOf(t, d); got != last {
			t.Fatalf("generation %d, want %d", got, last)
		}
		if left := staging(t, d); len(left) > 0 {
			t.Fatalf("staging is left: %v", left)
		}
	}
	t.Logf("generation %d after %d kills, %d tables were left and cleared or used", last, kills, orphans)
}

// generationOf reads the cursor and wants the table that belongs to it.
func generationOf(t *testing.T, d *Destination) int64 {
	t.Helper()
	s, err := d.States().Get(t.Context(), mergeKey)
	must(t, err)
	n := s.Cursor.Unix()
	_, rows := query(t, d, "SELECT id, generation FROM "+qualify(d.file.name, destination.TableName{Schema: "public", Table: "account"}))
	table := make(map[int64]int64, len(rows))
	for _, r := range rows {
		table[r[0].(int64)] = r[1].(int64)
	}
	if len(rows) != len(table) || !maps.Equal(table, expected(n)) {
		t.Fatalf("the table of %d rows is not that of generation %d", len(rows), n)
	}
	return n
}
