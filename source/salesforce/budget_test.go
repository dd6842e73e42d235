package salesforce

import (
	"errors"
	"strings"
	"testing"

	"sluice/source"
	"sluice/source/salesforce/fakeorg"
)

func TestABudgetEndsTheRunBeforeTheOrgDoes(t *testing.T) {
	for name, tt := range map[string]struct {
		budget Budget
		limit  int
		most   int // requests that may arrive, the login and the end of a job aside
	}{
		"a number of calls":     {Budget{Calls: 6}, 100_000, 6},
		"a share of the day":    {Budget{Share: 0.5}, 12, 6},
		"a share of a tiny day": {Budget{Share: 0.1}, 5, 0},
	} {
		for _, api := range []string{"rest", "bulk"} {
			t.Run(name+"/"+api, func(t *testing.T) {
				w := newWorld(t, fakeorg.Config{APILimit: tt.limit, Rows: map[string]int{"Contact": 2000}, Knobs: fakeorg.Knobs{PageSize: 100, BulkPageSize: 100}})
				u := w.credentials()
				u.API = api
				_, err := w.loadWith(u, func(o *Options) { o.Budget = tt.budget })
				var e *source.Error
				if !errors.As(err, &e) || e.Kind != source.BudgetSpent || !strings.Contains(e.Mend, "--api-budget") {
					t.Fatalf("got %v", err)
				}
				asked := 0
				for _, c := range w.Calls() {
					if c.Method == "GET" || c.Method == "POST" && strings.HasPrefix(c.Path, "/services/data/") {
						asked++
					}
				}
				// /limits is asked for before anything is known.
				if asked > max(tt.most, 1) {
					t.Errorf("%d requests, want at most %d", asked, tt.most)
				}
				for _, j := range w.Jobs() {
					if !j.Deleted && j.State != "Aborted" {
						t.Errorf("a job is left %s in the org", j.State)
					}
				}
				if w.slept > 0 && api == "rest" {
					t.Error("the run waited for calls to come back")
				}
			})
		}
	}
}

func TestABudgetThatSufficesChangesNothing(t *testing.T) {
	w := newWorld(t, fakeorg.Config{})
	for _, budget := range []Budget{{Calls: 1000}, {Share: 0.8}} {
		before := len(w.Calls())
		if _, err := w.loadWith(w.credentials(), func(o *Options) { o.Budget = budget }); err != nil {
			t.Fatal(err)
		}
		if n := len(w.Calls()) - before; n > 6 {
			t.Errorf("%+v: %d requests", budget, n)
		}
	}
}
