package main

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"sluice/destination/postgres/pgtest"
	"sluice/source/salesforce/fakeorg"
)

// crashes is how often TestCrashesOfAWholeRun ends a run in each way;
// SLUICE_TEST_CRASHES asks for more.
func crashes(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("SLUICE_TEST_CRASHES"))
	if err != nil {
		return 1
	}
	return n
}

// crash is an end of a run, or of what it needs.
type crash struct {
	name string
	// kills says that the process is to be killed, else something is done to
	// the server.
	kills bool
	does  func(t *testing.T, address string)
}

const backends = " FROM pg_stat_activity WHERE application_name = 'sluice' AND datname = current_database()"

var ways = []crash{
	{"kill -9", true, nil},
	{"all backends terminated", false, func(t *testing.T, address string) {
		pgtest.Query(t, address, "SELECT pg_terminate_backend(pid)"+backends)
	}},
	{"one backend terminated", false, func(t *testing.T, address string) {
		pgtest.Query(t, address, "SELECT pg_terminate_backend(pid)"+backends+" ORDER BY random() LIMIT 1")
	}},
	{"server crashed", false, func(t *testing.T, _ string) { pgtest.Crash(t) }},
}

// TestCrashesOfAWholeRun ends runs at random moments: rows and cursor are both
// as they were or both new, the exit code agrees, and the next run has exactly
// the org's rows and leaves no staging table.
func TestCrashesOfAWholeRun(t *testing.T) {
	for _, strategy := range []string{"merge", "replace"} {
		for _, c := range ways {
			t.Run(c.name+" in a "+strategy, func(t *testing.T) {
				s := newCrashed(t, strategy)
				for range crashes(t) {
					s.endure(t, c)
				}
				t.Logf("rows were old after %d ends and new after %d", s.old, s.new)
			})
		}
	}
}

// crashed is an org whose loads end badly.
type crashed struct {
	storm
	db       pgDatabase
	takes    time.Duration // a run
	old, new int
}

func newCrashed(t *testing.T, strategy string) *crashed {
	t.Helper()
	db := pgDatabase(pgtest.Database(t))
	s := &crashed{db: db, storm: storm{object: small, end: db, login: "credentials", api: "bulk"}}
	s.org = fakeorg.New(fakeorg.Config{Rows: map[string]int{small: 6000}, Knobs: fakeorg.Knobs{BulkPageSize: 1000}})
	signIn, stop := s.org.Start()
	t.Cleanup(stop)
	s.signIn = signIn
	s.args = []string{
		"ingest", "--source-uri", "", "--source-table", small, "--dest-uri", s.address(), "--dest-table", "t",
		"--incremental-strategy", strategy, "--json", "--progress", "none",
	}
	s.renew()
	s.arrives(t)
	s.change(3000)
	begun := time.Now()
	if got, _ := hurryChild(t, func() bool { return false }, s.args...); got.Code != 0 {
		t.Fatalf("exit code %d: %s", got.Code, got.stdout)
	}
	s.takes = time.Since(begun)
	return s
}

// endure ends one run and looks at what is left.
func (s *crashed) endure(t *testing.T, c crash) {
	t.Helper()
	s.org.Grow(s.object, 110) // as many as are deleted
	s.change(3000)
	rows, states := s.db.digests(t)
	at := time.Now().Add(rand.N(s.takes))
	done := false
	got, killed := hurryChild(t, func() bool {
		if done || time.Now().Before(at) {
			return false
		}
		done = true
		if !c.kills {
			c.does(t, s.address())
		}
		return c.kills
	}, s.args...)
	s.settle(t)
	newRows, newStates := s.db.digests(t)
	// A replace keeps no state.
	if (rows == newRows) != (states == newStates) && states+newStates != "" {
		t.Fatalf("rows changed: %t, states: %t", rows != newRows, states != newStates)
	}
	if rows != newRows {
		s.new++
		exactly(t, s, s.org, s.object)
	} else {
		s.old++
	}
	switch {
	case killed:
	case got.Code == 0 && rows == newRows:
		t.Fatal("exit code 0, and no row has changed")
	case got.Code != 0 && (got.Code != 5 || got.Error == nil || got.Error.Hint == ""):
		t.Fatalf("exit code %d: %s", got.Code, got.stdout)
	}
	s.arrives(t)
}

// settle waits until the server has noticed that nobody is there any more.
func (s *crashed) settle(t *testing.T) {
	t.Helper()
	if err := until(func() bool { return pgtest.Query(t, s.address(), "SELECT count(*)"+backends)[0] == "0" }); err != nil {
		t.Fatal(err)
	}
}
