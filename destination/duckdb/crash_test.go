package duckdb

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"sluice/destination"
	"sluice/uri"
)

// child is the environment variable that makes this binary load generation
// after generation into the file it names, until somebody kills it.
const child = "SLUICE_TEST_LOAD_FOREVER"

const generationRows = 3000

func TestMain(m *testing.M) {
	var err error
	switch {
	case os.Getenv(child) != "":
		err = loadForever(os.Getenv(child))
	case os.Getenv(childMerge) != "":
		err = mergeForever(os.Getenv(childMerge))
	case os.Getenv(hold) != "":
		err = holdFile(os.Getenv(hold))
	default:
		m.Run()
	}
	if err != nil {
		panic(err)
	}
}

func loadForever(path string) error {
	d, err := Open(uri.DuckDB{Path: path}, Options{LockTimeout: time.Minute})
	if err != nil {
		return err
	}
	first, err := strconv.ParseInt(os.Getenv(child+"_FROM"), 10, 64)
	if err != nil {
		return err
	}
	// One child attaches the file anew before each stage; another has it stay open
	// from load to load, with several of them in the log, and another with none.
	if first%3 == 2 {
		d.file.stay.rows = 1
	}
	if first%3 == 0 {
		d.renewal = 1
	} else if _, err := d.Begin(context.Background(), destination.Spec{
		Table: destination.TableName{Schema: "public", Table: "to_come"}, Source: "ToCome", Schema: generation, Mode: destination.Replace,
	}); err != nil {
		return err
	}
	for n := first; ; n++ {
		if err := loadGeneration(context.Background(), d, n); err != nil {
			return err
		}
		_, _ = fmt.Fprintln(os.Stdout, n)
	}
}

var generation = arrow.NewSchema([]arrow.Field{
	{Name: "Id", Type: arrow.PrimitiveTypes.Int64},
	{Name: "Generation", Type: arrow.PrimitiveTypes.Int64},
	{Name: "Filler", Type: arrow.BinaryTypes.String},
}, nil)

// loadGeneration replaces the table by rows that all say n, in two stages.
func loadGeneration(ctx context.Context, d *Destination, n int64) error {
	l, err := d.Begin(ctx, destination.Spec{
		Table: destination.TableName{Schema: "public", Table: "account"}, Source: "Account",
		Schema: generation, Key: []string{"Id"}, Mode: destination.Replace, Run: fmt.Sprint("run", n),
	})
	if err != nil {
		return err
	}
	for part := range int64(2) {
		var s destination.Stage
		if s, err = l.Stage(ctx, "part"); err != nil {
			return err
		}
		b := generationBatch(n, part*generationRows/2, generationRows/2)
		err = s.Write(ctx, b)
		b.Release()
		if err != nil {
			return err
		}
		if err = s.Close(ctx); err != nil {
			return err
		}
	}
	_, err = l.Commit(ctx, nil)
	return err
}

func generationBatch(n, from, rows int64) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, generation)
	defer b.Release()
	for i := range rows {
		b.Field(0).(*array.Int64Builder).Append(from + i)
		b.Field(1).(*array.Int64Builder).Append(n)
		b.Field(2).(*array.StringBuilder).Append(fmt.Sprintf("%x", rand.Uint64()))
	}
	return b.NewRecordBatch()
}

// crashes is how often the tests of this file kill; SLUICE_TEST_CRASHES asks for
// more.
func crashes() int {
	n, err := strconv.Atoi(os.Getenv("SLUICE_TEST_CRASHES"))
	if err != nil {
		return 5
	}
	return n
}

// TestKilledLoadLeavesOldOrNewRows kills a process that loads without end, at
// any moment, again and again: the file opens, holds one whole generation, no
// older than the last that was reported, and the next load clears what was
// staged. Half of the tables have a column and an index of their own, so that both
// ways of publishing are met.
func TestKilledLoadLeavesOldOrNewRows(t *testing.T) {
	for _, filled := range []bool{false, true} {
		t.Run(fmt.Sprintf("filled %v", filled), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "crm.db")
			d := open(t, path)
			defer d.Close()
			if err := loadGeneration(t.Context(), d, 0); err != nil {
				t.Fatal(err)
			}
			if filled {
				execute(t, d, "ALTER TABLE public.account ADD COLUMN mine VARCHAR")
				execute(t, d, "CREATE INDEX by_generation ON public.account (generation)")
			}
			var last, orphans int64
			for range crashes() {
				reported := killedChild(t, child, path, last+1)
				found := wholeGeneration(t, d)
				if found < max(last, reported) {
					t.Fatalf("generation %d after %d was reported", found, max(last, reported))
				}
				orphans += int64(len(staging(t, d)))
				last = found + 1
				if err := loadGeneration(t.Context(), d, last); err != nil {
					t.Fatal(err)
				}
				if left := staging(t, d); len(left) > 0 {
					t.Fatalf("staging is left: %v", left)
				}
				if got := wholeGeneration(t, d); got != last {
					t.Fatalf("generation %d, want %d", got, last)
				}
			}
			t.Logf("generation %d after %d kills, %d orphans cleared", last, crashes(), orphans)
		})
	}
}

// A file that was new when it was opened, and is checkpointed again and again
// before it is closed, is whole after a kill like any other.
func TestKilledLoadsOfANewFileLeaveOneThatOpens(t *testing.T) {
	reported := 0
	for range 2 * crashes() {
		path := filepath.Join(t.TempDir(), "crm.db")
		last := killedChild(t, child, path, 2) // stays open, with no log
		if last == 0 {
			continue
		}
		reported++
		d := open(t, path)
		if found := wholeGeneration(t, d); found < last {
			t.Errorf("generation %d after %d was reported", found, last)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	if reported == 0 {
		t.Error("no child lived to load a generation")
	}
}

// killedChild lets a child load from a generation on, kills it after a random
// time and returns the last generation that it reported.
func killedChild(t *testing.T, child, path string, from int64) (reported int64) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), child+"="+path, fmt.Sprintf("%s_FROM=%d", child, from))
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(100*time.Millisecond+rand.N(300*time.Millisecond), func() { _ = c.Process.Kill() })
	for lines := bufio.NewScanner(out); lines.Scan(); {
		n, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			t.Errorf("child: %s", lines.Text())
			break
		}
		reported = n
	}
	_ = c.Wait()
	return reported
}

func wholeGeneration(t *testing.T, d *Destination) int64 {
	t.Helper()
	_, rows := query(t, d, "SELECT count(*), count(DISTINCT id), min(generation), max(generation) FROM "+
		qualify(d.file.name, destination.TableName{Schema: "public", Table: "account"}))
	r := rows[0]
	if r[0] != int64(generationRows) || r[1] != r[0] || r[2] != r[3] {
		t.Fatalf("rows, ids, oldest, newest: %v", r)
	}
	return r[2].(int64)
}

func staging(t *testing.T, d *Destination) []string {
	t.Helper()
	_, rows := query(t, d, "SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, '"+stagingPrefix+"')")
	var list []string
	for _, r := range rows {
		list = append(list, r[0].(string))
	}
	return list
}
