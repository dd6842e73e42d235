package salesforce

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/source/salesforce/fakeorg"
)

func TestAQueryThatTheOrgFindsTooLargeIsReadInHalvesEachRowOnce(t *testing.T) {
	for _, api := range []string{"rest", "bulk", "auto"} {
		t.Run(api, func(t *testing.T) {
			w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 3000}, Knobs: fakeorg.Knobs{MaxQueryRows: 300, BulkPageSize: 100, PageSize: 100}})
			u := w.credentials()
			u.API = api
			rows, _, err := w.load(u, "Contact")
			if err != nil {
				t.Fatal(err)
			}
			w.same("Contact", rows)
			for _, j := range w.Jobs() {
				if j.State != "JobComplete" && j.State != "Failed" {
					t.Errorf("a job is left %s", j.State)
				}
			}
		})
	}
}

func TestRowsThatComeWhileAQueryIsReadInHalvesAreNotDoubled(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 900}, Knobs: fakeorg.Knobs{MaxQueryRows: 250, PageSize: 60}})
	first := ""
	for r := range w.Rows("Contact") {
		first = r.ID()
		break
	}
	// Each row changed goes to the end of any order by time, and not by Id.
	w.Inject(fakeorg.Fault{Method: "GET", Path: "/services/data/*/query/*", Times: -1, Do: func() { w.Update("Contact", first, fakeorg.Values{"LastName": "Changed"}) }})
	u := w.token()
	u.API = "rest"
	rows, _, err := w.load(u, "Contact")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range rows {
		if id := r[0].(string); seen[id] {
			t.Errorf("%s came twice", id)
		} else {
			seen[id] = true
		}
	}
	if len(rows) != w.Count("Contact") {
		t.Errorf("%d rows, the org has %d", len(rows), w.Count("Contact"))
	}
}

func TestALocatorThatDiesOnTheThirdPageIsGoneOnFromTheLastKey(t *testing.T) {
	for object, page := range map[string]int{"Contact": 100, "Wide__c": 40} {
		for _, whom := range []string{"everybody's", "this session's"} {
			t.Run(object+", "+whom, func(t *testing.T) {
				w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 650, "Wide__c": 230}, Knobs: fakeorg.Knobs{PageSize: page}})
				kill := w.KillLocators
				if whom == "this session's" {
					kill = w.ExpireSessions
				}
				w.Inject(fakeorg.Fault{Method: "GET", Path: "/services/data/*/query/*", Nth: 3, Do: kill})
				u := w.credentials()
				u.API = "rest"
				rows, _, err := w.load(u, object)
				if err != nil {
					t.Fatal(err)
				}
				w.same(object, rows)
				if on := w.queriesWith("Id > '"); object == "Contact" && on != 1 {
					t.Errorf("%d queries go on from a key, want 1", on)
				}
				if n := w.calls("POST", "/services/oauth2/token"); n > 2 {
					t.Errorf("%d logins", n)
				}
			})
		}
	}
}

// queriesWith counts the REST queries that hold a text.
func (w *world) queriesWith(text string) (n int) {
	for _, c := range w.Calls() {
		query := strings.NewReplacer("+", " ", "%3E", ">", "%27", "'").Replace(c.Query)
		if strings.Contains(c.Path, "/query") && strings.Contains(query, text) {
			n++
		}
	}
	return n
}

func TestTheMiddleOfTwoIdsLiesBetweenThem(t *testing.T) {
	ids := []string{"001000000000000", "0010000000000zz", "001000000000200", "00Q5g00000AbCdE", "00Q5g00000zzzzz"}
	for i, low := range ids[:4] {
		high := ids[i+1]
		middle := middleID(low, high)
		if len(middle) != 18 || middle[:15] <= low || middle[:15] >= high {
			t.Errorf("between %s and %s lies %q", low, high, middle)
		}
	}
	for _, pair := range [][2]string{{"", ids[0]}, {ids[0], ids[0]}, {ids[1], ids[0]}, {"001-00000000000", ids[0]}, {"x", "y"}} {
		if got := middleID(pair[0], pair[1]); got != "" {
			t.Errorf("between %q and %q lies %q", pair[0], pair[1], got)
		}
	}
	w := newWorld(t, fakeorg.Config{})
	for r := range w.Rows("Contact") {
		if got := r.ID()[:15] + idSuffix([]byte(r.ID()[:15])); got != r.ID() {
			t.Fatalf("%s became %s", r.ID(), got)
		}
	}
}

func TestRangesNeverOverlapNorLeaveAGap(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 60}})
	u := w.token()
	u.API = "rest"
	s, err := w.open(u, w.options(nil))
	if err != nil {
		t.Fatal(err)
	}
	tab, err := s.Table(t.Context(), "Contact")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for r := range w.Rows("Contact") {
		want = append(want, r.ID())
	}
	slices.Sort(want)
	sc := &scan{t: tab.(*table), q: query{object: "Contact"}}
	ranges := []idRange{{}, {low: want[7], past: true}, {low: want[3], high: want[50]}}
	for len(ranges) > 0 {
		a := ranges[0]
		ranges = ranges[1:]
		halves, err := sc.halve(t.Context(), a, fmt.Errorf("too large"))
		if err != nil {
			if n := count(want, a); n > 1 && a.low != "" && a.high != "" {
				t.Errorf("%+v has %d rows and no halves", a, n)
			}
			continue
		}
		if got := count(want, halves[0]) + count(want, halves[1]); got != count(want, a) {
			t.Fatalf("%+v has %d rows, its halves %+v have %d", a, count(want, a), halves, got)
		}
		if count(want, a) > 1 {
			ranges = append(ranges, halves...)
		}
	}
}

// count is how many of the ids are in a range.
func count(ids []string, a idRange) (n int) {
	for _, id := range ids {
		if (a.low == "" || id > a.low || id == a.low && !a.past) && (a.high == "" || id < a.high) {
			n++
		}
	}
	return n
}
