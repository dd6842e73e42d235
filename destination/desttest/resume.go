package desttest

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"sluice/destination"
	"sluice/state"
)

// part stages deals under the name of a part.
func (c *check) part(l destination.Load, name string, list ...deal) {
	c.Helper()
	s, err := l.Stage(c.Context(), name)
	c.ok(err)
	c.write(s, c.deals(list))
	c.ok(s.Close(c.Context()))
}

// newRun closes the destination and opens it as the next run would.
func (c *check) newRun() {
	c.Helper()
	c.ok(c.d.Close())
	c.d = c.s.Open(c.T)
}

// leaves stages two parts of a load, opens a third, and leaves.
func (c *check) leaves(mode destination.Mode, token string) {
	c.Helper()
	l := c.begin(c.dealSpec(mode))
	l.Prepare(token)
	c.part(l, "page 1", deal{"1", "a", 1, false}, deal{"2", "old", 2, false})
	c.part(l, "page 2", deal{"3", "c", 3, false})
	s, err := l.Stage(c.Context(), "page 3")
	c.ok(err)
	c.write(s, c.deals([]deal{{"4", "half", 9, false}}))
	c.ok(s.Abort(c.Context()))
	c.ok(l.Leave(c.Context()))
	c.ok(l.Abort(c.Context()))
}

func (c *check) staged(l destination.Load, want map[string]int64, newest time.Time) {
	c.Helper()
	got := l.Found().Staged
	if !maps.Equal(got.Rows, want) || !got.Newest.Equal(newest) {
		c.Errorf("found %+v staged, want %v up to %s", got, want, newest)
	}
}

// goesOn is a load that was left and is finished by the next run (P9).
func goesOn(c *check) {
	for _, mode := range []destination.Mode{destination.Merge, destination.Replace} {
		c.put(c.dealSpec(destination.Replace), 2, nil, deal{"2", "b", 0, false}, deal{"9", "z", 0, false})
		c.leaves(mode, "job 1")
		c.holds(deal{"2", "b", 0, false}, deal{"9", "z", 0, false})
		c.newRun()
		s := c.dealSpec(mode)
		s.Run = "run2"
		l := c.begin(s)
		c.staged(l, map[string]int64{"page 1": 2, "page 2": 1}, noon(3))
		l.Prepare("job 1")
		c.part(l, "page 3", deal{"4", "d", 4, false}, deal{"2", "new", 3, false})
		r, err := l.Commit(c.Context(), &state.State{Cursor: noon(4)})
		c.ok(err)
		if mode == destination.Merge {
			if r.Written != 4 || r.Superseded != 1 {
				c.Errorf("%+v", r)
			}
			c.holds(deal{"1", "a", 1, false}, deal{"2", "new", 3, false}, deal{"3", "c", 3, false}, deal{"4", "d", 4, false}, deal{"9", "z", 0, false})
		}
		c.tables("account", "state")
		l = c.begin(s)
		c.staged(l, nil, time.Time{})
		c.ok(l.Abort(c.Context()))
	}
}

// goesOnWithNothingLeft commits what was staged, without another part.
func goesOnWithNothingLeft(c *check) {
	c.leaves(destination.Merge, "job 1")
	c.newRun()
	l := c.begin(c.dealSpec(destination.Merge))
	l.Prepare("job 1")
	_, err := l.Commit(c.Context(), &state.State{Cursor: noon(4)})
	c.ok(err)
	c.holds(deal{"1", "a", 1, false}, deal{"2", "old", 2, false}, deal{"3", "c", 3, false})
	c.tables("account", "state")
}

// startsOver is what becomes of staged rows that the next run has no use for.
func startsOver(c *check) {
	for _, token := range []string{"job 2", ""} {
		c.put(c.dealSpec(destination.Replace), 2, nil, deal{"9", "z", 0, false})
		c.leaves(destination.Merge, "job 1")
		c.newRun()
		s := c.dealSpec(destination.Merge)
		s.Run = "run2"
		l := c.begin(s)
		l.Prepare(token)
		c.part(l, "page 1", deal{"5", "e", 4, false})
		_, err := l.Commit(c.Context(), &state.State{Cursor: noon(4)})
		c.ok(err)
		c.holds(deal{"5", "e", 4, false}, deal{"9", "z", 0, false})
		c.tables("account", "state")
	}
}

// anotherShape is a load that cannot use what was staged: of another mode, or
// of other fields.
func anotherShape(c *check) {
	c.put(c.dealSpec(destination.Replace), 2, nil, deal{"9", "z", 0, false})
	c.leaves(destination.Merge, "job 1")
	c.newRun()
	narrower := c.dealSpec(destination.Merge)
	narrower.Schema = arrow.NewSchema(deals.Fields()[:3], nil)
	narrower.Deleted = ""
	for _, s := range []destination.Spec{c.dealSpec(destination.Append), narrower} {
		l := c.begin(s)
		c.staged(l, nil, time.Time{})
		c.ok(l.Abort(c.Context()))
	}
	l := c.begin(c.dealSpec(destination.Merge))
	c.staged(l, map[string]int64{"page 1": 2, "page 2": 1}, noon(3))
	l.Prepare("job 1")
	c.part(l, "page 3", deal{"4", "d", 4, false})
	c.ok(l.Abort(c.Context()))
	c.tables("account", "state")
}

// leftWithoutToken leaves nothing.
func leftWithoutToken(c *check) {
	c.put(c.dealSpec(destination.Replace), 2, nil, deal{"9", "z", 0, false})
	c.leaves(destination.Merge, "")
	c.tables("account", "state")
}

// kept stages the keys of all rows.
func (c *check) kept(l destination.Load, ids ...string) {
	c.Helper()
	s, err := l.StageKept(c.Context())
	c.ok(err)
	b := array.NewRecordBuilder(c.mem, arrow.NewSchema(deals.Fields()[:1], nil))
	for _, id := range ids {
		b.Field(0).(*array.StringBuilder).Append(id)
	}
	c.write(s, b.NewRecordBatch())
	b.Release()
	c.ok(s.Close(c.Context()))
}

func keptKeys(c *check) {
	c.put(c.dealSpec(destination.Replace), 2, nil, deal{"1", "a", 1, false}, deal{"2", "b", 2, false}, deal{"3", "c", 2, false})
	l := c.begin(c.dealSpec(destination.Merge))
	c.part(l, "all", deal{"2", "B", 4, false}, deal{"4", "gone meanwhile", 4, false}, deal{"5", "e", 4, false})
	c.kept(l, "2", "3")
	c.kept(l, "5", "6")
	r, err := l.Commit(c.Context(), nil)
	c.ok(err)
	if r.Written != 2 || r.Superseded != 1 || r.Deleted != 1 {
		c.Errorf("%+v", r)
	}
	c.holds(deal{"2", "B", 4, false}, deal{"3", "c", 2, false}, deal{"5", "e", 4, false})
	c.tables("account", "state")
}

// guarded is a list of keys that would empty half of the table.
func guarded(c *check) {
	var list []deal
	var ids []string
	for i := range 3 * destination.UnguardedRows {
		id := fmt.Sprintf("%03d", i)
		list = append(list, deal{id, "a", 1, false})
		if i < destination.UnguardedRows {
			ids = append(ids, id)
		}
	}
	c.put(c.dealSpec(destination.Replace), 2, nil, list...)
	s := c.dealSpec(destination.Merge)
	for _, share := range []float64{0, 0.5, 0.7} {
		s.MaxRemoved = share
		l := c.begin(s)
		c.kept(l, ids...)
		_, err := l.Commit(c.Context(), nil)
		var e *destination.Error
		switch refused := errors.As(err, &e) && e.Guarded && e.Hint() != ""; {
		case share < 0.6 && !refused:
			c.Errorf("a share of %g: %v", share, err)
		case share > 0.6:
			c.ok(err)
			list = list[:destination.UnguardedRows]
		}
		c.ok(l.Abort(c.Context()))
		c.holds(list...)
	}
}

// updates changes some columns of rows that are there.
func updates(c *check) {
	c.put(c.dealSpec(destination.Replace), 2, nil, deal{"1", "a", 1, false}, deal{"2", "b", 2, false}, deal{"3", "c", -1, false})
	s := c.dealSpec(destination.Update)
	s.Schema = arrow.NewSchema(deals.Fields()[:2], nil)
	s.Cursor, s.Deleted = "", ""
	l := c.begin(s)
	st := c.stage(l)
	b := array.NewRecordBuilder(c.mem, s.Schema)
	for _, row := range [][2]string{{"1", "a"}, {"2", "B"}, {"3", ""}, {"9", "nobody"}} {
		b.Field(0).(*array.StringBuilder).Append(row[0])
		if row[1] == "" {
			b.Field(1).AppendNull()
		} else {
			b.Field(1).(*array.StringBuilder).Append(row[1])
		}
	}
	c.write(st, b.NewRecordBatch())
	b.Release()
	c.ok(st.Close(c.Context()))
	r, err := l.Commit(c.Context(), nil)
	c.ok(err)
	if r.Written != 2 || r.Superseded != 2 || r.Deleted != 0 {
		c.Errorf("%+v", r)
	}
	c.has([]string{"id", "name", "system_modstamp", "is_deleted"},
		[]any{"1", "a", noon(1), false}, []any{"2", "B", noon(2), false}, []any{"3", nil, nil, false})
	if got, err := c.d.States().Get(c.Context(), s.State); err != nil || !got.Cursor.Equal(noon(2)) {
		c.Errorf("state %+v, %v", got, err)
	}
}

func updateOfNothing(c *check) {
	s := c.dealSpec(destination.Update)
	_, err := c.d.Begin(c.Context(), s)
	c.fails(err)
}

// foundChanges tells before any row is read what the load will do to the
// table.
func foundChanges(c *check) {
	l := c.begin(c.dealSpec(destination.Merge))
	if f := l.Found(); f.Exists || len(f.Added) > 0 {
		c.Errorf("no table: %+v", f)
	}
	c.ok(l.Abort(c.Context()))
	c.s.Exec(c.T, c.d, `CREATE SCHEMA IF NOT EXISTS public`)
	c.s.Exec(c.T, c.d, `CREATE TABLE public.account (id text, is_deleted boolean, system_modstamp timestamptz)`)
	l = c.begin(c.dealSpec(destination.Merge))
	if f := l.Found(); !f.Exists || len(f.Added) != 1 || f.Added[0] != "Name" || len(f.Widened) > 0 {
		c.Errorf("a table that lacks Name: %+v", f)
	}
	c.ok(l.Abort(c.Context()))
}

// directNames are those of the source, where the table is new.
func directNames(c *check) {
	s := c.spec(people, destination.Replace)
	s.Convention = destination.Direct
	c.load(s, c.people(person{"1", "Ann", 30}))
	c.has([]string{"Id", "FirstName", "Age"}, []any{"1", "Ann", int64(30)})
	s.Convention = destination.SnakeCase
	c.load(s, c.people(person{"2", "Bob", 40}))
	c.has([]string{"Id", "FirstName", "Age"}, []any{"2", "Bob", int64(40)})
}

// columnsOfElsewhere is a state that is kept elsewhere and tells the columns.
func columnsOfElsewhere(c *check) {
	s := c.spec(people, destination.Merge)
	l := c.begin(s)
	var after state.State
	_, err := l.Commit(c.Context(), &after)
	c.ok(err)
	if after.Columns["FirstName"] != "first_name" {
		c.Errorf("columns %v", after.Columns)
	}
	c.s.Exec(c.T, c.d, `ALTER TABLE public.account RENAME COLUMN first_name TO called`)
	s.Columns = map[string]string{"Id": "id", "FirstName": "called", "Age": "age"}
	c.load(s, c.people(person{"1", "Ann", 30}))
	c.has([]string{"id", "called", "age"}, []any{"1", "Ann", int64(30)})
}
