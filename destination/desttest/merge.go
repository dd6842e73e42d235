package desttest

import (
	"errors"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/go-cmp/cmp"

	"sluice/destination"
	"sluice/state"
)

// deal is a row of the tables that are merged.
type deal struct {
	id, name string
	minute   int // of the stamp, after noon; less than 0 for none
	deleted  bool
}

var deals = arrow.NewSchema([]arrow.Field{
	{Name: "Id", Type: arrow.BinaryTypes.String},
	{Name: "Name", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "SystemModstamp", Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true},
	{Name: "IsDeleted", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
}, nil)

func noon(minute int) time.Time { return time.Date(2026, 5, 1, 12, minute, 0, 0, time.UTC) }

func (c *check) deals(list []deal) arrow.RecordBatch {
	b := array.NewRecordBuilder(c.mem, deals)
	defer b.Release()
	for _, d := range list {
		b.Field(0).(*array.StringBuilder).Append(d.id)
		b.Field(1).(*array.StringBuilder).Append(d.name)
		if d.minute < 0 {
			b.Field(2).AppendNull()
		} else {
			b.Field(2).(*array.TimestampBuilder).Append(arrow.Timestamp(noon(d.minute).UnixMicro()))
		}
		b.Field(3).(*array.BooleanBuilder).Append(d.deleted)
	}
	return b.NewRecordBatch()
}

// dealSpec is a load of deals that removes deleted rows and keeps a state.
func (c *check) dealSpec(mode destination.Mode) destination.Spec {
	s := c.spec(deals, mode)
	s.Cursor, s.Deleted = "SystemModstamp", "IsDeleted"
	s.State = state.Key{Org: "00D000000000001", Source: "Deal", Dest: c.table.String()}
	return s
}

// put loads deals and the keys that are gone, and commits with a state whose
// cursor is the minute.
func (c *check) put(s destination.Spec, minute int, gone []string, list ...deal) destination.Result {
	c.Helper()
	l := c.begin(s)
	c.stageDeals(l, gone, list)
	r, err := l.Commit(c.Context(), &state.State{Cursor: noon(minute), CursorKey: "SystemModstamp", Strategy: string(s.Mode)})
	c.ok(err)
	c.ok(l.Abort(c.Context()))
	if staged := int64(len(list)); r.Written+r.Superseded != staged {
		c.Errorf("%d rows were staged, %d written and %d passed over", staged, r.Written, r.Superseded)
	}
	return r
}

func (c *check) stageDeals(l destination.Load, gone []string, list []deal) {
	c.Helper()
	if len(list) > 0 {
		st := c.stage(l)
		c.write(st, c.deals(list))
		c.ok(st.Close(c.Context()))
	}
	if len(gone) > 0 {
		st, err := l.StageGone(c.Context())
		c.ok(err)
		b := array.NewRecordBuilder(c.mem, arrow.NewSchema(deals.Fields()[:1], nil))
		for _, id := range gone {
			b.Field(0).(*array.StringBuilder).Append(id)
		}
		c.write(st, b.NewRecordBatch())
		b.Release()
		c.ok(st.Close(c.Context()))
	}
}

// holds compares the table with deals, none of them deleted.
func (c *check) holds(list ...deal) {
	c.Helper()
	var want [][]any
	for _, d := range list {
		var at any
		if d.minute >= 0 {
			at = noon(d.minute)
		}
		want = append(want, []any{d.id, d.name, at, d.deleted})
	}
	_, rows := c.s.Rows(c.T, c.d, c.table)
	if diff := cmp.Diff(want, rows); diff != "" {
		c.Errorf("rows (-want +got): %s", diff)
	}
}

func mergeRows(c *check) {
	c.put(c.dealSpec(destination.Replace), 2, nil, deal{"1", "a", 1, false}, deal{"2", "b", 2, false}, deal{"3", "c", 2, false})
	r := c.put(c.dealSpec(destination.Merge), 5, nil, deal{"2", "B", 4, false}, deal{"4", "d", 5, false})
	if r.Written != 2 || r.Deleted != 0 {
		c.Errorf("%+v", r)
	}
	c.holds(deal{"1", "a", 1, false}, deal{"2", "B", 4, false}, deal{"3", "c", 2, false}, deal{"4", "d", 5, false})
}

func mergeAgain(c *check) {
	c.put(c.dealSpec(destination.Replace), 2, nil, deal{"1", "a", 1, false}, deal{"2", "b", 2, false})
	for range 3 {
		c.put(c.dealSpec(destination.Merge), 5, []string{"1"}, deal{"2", "B", 4, false}, deal{"3", "c", 4, true})
		c.holds(deal{"2", "B", 4, false})
	}
}

func mergeNewest(c *check) {
	c.put(c.dealSpec(destination.Replace), 2, nil, deal{"1", "a", 1, false})
	r := c.put(c.dealSpec(destination.Merge), 9, nil,
		deal{"1", "old", 5, false}, deal{"1", "newest", 7, false}, deal{"1", "older", -1, false}, deal{"1", "middle", 6, false},
		deal{"2", "tie", 5, false}, deal{"2", "tie", 5, false})
	if r.Written != 2 || r.Superseded != 4 {
		c.Errorf("%+v", r)
	}
	c.holds(deal{"1", "newest", 7, false}, deal{"2", "tie", 5, false})
}

func mergeDeleted(c *check) {
	c.put(c.dealSpec(destination.Replace), 2, nil, deal{"1", "a", 1, false}, deal{"2", "b", 2, false}, deal{"3", "c", 2, false}, deal{"4", "d", 2, false})
	r := c.put(c.dealSpec(destination.Merge), 6, []string{"3", "4", "9"},
		deal{"1", "a", 5, true}, deal{"4", "alive", 6, false}, deal{"7", "never seen", 5, true})
	if r.Written != 1 || r.Deleted != 2 || r.Superseded != 2 {
		c.Errorf("%+v", r)
	}
	c.holds(deal{"2", "b", 2, false}, deal{"4", "alive", 6, false})
	// Deleted and undeleted within one window: the newest row decides.
	c.put(c.dealSpec(destination.Merge), 9, nil, deal{"2", "b", 7, true}, deal{"2", "back", 8, false}, deal{"4", "alive", 7, false}, deal{"4", "alive", 8, true})
	c.holds(deal{"2", "back", 8, false})
}

func mergeKeepsDeleted(c *check) {
	s := c.dealSpec(destination.Merge)
	s.Deleted = ""
	c.put(c.dealSpec(destination.Replace), 2, nil, deal{"1", "a", 1, false})
	c.put(s, 5, nil, deal{"1", "a", 5, true})
	c.holds(deal{"1", "a", 5, true})
}

func mergeIntoNothing(c *check) {
	r := c.put(c.dealSpec(destination.Merge), 5, []string{"8"}, deal{"1", "old", 3, false}, deal{"1", "a", 4, false}, deal{"2", "b", 4, true})
	if !r.Created || r.Written != 1 || r.Superseded != 2 {
		c.Errorf("%+v", r)
	}
	c.holds(deal{"1", "a", 4, false})
}

func mergeNothing(c *check) {
	c.put(c.dealSpec(destination.Replace), 2, nil, deal{"1", "a", 1, false})
	if r := c.put(c.dealSpec(destination.Merge), 3, nil); r.Written+r.Deleted+r.Superseded != 0 {
		c.Errorf("%+v", r)
	}
	c.holds(deal{"1", "a", 1, false})
}

func mergeNewField(c *check) {
	c.load(c.spec(people, destination.Replace), c.people(person{"1", "Ann", 30}, person{"2", "Bob", 40}))
	wider := arrow.NewSchema(append(people.Fields(), arrow.Field{Name: "Town", Type: arrow.BinaryTypes.String, Nullable: true}), nil)
	b := array.NewRecordBuilder(c.mem, wider)
	b.Field(0).(*array.StringBuilder).Append("2")
	b.Field(1).(*array.StringBuilder).Append("Bob")
	b.Field(2).(*array.Int64Builder).Append(41)
	b.Field(3).(*array.StringBuilder).Append("York")
	r := c.load(c.spec(wider, destination.Merge), b.NewRecordBatch())
	b.Release()
	if len(r.SchemaChanges) != 1 {
		c.Errorf("changes: %q", r.SchemaChanges)
	}
	c.has(append(peopleColumns, "town"), []any{"1", "Ann", int64(30), nil}, []any{"2", "Bob", int64(41), "York"})
}

func mergeWithoutKey(c *check) {
	s := c.dealSpec(destination.Merge)
	s.Key = nil
	_, err := c.d.Begin(c.Context(), s)
	c.fails(err)
}

func appendTwice(c *check) {
	s := c.dealSpec(destination.Append)
	s.Deleted = ""
	c.put(s, 2, nil, deal{"1", "a", 1, false}, deal{"2", "b", 2, false}, deal{"3", "none", -1, false})
	r := c.put(s, 2, nil, deal{"2", "b", 2, false}, deal{"3", "none", -1, false})
	if r.Written != 0 || r.Superseded != 2 {
		c.Errorf("the second append: %+v", r)
	}
	c.put(s, 3, nil, deal{"2", "b", 2, false}, deal{"2", "new version", 3, false})
	if _, rows := c.s.Rows(c.T, c.d, c.table); len(rows) != 4 {
		c.Errorf("%d rows, want 4: %v", len(rows), rows)
	}
}

func deleteInsert(c *check) {
	c.put(c.dealSpec(destination.Replace), 9, nil, deal{"1", "a", 1, false}, deal{"2", "b", 3, false}, deal{"3", "c", 4, false}, deal{"4", "d", 5, false})
	s := c.dealSpec(destination.DeleteInsert)
	s.From, s.To = noon(3), noon(5)
	c.put(s, 9, nil, deal{"3", "C", 4, false}, deal{"1", "moved", 3, false}, deal{"5", "e", 4, true})
	c.holds(deal{"1", "moved", 3, false}, deal{"3", "C", 4, false}, deal{"4", "d", 5, false})
	s.From, s.To = time.Time{}, time.Time{}
	_, err := c.d.Begin(c.Context(), s)
	c.fails(err)
}

func stateWithRows(c *check) {
	s := c.dealSpec(destination.Merge)
	l := c.begin(s)
	if got := l.Found().State; !got.Cursor.IsZero() {
		c.Errorf("a new table has the state %+v", got)
	}
	c.stageDeals(l, nil, []deal{{"1", "a", 1, false}})
	c.ok(l.Abort(c.Context()))
	c.put(s, 5, nil, deal{"1", "a", 1, false})
	l = c.begin(s)
	got := l.Found().State
	if !got.Cursor.Equal(noon(5)) || got.Columns["SystemModstamp"] != "system_modstamp" {
		c.Errorf("%+v", got)
	}
	// An aborted load leaves the state as it was.
	c.stageDeals(l, nil, []deal{{"2", "b", 6, false}})
	c.ok(l.Abort(c.Context()))
	c.load(s, c.deals([]deal{{"3", "c", 6, false}})) // commits without a state
	l = c.begin(s)
	if got := l.Found().State; !got.Cursor.Equal(noon(5)) {
		c.Errorf("%+v", got)
	}
	c.ok(l.Abort(c.Context()))
}

func stateStore(c *check) {
	ctx, store := c.Context(), c.d.States()
	if list, err := store.List(ctx); err != nil || len(list) != 0 {
		c.Errorf("%v, %v", list, err)
	}
	s := c.dealSpec(destination.Merge)
	c.put(s, 5, nil, deal{"1", "a", 1, false})
	other := s.State
	other.Org = "00D000000000002"
	c.ok(store.Put(ctx, other, state.State{Cursor: noon(7), Strategy: "append"}))
	list, err := store.List(ctx)
	if err != nil || len(list) != 2 || list[0].Key != s.State || !list[1].State.Cursor.Equal(noon(7)) {
		c.Errorf("%+v, %v", list, err)
	}
	got, err := store.Get(ctx, s.State)
	if err != nil || !got.Cursor.Equal(noon(5)) {
		c.Errorf("%+v, %v", got, err)
	}
	c.ok(store.Delete(ctx, s.State))
	c.ok(store.Delete(ctx, s.State))
	if got, err = store.Get(ctx, s.State); err != nil || !got.Cursor.IsZero() {
		c.Errorf("%+v, %v", got, err)
	}
	l := c.begin(s)
	if !l.Found().State.Cursor.IsZero() {
		c.Errorf("a deleted state came back: %+v", l.Found().State)
	}
	c.ok(l.Abort(ctx))
}

func stateOfNoTable(c *check) {
	s := c.dealSpec(destination.Merge)
	c.put(s, 5, nil, deal{"1", "a", 1, false})
	c.s.Exec(c.T, c.d, `DROP TABLE public.account`)
	l := c.begin(s)
	if got := l.Found().State; !got.Cursor.IsZero() {
		c.Errorf("the table is gone, its state is %+v", got)
	}
	c.ok(l.Abort(c.Context()))
	c.put(s, 6, nil, deal{"2", "b", 6, false})
	c.holds(deal{"2", "b", 6, false})
}

// Two runs that began with the same state: the one that commits second would
// put older rows over newer ones.
func stateChangedMeanwhile(c *check) {
	s := c.dealSpec(destination.Merge)
	c.put(s, 5, nil, deal{"1", "a", 1, false})
	l := c.begin(s)
	c.stageDeals(l, nil, []deal{{"1", "stale", 2, false}})
	c.ok(c.d.States().Put(c.Context(), s.State, state.State{Cursor: noon(8)}))
	_, err := l.Commit(c.Context(), &state.State{Cursor: noon(6)})
	var e *destination.Error
	if !errors.As(err, &e) || !e.Busy || e.Hint() == "" {
		c.Errorf("got %v", err)
	}
	c.ok(l.Abort(c.Context()))
	c.holds(deal{"1", "a", 1, false})
}

func mergeShowsNothingEarly(c *check) {
	c.put(c.dealSpec(destination.Replace), 2, nil, deal{"1", "a", 1, false}, deal{"2", "b", 1, false})
	l := c.begin(c.dealSpec(destination.Merge))
	c.stageDeals(l, []string{"2"}, []deal{{"1", "A", 4, false}})
	c.holds(deal{"1", "a", 1, false}, deal{"2", "b", 1, false})
	_, err := l.Commit(c.Context(), nil)
	c.ok(err)
	c.holds(deal{"1", "A", 4, false})
	c.tables("account", "state")
}
