package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"sluice/source/salesforce/fakeorg"
)

// chaosLoads is how many loads TestChaos makes, and of how many rows each;
// CHAOS_LOADS asks for more, which are of 20,000 rows or of CHAOS_ROWS.
// CHAOS_SEED is the first seed.
func chaosLoads() (first, loads, rows int) {
	loads, rows = 10, 2_000
	if n, err := strconv.Atoi(os.Getenv("CHAOS_LOADS")); err == nil {
		loads, rows = n, 20_000
	}
	if n, err := strconv.Atoi(os.Getenv("CHAOS_ROWS")); err == nil {
		rows = n
	}
	first, _ = strconv.Atoi(os.Getenv("CHAOS_SEED"))
	return first, loads, rows
}

// TestChaos loads through two random troubles at a time, some loads with a
// kill -9 in between. Each run ends in success with exactly the org's rows, or
// with an exit code that doc/faults.md has for one of the troubles and with
// table and cursor as they were. Once all is well again the next run has
// exactly the org's rows. None hangs, leaves a goroutine, or prints a secret.
func TestChaos(t *testing.T) {
	first, loads, rows := chaosLoads()
	calm := map[string]int{}
	var shares []float64
	ended := map[int]int{}
	for seed := first; seed < first+loads; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			s := newStorm(t, seed, rows)
			needed, known := calm[s.kind]
			if !known {
				needed = newStorm(t, seed, rows).calls(t)
				calm[s.kind] = needed
			}
			made := s.weather(t, ended)
			t.Logf("%d calls made, %d needed", made, needed)
			shares = append(shares, float64(made)/float64(needed))
		})
	}
	if len(shares) == 0 {
		return
	}
	slices.Sort(shares)
	t.Logf("%d loads; first runs by exit code: %v (-1: killed)", len(shares), ended)
	t.Logf("calls made until the rows were there / calls needed: median %.2f, 9 of 10 below %.2f, worst %.2f", shares[len(shares)/2], shares[len(shares)*9/10], shares[len(shares)-1])
}

// storm is one load with its troubles.
type storm struct {
	*rand.Rand
	end
	org       *fakeorg.Org
	object    string
	kind      string // loads of one kind need as many calls
	signIn    string
	login     string
	api       string
	args      []string
	kill      int // after so many calls; 0 never
	troubles  []fakeorg.Trouble
	nth, long []int // the first request that is struck, and how many are
}

func newStorm(t *testing.T, seed, rows int) *storm {
	t.Helper()
	s := &storm{Rand: rand.New(rand.NewPCG(uint64(seed), 5))}
	s.object = small
	if s.IntN(20) == 0 {
		s.object = "Contact"
	}
	s.login, s.api = pick(s.Rand, "password", "credentials", "token"), pick(s.Rand, "rest", "bulk")
	strategy, destination := pick(s.Rand, "replace", "merge"), pick(s.Rand, "duckdb", "postgres")
	again := s.IntN(3) > 0 // the table is there
	s.kind = fmt.Sprint(s.object, " ", s.login, " ", s.api, " ", strategy, " ", again)
	s.org = fakeorg.New(fakeorg.Config{Seed: uint64(seed), Rows: map[string]int{s.object: rows}, Knobs: fakeorg.Knobs{BulkPageSize: rows / 6, PageSize: rows / 10}})
	signIn, stop := s.org.Start()
	t.Cleanup(stop)
	s.signIn, s.end = signIn, ends[destination](t)
	s.args = []string{
		"ingest", "--source-uri", "", "--source-table", s.object, "--dest-uri", s.address(), "--dest-table", "t",
		"--incremental-strategy", strategy, "--json", "--debug", "--progress", "none",
	}
	s.renew()
	if again {
		if got := hurry(t, s.args...); got.Code != 0 {
			t.Fatalf("exit code %d before anything happened: %s", got.Code, got.stdout)
		}
		s.change(rows / 3)
	}
	s.brew()
	t.Logf("%s into %s, kill after %d", s.kind, destination, s.kill)
	return s
}

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }

// change updates so many rows, removes some and adds others.
func (s *storm) change(rows int) {
	field := map[string]string{"Contact": "LastName", small: "Role"}[s.object]
	n := 0
	for row := range s.org.Rows(s.object) {
		switch n++; {
		case n > rows:
			s.org.Grow(s.object, 7)
			s.org.Advance(time.Hour)
			return
		case n%50 == 0:
			s.org.Delete(s.object, row.ID())
		case n%51 == 0:
			s.org.HardDelete(s.object, row.ID())
		default:
			s.org.Update(s.object, row.ID(), fakeorg.Values{field: "Changed"})
		}
	}
}

// renew gives an access token that has not ended.
func (s *storm) renew() { s.args[2] = signIns(s.org, s.signIn)[s.login] + "&api=" + s.api }

// brew picks two troubles that the load can meet.
func (s *storm) brew() {
	var can []fakeorg.Trouble
	for _, trouble := range fakeorg.Troubles {
		if slices.Contains([]string{"", s.login, s.api}, trouble.Way) {
			can = append(can, trouble)
		}
	}
	for range 2 {
		trouble, nth := can[s.IntN(len(can))], 1+s.IntN(9)
		if slices.Contains([]string{"password", "credentials"}, trouble.Way) {
			nth = 1 // there are few logins
		}
		s.troubles, s.nth = append(s.troubles, trouble), append(s.nth, nth)
		s.long = append(s.long, []int{1, 1, 1, 2, 3, 5, -1}[s.IntN(7)])
	}
	if s.IntN(4) == 0 {
		s.kill = 1 + s.IntN(20)
	}
}

// calls loads in good weather and counts the calls.
func (s *storm) calls(t *testing.T) int {
	t.Helper()
	before := len(s.org.Calls())
	s.arrives(t)
	return len(s.org.Calls()) - before
}

// arrives wants a run to succeed, with the exact rows.
func (s *storm) arrives(t *testing.T) {
	t.Helper()
	if got := hurry(t, s.args...); got.Code != 0 {
		t.Fatalf("exit code %d: %s%s", got.Code, got.stdout, got.stderr)
	}
	exactly(t, s, s.org, s.object)
}

// weather loads through the storm, counts how the first run ended, and gives the
// calls that were made until the rows were there.
func (s *storm) weather(t *testing.T, ended map[int]int) int {
	t.Helper()
	calls, before := len(s.org.Calls()), s.digest(t)
	for i, trouble := range s.troubles {
		t.Logf("%q meets request %d, times %d", trouble.Name, s.nth[i], s.long[i])
		trouble.Strike(s.org, s.nth[i], s.long[i])
	}
	var got ran
	killed := false
	if s.kill > 0 {
		got, killed = hurryChild(t, func() bool { return len(s.org.Calls()) >= calls+s.kill }, s.args...)
	} else {
		got = hurry(t, s.args...)
	}
	if killed {
		ended[-1]++
		// The kill may have come before or after the commit.
		if s.digest(t) == before {
			got = hurry(t, s.args...)
		}
	} else {
		ended[got.Code]++
	}
	if got.Code != 0 {
		if s.digest(t) != before {
			t.Errorf("exit code %d, and the table or its cursor changed", got.Code)
		}
		s.expected(t, got)
		s.org.Heal()
		s.renew()
		s.arrives(t)
	} else {
		exactly(t, s, s.org, s.object)
	}
	made := len(s.org.Calls()) - calls
	s.org.Heal()
	s.renew()
	s.change(20)
	s.arrives(t)
	return made
}

// expected wants the exit code of one of the troubles.
func (s *storm) expected(t *testing.T, got ran) {
	t.Helper()
	rules := documented(t)
	var exits []int
	for _, trouble := range s.troubles {
		_, exit := ruleFor(t, trouble.Name, rules)
		exits = append(exits, exit)
	}
	if !slices.Contains(exits, got.Code) || got.Error == nil || got.Error.Message == "" {
		t.Errorf("exit code %d, want one of %v and a message: %s%s", got.Code, exits, got.stdout, got.stderr)
	}
}
