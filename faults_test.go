package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/source/salesforce/fakeorg"
)

// stricken is an org that troubles meet one after the other, and a database
// with a table of it.
type stricken struct {
	end
	org  *fakeorg.Org
	args []string
}

// small is an object with few fields, so that many loads take little time.
const small = "OpportunityContactRole"

// newStricken is for troubles that are met in a certain way; see
// [fakeorg.Trouble].
func newStricken(t *testing.T, e end, way string) *stricken {
	t.Helper()
	org := fakeorg.New(fakeorg.Config{Seed: 5, Rows: map[string]int{small: 300}, Knobs: fakeorg.Knobs{BulkPageSize: 100, PageSize: 70}})
	signIn, stop := org.Start()
	t.Cleanup(stop)
	login, api := "credentials", "rest"
	switch way {
	case "password":
		login = way
	case "bulk":
		api = way
	}
	s := &stricken{e, org, []string{
		"ingest", "--source-uri", signIns(org, signIn)[login] + "&api=" + api, "--source-table", small, "--dest-uri", e.address(), "--dest-table", "t",
		"--incremental-strategy", "merge", "--full-refresh", "--json", "--debug", "--progress", "log",
	}}
	s.arrives(t)
	return s
}

// arrives wants a run to succeed, with the exact rows.
func (s *stricken) arrives(t *testing.T) {
	t.Helper()
	if got := hurry(t, s.args...); got.Code != 0 {
		t.Fatalf("exit code %d: %s", got.Code, got.stdout)
	}
	exactly(t, s, s.org, small)
}

// changes gives the next load something to do.
func (s *stricken) changes() {
	n := 0
	for row := range s.org.Rows(small) {
		if n++; n > 20 {
			break
		}
		s.org.Update(small, row.ID(), fakeorg.Values{"Role": s.org.Now().String()})
	}
	s.org.Grow(small, 3)
	s.org.Advance(time.Hour)
}

// TestTheTableOfFaultsHoldsForTheWholeProgram strikes each trouble once and for
// ever. A run ends in success with the exact rows, or with the exit code of
// doc/faults.md and with table and cursor as they were; afterwards a run of the
// healed org has the exact rows. Each meets one of the destinations; FAULTS=all
// lets it meet both.
func TestTheTableOfFaultsHoldsForTheWholeProgram(t *testing.T) {
	rules := documented(t)
	all := os.Getenv("FAULTS") == "all"
	for turn, name := range slices.Sorted(maps.Keys(ends)) {
		t.Run(name, func(t *testing.T) {
			ways := map[string]*stricken{}
			for i, trouble := range fakeorg.Troubles {
				s := ways[trouble.Way]
				if s == nil {
					s = newStricken(t, ends[name](t), trouble.Way)
					ways[trouble.Way] = s
				}
				for j, times := range []int{1, -1} {
					if !all && (i+j)%len(ends) != turn {
						continue
					}
					t.Run(fmt.Sprintf("%s %d", trouble.Name, times), func(t *testing.T) {
						does, exit := ruleFor(t, trouble.Name, rules)
						s.meets(t, trouble, times, wanted(does, exit, times))
					})
				}
			}
		})
	}
}

// meets strikes a trouble and wants that exit code.
func (s *stricken) meets(t *testing.T, trouble fakeorg.Trouble, times, want int) {
	t.Helper()
	s.changes()
	before := s.digest(t)
	trouble.Strike(s.org, 1, times)
	defer s.org.Heal()
	got := hurry(t, s.args...)
	if got.Code != want {
		t.Fatalf("exit code %d, want %d: %s", got.Code, want, got.stdout)
	}
	if want == 0 {
		exactly(t, s, s.org, small)
		return
	}
	if s.digest(t) != before {
		t.Error("the table or its cursor changed")
	}
	if got.Error == nil || got.Error.Message == "" || got.Error.Hint == "" && want != 1 {
		t.Errorf("the error does not say what to do: %+v", got.Error)
	}
	s.org.Heal()
	s.arrives(t)
}

// wanted is the exit code of a run that meets a fault once or always.
func wanted(does string, exit, times int) int {
	switch {
	case does == "stops":
		return exit
	case times > 0:
		return 0
	case strings.HasPrefix(does, "goes on behind the last Id"): // each new query gives a page
		return 0
	}
	return exit
}
