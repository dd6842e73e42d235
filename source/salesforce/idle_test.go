package salesforce

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/source"
	"sluice/source/salesforce/fakeorg"
)

// TestAServerThatDropsTheConnectionWhileTheDestinationStallsCostsNoRow holds
// the first batch of a page until the org has cut the download behind it.
func TestAServerThatDropsTheConnectionWhileTheDestinationStallsCostsNoRow(t *testing.T) {
	for _, api := range []string{"rest", "bulk"} {
		t.Run(api, func(t *testing.T) {
			w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 30_000}, Knobs: fakeorg.Knobs{BulkPageSize: 30_000, PageSize: 2000}})
			struck := make(chan struct{})
			f := fakeorg.Fault{Method: "GET", CutAfterBytes: 100_000, Do: func() { close(struck) }, Path: "/services/data/*/jobs/query/*/results"}
			if api == "rest" {
				f.Path, f.CutAfterBytes = "/services/data/*/query/*", 10_000
			}
			w.Inject(f)
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
			scan, err := tab.Scan(t.Context(), source.Request{Fields: []string{"Id", "LastName"}})
			if err != nil {
				t.Fatal(err)
			}
			part, err := scan.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			rows, attempts := int64(0), 0
			for err = errors.New("not read yet"); err != nil && attempts < 3; attempts++ {
				rows = 0
				err = part.Read(t.Context(), func(b arrow.RecordBatch) error {
					if rows += b.NumRows(); rows == b.NumRows() && attempts == 0 {
						<-struck
						time.Sleep(100 * time.Millisecond) // the cut arrives, or does not yet: both are right
					}
					return nil
				})
				var again interface{ Retryable() bool }
				if err != nil && (!errors.As(err, &again) || !again.Retryable()) {
					t.Fatal(err)
				}
			}
			if api == "bulk" && attempts != 2 {
				t.Errorf("%d attempts: the download was not cut", attempts)
			}
			if _, end := scan.Next(t.Context()); err != nil || !errors.Is(end, io.EOF) {
				t.Fatal(err, end)
			}
			if err := errors.Join(scan.Verify(), scan.Close(t.Context())); err != nil || rows != int64(w.Count("Contact")) {
				t.Errorf("%d rows of %d: %v", rows, w.Count("Contact"), err)
			}
		})
	}
}

// TestManyObjectsWithFewChangesTakeNoJob: an org takes 10,000 Bulk jobs a
// day, which small windows would use up.
func TestManyObjectsWithFewChangesTakeNoJob(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 10_000}})
	w.Advance(48 * time.Hour)
	s := w.source()
	start := w.Now()
	n := 0
	for r := range w.Rows("Contact") {
		if n++; n > 40 {
			break
		}
		w.Update("Contact", r.ID(), fakeorg.Values{"LastName": "Changed"})
	}
	before := len(w.Calls())
	const objects = 100
	for i := range objects { // Contact stands for each of them
		r := source.Request{From: start, Track: true, GoneSince: start, WithDeleted: true}
		if got := w.pass(s, "Contact", r); got.api != "rest" || len(got.alive) != 40 {
			t.Fatalf("object %d: by %s, %d rows", i, got.api, len(got.alive))
		}
	}
	if jobs := len(w.Jobs()); jobs > 0 {
		t.Errorf("%d jobs", jobs)
	}
	if calls := len(w.Calls()) - before; calls > 3*objects {
		t.Errorf("%d calls for %d objects", calls, objects)
	}
}
