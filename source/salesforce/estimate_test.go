package salesforce

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/source"
	"sluice/source/salesforce/fakeorg"
)

// TestAnEstimateIsWhatAScanDoes compares query, rows, API, jobs and calls of an
// estimate with those of the scan after it.
func TestAnEstimateIsWhatAScanDoes(t *testing.T) {
	for _, api := range []string{"auto", "rest", "bulk"} {
		for name, r := range map[string]source.Request{
			"all":    {},
			"window": {From: fakeorg.Epoch.Add(-300 * 24 * time.Hour), Track: true},
			"limit":  {Limit: 700},
			"where":  {Where: "LastName < 'C'"},
			"little": {From: fakeorg.Epoch.Add(-24 * time.Hour), Track: true},
		} {
			t.Run(fmt.Sprint(api, " ", name), func(t *testing.T) {
				w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 14_000}})
				u := w.token()
				u.API = api
				s, err := w.open(u, w.options(nil))
				if err != nil {
					t.Fatal(err)
				}
				tab, err := s.Table(t.Context(), "Contact")
				if err != nil {
					t.Fatal(err)
				}
				before := len(w.Calls())
				e, err := tab.Estimate(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				if n := len(w.Calls()) - before; n > 1 || len(w.Jobs()) > 0 {
					t.Errorf("the estimate took %d calls and %d jobs", n, len(w.Jobs()))
				}
				before = len(w.Calls())
				scan, err := tab.Scan(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				rows := int64(0)
				for {
					part, err := scan.Next(t.Context())
					if errors.Is(err, io.EOF) {
						break
					}
					if err != nil {
						t.Fatal(err)
					}
					if err := part.Read(t.Context(), func(b arrow.RecordBatch) error { rows += b.NumRows(); return nil }); err != nil {
						t.Fatal(err)
					}
				}
				if err := scan.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
				calls := int64(len(w.Calls())-before) + 1 // and the describe
				if p := scan.Plan(); p.API != e.API || p.Reason != e.Reason && api != "auto" {
					t.Errorf("read by %s (%s), estimated %s (%s)", p.API, p.Reason, e.API, e.Reason)
				}
				if rows != e.Rows || int64(len(w.Jobs())) != e.Jobs || e.Time <= 0 {
					t.Errorf("%d rows and %d jobs, estimated %+v", rows, len(w.Jobs()), e)
				}
				// The org may give shorter pages than it is asked for, and looks
				// at a job come as often as it takes.
				if e.API == "rest" && (calls < e.Calls || calls > 2*e.Calls) || e.API == "bulk" && (calls > e.Calls+2 || calls < e.Calls-4) {
					t.Errorf("%d calls, estimated %d", calls, e.Calls)
				}
				if jobs := w.Jobs(); len(jobs) > 0 && jobs[0].Query != e.Query {
					t.Errorf("asked %s, estimated %s", jobs[0].Query, e.Query)
				}
			})
		}
	}
}

func TestAnEstimateOfAWrongConditionFails(t *testing.T) {
	w := newWorld(t, fakeorg.Config{})
	tab, err := w.source().Table(t.Context(), "Contact")
	if err != nil {
		t.Fatal(err)
	}
	var e *source.Error
	if _, err = tab.Estimate(t.Context(), source.Request{Where: "Nothing__c = 1"}); !errors.As(err, &e) || e.Code != "INVALID_FIELD" {
		t.Errorf("got %v", err)
	}
}
