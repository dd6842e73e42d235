package salesforce

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"sluice/source"
	"sluice/source/salesforce/fakeorg"
)

func openToken(t *testing.T, w *world) *Source {
	t.Helper()
	s, err := Open(t.Context(), w.token(), w.options(memory.DefaultAllocator))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestObjectsTellWhatADescribeTells(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Seed: 3, Rows: map[string]int{"Account": 12}})
	s := openToken(t, w)
	list, err := s.Objects(t.Context())
	if err != nil || len(list) < 20 {
		t.Fatalf("%d objects, %v", len(list), err)
	}
	cursors, skipped := 0, 0
	for _, l := range list {
		if l.Name == "Ghost__c" { // listed, and then it has no describe: a fault of the org
			continue
		}
		table, err := s.Table(t.Context(), l.Name)
		if (err == nil) != (l.Skip == "") && !onlyByKey[l.Name] {
			t.Errorf("%s: skip %q, but %v", l.Name, l.Skip, err)
		}
		if err != nil {
			skipped++
			continue
		}
		if l.Cursor != "" {
			cursors++
			if l.Cursor != table.CursorKey() {
				t.Errorf("%s: listed with %s, described with %s", l.Name, l.Cursor, table.CursorKey())
			}
		}
	}
	if cursors < 10 || skipped == 0 {
		t.Errorf("%d cursors, %d skipped", cursors, skipped)
	}
}

func TestCountsGoInAsFewCallsAsAddressesAllow(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Seed: 3, Rows: map[string]int{"Account": 12, "Contact": 34}})
	s := openToken(t, w)
	names := []string{"Account"}
	for range 400 {
		names = append(names, "X"+strings.Repeat("y", 60)+"__c")
	}
	before := s.Usage().Calls
	counts, err := s.Counts(t.Context(), append(names, "Contact"))
	if err != nil || !maps.Equal(counts, map[string]int64{"Account": int64(w.Count("Account")), "Contact": int64(w.Count("Contact"))}) {
		t.Errorf("%v %v", counts, err)
	}
	if calls := s.Usage().Calls - before; calls != 3 {
		t.Errorf("%d calls for 26 kB of names", calls)
	}
	if counts, err := s.Counts(t.Context(), nil); err != nil || len(counts) > 0 {
		t.Errorf("none: %v %v", counts, err)
	}
}

func TestWhatAnOrgDoesNotTellIsDoneWithout(t *testing.T) {
	w := newWorld(t, fakeorg.Config{})
	s := openToken(t, w)
	w.Inject(fakeorg.Fault{Path: "/services/data/v64.0/limits*", Times: -1, Status: 403, Body: `[{"message":"insufficient access rights on object id","errorCode":"INSUFFICIENT_ACCESS"}]`})
	w.Inject(fakeorg.Fault{Path: "/services/data", Times: -1, Status: 404})
	counts, err := s.Counts(t.Context(), []string{"Account"})
	if err != nil || len(counts) > 0 {
		t.Errorf("counts: %v %v", counts, err)
	}
	limits, err := s.Limits(t.Context())
	if err != nil || len(limits) > 0 {
		t.Errorf("limits: %v %v", limits, err)
	}
	versions, err := s.Versions(t.Context())
	if err != nil || len(versions) > 0 {
		t.Errorf("versions: %v %v", versions, err)
	}
}

// TestTheCostIsWhatALoadCosts loads by both APIs and compares. The org may give
// shorter pages than it is asked for, and its queue may take longer.
func TestTheCostIsWhatALoadCosts(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Seed: 3, Rows: map[string]int{"Account": 4100, "Contact": 12_000}})
	for object, want := range map[string]string{"Account": "rest", "Contact": "bulk"} {
		s := openToken(t, w)
		api, calls := s.Cost(int64(w.Count(object)))
		before := s.Usage().Calls
		table, err := s.Table(t.Context(), object)
		if err != nil {
			t.Fatal(err)
		}
		scan, err := table.Scan(t.Context(), source.Request{})
		if err != nil {
			t.Fatal(err)
		}
		for {
			part, err := scan.Next(t.Context())
			if err != nil {
				break
			}
			if err := part.Read(t.Context(), func(arrow.RecordBatch) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		if err := scan.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		spent := s.Usage().Calls - before
		if api != want || scan.Plan().API != api || spent > calls+3 || spent < calls-3 {
			t.Errorf("%s: %d calls by %s, foreseen were %d by %s", object, spent, scan.Plan().API, calls, api)
		}
	}
}

func TestLimitsVersionsAndClock(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Seed: 3, APILimit: 500})
	s := openToken(t, w)
	if !s.Clock().IsZero() {
		t.Errorf("a clock before an answer: %s", s.Clock())
	}
	limits, err := s.Limits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(limits, func(l Limit) bool { return l.Name == "DailyApiRequests" })
	if i < 0 || limits[i].Max != 500 || limits[i].Remaining >= 500 || limits[i].Remaining < 490 {
		t.Errorf("%v", limits)
	}
	versions, err := s.Versions(t.Context())
	if err != nil || !slices.Contains(versions, s.Version()) || versionNumber(versions[0]) > versionNumber(versions[len(versions)-1]) {
		t.Errorf("%v %v", versions, err)
	}
	if s.Clock().IsZero() {
		t.Error("no clock after an answer")
	}
}

func TestDescribeSaysWhyAFieldIsMissing(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Seed: 3})
	d, err := openToken(t, w).Describe(t.Context(), "account")
	if err != nil {
		t.Fatal(err)
	}
	left, columns := 0, 0
	for _, f := range d.Fields {
		switch {
		case (f.Arrow == nil) == (f.Left == ""):
			t.Errorf("%+v", f)
		case f.Arrow == nil:
			left++
		default:
			columns++
		}
	}
	if left == 0 || columns != d.Schema().NumFields() || d.Label != "Account" {
		t.Errorf("%d left out, %d columns, label %q", left, columns, d.Label)
	}
	for typ := range skipped {
		if whyLeft[typ] == "" {
			t.Errorf("no reason for %s", typ)
		}
	}
}
