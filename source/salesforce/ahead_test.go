package salesforce

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"go.uber.org/goleak"

	"sluice/source"
	"sluice/source/salesforce/fakeorg"
)

// The first page may wait long for the load's turn, during which no request may
// be under way; all that are sent for and not read are let go at the end.
func TestPagesAreSentForAheadOfTheirReadersOnceOneWasTaken(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 1000}, Knobs: fakeorg.Knobs{BulkPageSize: 100}})
	s, err := w.open(bulkOf(w.token()), w.options(memory.NewGoAllocator()))
	if err != nil {
		t.Fatal(err)
	}
	tab, err := s.Table(t.Context(), "Contact")
	if err != nil {
		t.Fatal(err)
	}
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	defer func() { _ = s.Close() }()
	scan, err := tab.Scan(t.Context(), source.Request{Observe: w.observe})
	if err != nil {
		t.Fatal(err)
	}
	var parts []source.Part
	for _, ahead := range []int{0, aheadOfReaders, aheadOfReaders} {
		part, err := scan.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part)
		if len(s.ahead) != ahead {
			t.Errorf("%d pages are sent for after part %d, want %d", len(s.ahead), len(parts), ahead)
		}
	}
	for _, part := range parts {
		if rows, err := readPart(t.Context(), part); err != nil || len(rows) != 100 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
	}
	if most := len(parts) + aheadOfReaders; w.calls("GET", "/results") > most {
		t.Errorf("%d pages were asked for, want %d at most", w.calls("GET", "/results"), most)
	}
	if err := scan.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.ahead) != 0 {
		t.Errorf("%d pages are left under way", len(s.ahead))
	}
}
