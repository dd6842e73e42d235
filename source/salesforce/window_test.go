package salesforce

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"sluice/source"
	"sluice/source/salesforce/fakeorg"
)

// pass is what one scan brought: ids of rows, alive and deleted, and of rows
// that are gone.
type pass struct {
	alive, deleted, gone []string
	horizon              time.Time
	api                  string
}

// pass reads a request to its end.
func (w *world) pass(s *Source, object string, r source.Request) pass {
	w.t.Helper()
	tab, err := s.Table(w.t.Context(), object)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Observe = w.observe
	scan, err := tab.Scan(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer scan.Close(context.Background())
	var p pass
	for {
		part, err := scan.Next(w.t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			w.t.Fatal(err)
		}
		err = part.Read(w.t.Context(), func(b arrow.RecordBatch) error {
			ids := b.Column(b.Schema().FieldIndices("Id")[0]).(*array.String)
			marks := b.Column(b.Schema().FieldIndices("IsDeleted")[0]).(*array.Boolean)
			for i := range ids.Len() {
				list := &p.alive
				if marks.Value(i) {
					list = &p.deleted
				}
				*list = append(*list, strings.Clone(ids.Value(i)))
			}
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	if err := scan.Verify(); err != nil {
		w.t.Fatal(err)
	}
	err = scan.Gone(w.t.Context(), func(b arrow.RecordBatch) error {
		for i := range int(b.NumRows()) {
			p.gone = append(p.gone, strings.Clone(b.Column(0).(*array.String).Value(i)))
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, list := range [][]string{p.alive, p.deleted, p.gone} {
		slices.Sort(list)
	}
	p.horizon, p.api = scan.Horizon(), scan.Plan().API
	return p
}

func (w *world) source() *Source {
	w.t.Helper()
	s, err := w.open(w.token(), w.options(memory.NewGoAllocator()))
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func sorted(ids ...string) []string {
	slices.Sort(ids)
	return ids
}

const deletedContacts = "/services/data/v64.0/sobjects/Contact/deleted/"

func TestAWindowReadsWhatChangedSinceItsStartInclusive(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 3000}})
	w.Advance(48 * time.Hour)
	start := w.Now()
	var want []string
	for range 3 {
		want = append(want, w.Insert("Contact", fakeorg.Values{"LastName": "Tie", "SystemModstamp": start.Truncate(time.Second)}))
	}
	s := w.source()
	got := w.pass(s, "Contact", source.Request{From: start.Truncate(time.Second)})
	if !slices.Equal(got.alive, sorted(want...)) || got.api != "rest" {
		t.Errorf("%+v, want %v by rest", got, want)
	}
	if got := w.pass(s, "Contact", source.Request{From: start.Add(2 * time.Second)}); len(got.alive) != 0 {
		t.Errorf("after the window: %v", got.alive)
	}
	if got := w.pass(s, "Contact", source.Request{To: start.Truncate(time.Second)}); len(got.alive) != w.Count("Contact")-3 {
		t.Errorf("before the window: %d rows, want %d", len(got.alive), w.Count("Contact")-3)
	}
}

func TestARunWithoutChangesTakesThreeCalls(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 5000}})
	w.Advance(48 * time.Hour)
	s := w.source()
	at := w.Now()
	w.Advance(time.Hour)
	if got := w.pass(s, "Contact", source.Request{From: at, WithDeleted: true, Track: true, GoneSince: at}); len(got.alive)+len(got.gone) > 0 {
		t.Errorf("%+v", got)
	}
	if n := len(w.Calls()); n > 3 {
		t.Errorf("%d calls: %+v", n, w.Calls())
	}
}

func TestDeletedRowsAreToldHoweverTheyWentAway(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 60, "Account": 40}})
	w.Advance(48 * time.Hour)
	start := w.Now()
	w.Advance(5 * time.Minute)
	var ids []string
	for r := range w.Rows("Contact") {
		ids = append(ids, r.ID())
	}
	w.Delete("Contact", ids[0], ids[1], ids[2])
	w.Undelete("Contact", ids[1])
	w.HardDelete("Contact", ids[3])
	w.Merge("Contact", ids[4], ids[5])
	w.Advance(3 * time.Minute)
	s := w.source()
	got := w.pass(s, "Contact", source.Request{From: start, WithDeleted: true, Track: true, GoneSince: start})
	if want := sorted(ids[0], ids[2], ids[5]); !slices.Equal(got.deleted, want) {
		t.Errorf("in the bin: %v, want %v", got.deleted, want)
	}
	if !slices.Equal(got.gone, []string{ids[3]}) {
		t.Errorf("gone: %v, want %v", got.gone, ids[3])
	}
	if !slices.Contains(got.alive, ids[1]) || !slices.Contains(got.alive, ids[4]) {
		t.Errorf("undeleted row or winner missing in %v", got.alive)
	}
	w.EmptyBin()
	w.Advance(3 * time.Minute)
	got = w.pass(s, "Contact", source.Request{From: w.Now().Add(-time.Minute), WithDeleted: true, Track: true, GoneSince: start})
	if want := sorted(ids[0], ids[2], ids[3], ids[5]); !slices.Equal(got.gone, want) {
		t.Errorf("after the bin was emptied: %v, want %v", got.gone, want)
	}
}

func TestARowErasedInTheMinuteOfARunIsTold(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 20}})
	w.Advance(48 * time.Hour)
	start := w.Now()
	w.Advance(5 * time.Minute)
	var ids []string
	for r := range w.Rows("Contact") {
		ids = append(ids, r.ID())
	}
	w.HardDelete("Contact", ids[3])
	request := source.Request{From: start, WithDeleted: true, Track: true, GoneSince: start}
	if got := w.pass(w.source(), "Contact", request); !slices.Equal(got.gone, ids[3:4]) || got.horizon.After(w.Now()) {
		t.Errorf("gone: %v up to %s, want %v up to %s", got.gone, got.horizon, ids[3:4], w.Now())
	}
	w.Set(func(k *fakeorg.Knobs) { k.NoFutureInLog = true })
	w.HardDelete("Contact", ids[4])
	w.Advance(time.Minute)
	if got := w.pass(w.source(), "Contact", request); !slices.Equal(got.gone, sorted(ids[3], ids[4])) || w.warnings() != "" {
		t.Errorf("gone: %v, want %v; warnings %q", got.gone, ids[3:5], w.warnings())
	}
}

func TestTheLogOfDeletionsIsReadInHalves(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 20}})
	w.Advance(48 * time.Hour)
	start := w.Now()
	w.Advance(5 * time.Minute)
	var ids []string
	for r := range w.Rows("Contact") {
		ids = append(ids, r.ID())
	}
	w.HardDelete("Contact", ids[0])
	w.Advance(time.Hour)
	w.HardDelete("Contact", ids[1])
	w.Inject(fakeorg.Fault{Path: deletedContacts, Times: 3, Status: 400, Body: `[{"message":"exceeded id limit of 600000","errorCode":"EXCEEDED_ID_LIMIT"}]`})
	got := w.pass(w.source(), "Contact", source.Request{From: start, WithDeleted: true, Track: true, GoneSince: start})
	if !slices.Equal(got.gone, sorted(ids[:2]...)) {
		t.Errorf("gone: %v, want %v", got.gone, ids[:2])
	}
}

func TestAnOrgWithoutALogOfDeletionsIsReadWithoutIt(t *testing.T) {
	for _, refusal := range []fakeorg.Fault{
		{Status: 404, Body: `[{"message":"The requested resource does not exist","errorCode":"NOT_FOUND"}]`},
		{Status: 403, Body: `[{"message":"insufficient access rights on object id","errorCode":"INSUFFICIENT_ACCESS"}]`},
		{Status: 400, Body: `[{"message":"startDate before org replication enabled date","errorCode":"INVALID_REPLICATION_DATE"}]`},
		{Status: 400, Body: `[{"message":"object type Contact is not replicateable","errorCode":"INVALID_TYPE"}]`},
	} {
		w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 20}})
		refusal.Path, refusal.Times = deletedContacts, -1
		w.Inject(refusal)
		got := w.pass(w.source(), "Contact", source.Request{Track: true})
		if len(got.alive) != w.Count("Contact") || got.horizon.IsZero() || w.warnings() != "" {
			t.Errorf("first run: %d rows up to %s, want %d; warnings %q", len(got.alive), got.horizon, w.Count("Contact"), w.warnings())
		}
		start := w.Now()
		w.Advance(time.Hour)
		added := w.Insert("Contact", fakeorg.Values{"LastName": "New"})
		got = w.pass(w.source(), "Contact", source.Request{From: start, WithDeleted: true, Track: true, GoneSince: start})
		if !slices.Equal(got.alive, []string{added}) || !strings.Contains(w.warnings(), "--reconcile") {
			t.Errorf("second run: %v, want %v; warnings %q", got.alive, added, w.warnings())
		}
	}
}

func TestALogOfDeletionsThatBeginsTooLateSaysSo(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 20}})
	w.Advance(48 * time.Hour)
	start := w.Now()
	w.Advance(time.Hour)
	purged := start.Add(30 * time.Minute).Format("2006-01-02T15:04:05.000-0700")
	w.Inject(fakeorg.Fault{Path: deletedContacts, Status: 200, Body: `{"deletedRecords":[],"earliestDateAvailable":"` + purged + `","latestDateCovered":"` + purged + `"}`})
	w.pass(w.source(), "Contact", source.Request{From: start, WithDeleted: true, Track: true, GoneSince: start})
	if !strings.Contains(w.warnings(), "--reconcile") {
		t.Errorf("warnings: %q", w.warnings())
	}
}

func TestErasedRowsAreToldByAnOrgWithoutAClock(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 20}, Now: time.Now})
	start := w.Now()
	var id string
	for r := range w.Rows("Contact") {
		id = r.ID()
	}
	w.HardDelete("Contact", id)
	w.Inject(fakeorg.Fault{Path: "/services/*", Times: -1, Header: http.Header{"Date": {""}}})
	got := w.pass(w.source(), "Contact", source.Request{From: start, WithDeleted: true, Track: true, GoneSince: start})
	if !slices.Equal(got.gone, []string{id}) || got.horizon.IsZero() || got.horizon.After(w.Now()) {
		t.Errorf("gone: %v up to %s, want %s up to %s", got.gone, got.horizon, id, w.Now())
	}
}

func TestARowThatTheLogListsButThatIsThereIsNotGone(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 20}})
	w.Advance(48 * time.Hour)
	start := w.Now()
	w.Advance(time.Minute)
	var id string
	for r := range w.Rows("Contact") {
		id = r.ID()
	}
	w.Delete("Contact", id)
	w.Undelete("Contact", id)
	w.Advance(30 * time.Minute)
	w.Inject(fakeorg.Fault{Path: deletedContacts, Status: 200, Body: `{"deletedRecords":[{"id":"` + id + `","deletedDate":"2026-03-04T09:02:00.000+0000"}],"earliestDateAvailable":"2026-02-17T09:00:00.000+0000","latestDateCovered":"2026-03-04T09:30:00.000+0000"}`})
	got := w.pass(w.source(), "Contact", source.Request{From: w.Now(), WithDeleted: true, Track: true, GoneSince: start})
	if len(got.gone) != 0 {
		t.Errorf("%v is taken for gone", got.gone)
	}
}

func TestTheHorizonNeverPassesTheOrgsClockNorAnOpenTransaction(t *testing.T) {
	w := newWorld(t, fakeorg.Config{})
	s := w.source()
	got := w.pass(s, "Contact", source.Request{Track: true})
	if got.horizon.IsZero() || got.horizon.After(w.Now()) || w.Now().Sub(got.horizon) > 2*time.Minute {
		t.Errorf("horizon %s, the org's clock is %s", got.horizon, w.Now())
	}
	begun := w.Now()
	tx := w.Begin("Contact")
	w.Advance(20 * time.Minute)
	if got = w.pass(s, "Contact", source.Request{Track: true}); got.horizon.After(begun) {
		t.Errorf("horizon %s, a transaction is open since %s", got.horizon, begun)
	}
	tx.Commit()
}

func TestAWindowOlderThanTheDeleteLogSaysSo(t *testing.T) {
	w := newWorld(t, fakeorg.Config{})
	start := w.Now()
	w.Advance(20 * 24 * time.Hour)
	s := w.source()
	w.pass(s, "Contact", source.Request{From: start, WithDeleted: true, Track: true, GoneSince: start})
	if !strings.Contains(w.warnings(), "--reconcile") {
		t.Errorf("warnings: %q", w.warnings())
	}
}

func TestArchivedTasksAndEventsAreRowsOfTheTable(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Task": 400}})
	var some []string
	for r := range w.Rows("Task") {
		some = append(some, r.ID())
	}
	w.Archive("Task", some[:5]...)
	got := w.pass(w.source(), "Task", source.Request{})
	alive := 0
	for r := range w.AllRows("Task") {
		if r.Value("IsDeleted") == false {
			alive++
		}
	}
	if len(got.deleted) != 0 || len(got.alive) != alive || alive < len(some) {
		t.Errorf("%d rows and %d deleted ones, want %d and none", len(got.alive), len(got.deleted), alive)
	}
}

func TestAFieldThatCannotBeACursorIsRefused(t *testing.T) {
	w := newWorld(t, fakeorg.Config{})
	tab, err := w.source().Table(t.Context(), "Contact")
	if err != nil {
		t.Fatal(err)
	}
	_, err = tab.Scan(t.Context(), source.Request{CursorKey: "LastName", From: w.Now()})
	var e *source.Error
	if !errors.As(err, &e) || e.Kind != source.BadRequest || !strings.Contains(e.Hint(), "SystemModstamp") {
		t.Errorf("got %v", err)
	}
	w.Unfilter("Contact", "SystemModstamp")
	if tab, err = w.source().Table(t.Context(), "Contact"); err != nil || tab.CursorKey() != "LastModifiedDate" {
		t.Errorf("%v, %v", tab.CursorKey(), err)
	}
}
