package postgres

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"sluice/destination"
	"sluice/destination/postgres/pgtest"
	"sluice/state"
	"sluice/uri"
)

// child is the environment variable that makes this binary merge generation
// after generation into the database it names, until somebody kills it.
const child = "SLUICE_TEST_MERGE_FOREVER"

func TestMain(m *testing.M) {
	if address := os.Getenv(child); address != "" {
		if err := mergeForever(address); err != nil {
			panic(err)
		}
		return
	}
	pgtest.Main(m)
}

const generationRows = 2000

func mergeForever(address string) error {
	u, err := uri.ParsePostgres(address)
	if err != nil {
		return err
	}
	d, err := Open(u, Options{LockTimeout: time.Minute})
	if err != nil {
		return err
	}
	first, err := strconv.ParseInt(os.Getenv(child+"_FROM"), 10, 64)
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

var generationState = state.Key{Org: "00D000000000001", Source: "Account", Dest: "public.account"}

func generationTime(n int64) time.Time { return time.Unix(1_700_000_000+n, 0).UTC() }

// mergeGeneration merges rows that all say n over those of the last one, in two
// stages, and keeps a cursor that says n, too.
func mergeGeneration(ctx context.Context, d *Destination, n int64) error {
	s := spec(generation, destination.Merge, fmt.Sprint("run", n))
	s.State = generationState
	_, err := put(ctx, d, s, &state.State{Cursor: generationTime(n)},
		generationBatch(n, 0, generationRows/2), generationBatch(n, generationRows/2, generationRows/2))
	return err
}

// crashes is how often each kind of end is tried; SLUICE_TEST_CRASHES says
// otherwise.
func crashes(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("SLUICE_TEST_CRASHES"))
	if err != nil {
		return 4
	}
	t.Logf("%d times", n)
	return n
}

// TestWhateverEndsAMergeLeavesTableAndCursorConsistent lets a process merge
// without end and ends it at any moment, again and again: the table is of one
// generation, the cursor of the same, none older than the last that was
// reported, and the next load clears what was staged.
func TestWhateverEndsAMergeLeavesTableAndCursorConsistent(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(t *testing.T, address string, c *exec.Cmd)
	}{
		{"kill -9 of the process", func(_ *testing.T, _ string, c *exec.Cmd) { _ = c.Process.Kill() }},
		{"pg_terminate_backend", func(t *testing.T, address string, _ *exec.Cmd) {
			pgtest.Query(t, address, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sluice' AND datname = current_database()")
		}},
		{"a crash of the server", func(t *testing.T, _ string, _ *exec.Cmd) { pgtest.Crash(t) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			address := pgtest.Database(t)
			d := dial(t, address, Options{LockTimeout: time.Minute})
			if err := mergeGeneration(t.Context(), d, 0); err != nil {
				t.Fatal(err)
			}
			var last int64
			for range crashes(t) {
				reported := endedRun(t, address, last+1, tt.end)
				last = max(last, reported)
				// A commit that the server goes on with ends before the next load begins.
				last = afterNextLoad(t, d, address, last)
			}
			t.Logf("generation %d", last)
		})
	}
}

// endedRun lets a child merge from a generation on, ends it after a random
// time and returns the last generation that it reported.
func endedRun(t *testing.T, address string, from int64, end func(*testing.T, string, *exec.Cmd)) (reported int64) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), child+"="+address, fmt.Sprintf("%s_FROM=%d", child, from))
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		time.Sleep(100*time.Millisecond + rand.N(400*time.Millisecond))
		end(t, address, c)
		// A process that lives on, as one that was between two connections
		// may, gets the time to do damage.
		time.Sleep(200 * time.Millisecond)
		_ = c.Process.Kill()
	}()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if n, err := strconv.ParseInt(lines.Text(), 10, 64); err == nil {
			reported = n
		}
	}
	<-done
	_ = c.Wait()
	return reported
}

// afterNextLoad begins a load, which waits for what is still under way, and
// looks at the table before and after it.
func afterNextLoad(t *testing.T, d *Destination, address string, last int64) int64 {
	t.Helper()
	s := spec(generation, destination.Merge, "look")
	s.State = generationState
	l, err := d.Begin(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	found := wholeGeneration(t, address, l.Found().State)
	if err := l.Abort(t.Context()); err != nil {
		t.Fatal(err)
	}
	if found < last {
		t.Fatalf("generation %d after %d was reported", found, last)
	}
	if err := mergeGeneration(t.Context(), d, found+1); err != nil {
		t.Fatal(err)
	}
	if left := pgtest.Query(t, address, "SELECT tablename FROM pg_tables WHERE tablename LIKE '\\_sluice\\_%'"); len(left) > 0 {
		t.Fatalf("staging is left: %v", left)
	}
	return found + 1
}

func wholeGeneration(t *testing.T, address string, st state.State) int64 {
	t.Helper()
	got := pgtest.Query(t, address, "SELECT count(*), count(DISTINCT id), min(generation), max(generation) FROM public.account")[0]
	var rows, ids, oldest, newest int64
	if _, err := fmt.Sscanf(got, "%d|%d|%d|%d", &rows, &ids, &oldest, &newest); err != nil {
		t.Fatal(err)
	}
	if rows != generationRows || ids != rows || oldest != newest || !st.Cursor.Equal(generationTime(newest)) {
		t.Fatalf("rows, ids, oldest, newest: %s, cursor %s", got, st.Cursor)
	}
	return newest
}
