package desttest

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"golang.org/x/sync/errgroup"

	"sluice/destination"
)

var (
	ann = person{"1", "Ann", 30}
	bob = person{"2", "Bob", 40}
	eve = person{"3", "Eve", 50}
)

func (p person) row() []any { return []any{p.id, p.name, p.age} }

func replace(c *check) {
	r := c.load(c.spec(people, destination.Replace), c.people(ann, bob))
	if !r.Created || r.Written != 2 || r.Deleted != 0 {
		c.Errorf("first load: %+v", r)
	}
	c.has(peopleColumns, ann.row(), bob.row())
	older := person{"2", "Bobby", 41}
	r = c.load(c.spec(people, destination.Replace), c.people(older, eve))
	if r.Created || r.Written != 2 || r.Deleted != 1 {
		c.Errorf("second load: %+v", r)
	}
	c.has(peopleColumns, older.row(), eve.row())
	c.tables("account")
}

func appendRows(c *check) {
	c.load(c.spec(people, destination.Append), c.people(ann))
	r := c.load(c.spec(people, destination.Append), c.people(bob))
	if r.Created || r.Written != 1 || r.Deleted != 0 {
		c.Errorf("second load: %+v", r)
	}
	c.has(peopleColumns, ann.row(), bob.row())
}

func sideBySide(c *check) {
	const stages, batches, rows = 4, 3, 50
	l := c.begin(c.spec(people, destination.Replace))
	g, ctx := errgroup.WithContext(c.Context())
	for n := range stages {
		g.Go(func() error {
			s, err := l.Stage(ctx, "part")
			if err != nil {
				return err
			}
			for i := range batches {
				list := make([]person, rows)
				for j := range list {
					list[j] = person{fmt.Sprintf("%02d-%02d-%02d", n, i, j), "x", int64(j)}
				}
				b := c.people(list...)
				err := s.Write(ctx, b)
				b.Release()
				if err != nil {
					return errors.Join(err, s.Abort(ctx))
				}
			}
			return s.Close(ctx)
		})
	}
	c.ok(g.Wait())
	if r := c.commit(l); r.Written != stages*batches*rows {
		c.Errorf("written %d", r.Written)
	}
	_, got := c.s.Rows(c.T, c.d, c.table)
	seen := map[any]bool{}
	for _, r := range got {
		seen[r[0]] = true
	}
	if len(got) != stages*batches*rows || len(seen) != len(got) {
		c.Errorf("%d rows, %d ids", len(got), len(seen))
	}
}

func abortedStage(c *check) {
	l := c.begin(c.spec(people, destination.Replace))
	first, second := c.stage(l), c.stage(l)
	c.write(first, c.people(ann))
	c.write(second, c.people(bob))
	c.ok(first.Abort(c.Context()))
	c.ok(second.Close(c.Context()))
	again := c.stage(l)
	c.write(again, c.people(ann))
	c.ok(again.Close(c.Context()))
	if r := c.commit(l); r.Written != 2 {
		c.Errorf("written %d, want 2", r.Written)
	}
	c.has(peopleColumns, ann.row(), bob.row())
}

func wrongBatch(c *check) {
	l := c.begin(c.spec(people, destination.Replace))
	s := c.stage(l)
	c.write(s, c.people(ann))
	other := arrow.NewSchema([]arrow.Field{
		{Name: "Id", Type: arrow.BinaryTypes.String},
		{Name: "FirstName", Type: arrow.PrimitiveTypes.Int64},
		{Name: "Age", Type: arrow.PrimitiveTypes.Int64},
	}, nil)
	b := array.NewRecordBuilder(c.mem, other)
	b.Field(0).(*array.StringBuilder).Append("1")
	b.Field(1).(*array.Int64Builder).Append(1)
	b.Field(2).(*array.Int64Builder).Append(1)
	r := b.NewRecordBatch()
	c.fails(s.Write(c.Context(), r))
	r.Release()
	b.Release()
	c.fails(s.Close(c.Context()))
	c.commit(l)
	c.has(peopleColumns)
}

func brokenText(c *check) {
	l := c.begin(c.spec(people, destination.Replace))
	s := c.stage(l)
	b := c.people(person{"1", "caf\xe9 that Latin-1 wrote", 1})
	err := s.Write(c.Context(), b)
	b.Release()
	if err == nil {
		c.fails(s.Close(c.Context()))
	} else {
		c.ok(s.Abort(c.Context()))
	}
	c.ok(l.Abort(c.Context()))
	c.tables()
}

func abortedLoad(c *check) {
	l := c.begin(c.spec(people, destination.Replace))
	s := c.stage(l)
	c.write(s, c.people(ann))
	c.ok(s.Close(c.Context()))
	c.ok(l.Abort(cancelled(c.Context())))
	c.ok(l.Abort(c.Context()))
	_, err := l.Stage(c.Context(), "part")
	c.fails(err)
	_, err = l.Commit(c.Context(), nil)
	c.fails(err)
	c.tables()

	c.load(c.spec(people, destination.Replace), c.people(bob))
	l = c.begin(c.spec(people, destination.Replace))
	s = c.stage(l)
	c.write(s, c.people(ann))
	c.ok(s.Abort(cancelled(c.Context())))
	c.ok(l.Abort(c.Context()))
	c.has(peopleColumns, bob.row())
	c.tables("account")
}

func abortedEarly(c *check) {
	c.ok(c.begin(c.spec(people, destination.Replace)).Abort(c.Context()))
	c.tables()
}

func openStage(c *check) {
	l := c.begin(c.spec(people, destination.Replace))
	s := c.stage(l)
	c.write(s, c.people(ann))
	_, err := l.Commit(c.Context(), nil)
	c.fails(err)
	c.ok(s.Close(c.Context()))
	c.commit(l)
	c.has(peopleColumns, ann.row())
}

func cancelledCommit(c *check) {
	c.load(c.spec(people, destination.Replace), c.people(bob))
	l := c.begin(c.spec(people, destination.Replace))
	s := c.stage(l)
	c.write(s, c.people(ann))
	c.ok(s.Close(c.Context()))
	_, err := l.Commit(cancelled(c.Context()), nil)
	if !errors.Is(err, context.Canceled) {
		c.Errorf("got %v, want a cancelled context", err)
	}
	c.ok(l.Abort(c.Context()))
	c.has(peopleColumns, bob.row())
	c.tables("account")
}

func cancelledWrite(c *check) {
	c.load(c.spec(people, destination.Replace), c.people(bob))
	l := c.begin(c.spec(people, destination.Replace))
	s := c.stage(l)
	b := c.people(ann)
	err := s.Write(cancelled(c.Context()), b)
	b.Release()
	if !errors.Is(err, context.Canceled) {
		c.Errorf("got %v, want a cancelled context", err)
	}
	c.ok(s.Abort(c.Context()))
	c.ok(l.Abort(c.Context()))
	c.has(peopleColumns, bob.row())
}

func noRows(c *check) {
	r := c.commit(c.begin(c.spec(people, destination.Replace)))
	if !r.Created || r.Written != 0 {
		c.Errorf("%+v", r)
	}
	c.has(peopleColumns)
	c.tables("account")
}

func replaceByNoRows(c *check) {
	c.load(c.spec(people, destination.Replace), c.people(ann, bob))
	r := c.commit(c.begin(c.spec(people, destination.Replace)))
	if r.Deleted != 2 {
		c.Errorf("deleted %d, want 2", r.Deleted)
	}
	c.has(peopleColumns)
}

func readersSeeOld(c *check) {
	c.load(c.spec(people, destination.Replace), c.people(ann, bob))
	l := c.begin(c.spec(people, destination.Replace))
	c.has(peopleColumns, ann.row(), bob.row())
	s := c.stage(l)
	c.has(peopleColumns, ann.row(), bob.row())
	c.write(s, c.people(eve))
	c.has(peopleColumns, ann.row(), bob.row())
	c.ok(s.Close(c.Context()))
	c.has(peopleColumns, ann.row(), bob.row())
	c.commit(l)
	c.has(peopleColumns, eve.row())
}

func twoTables(c *check) {
	a := c.begin(c.spec(people, destination.Replace))
	other := c.spec(people, destination.Replace)
	other.Table.Table = "contact"
	b := c.begin(other)
	sa, sb := c.stage(a), c.stage(b)
	c.write(sa, c.people(ann))
	c.write(sb, c.people(bob))
	c.ok(sa.Close(c.Context()))
	c.commit(a)
	c.ok(sb.Close(c.Context()))
	c.commit(b)
	c.has(peopleColumns, ann.row())
	c.table.Table = "contact"
	c.has(peopleColumns, bob.row())
	c.tables("account", "contact")
}

func twoLoads(c *check) {
	l := c.begin(c.spec(people, destination.Replace))
	_, err := c.d.Begin(c.Context(), c.spec(people, destination.Append))
	c.fails(err)
	c.ok(l.Abort(c.Context()))
	c.load(c.spec(people, destination.Replace), c.people(ann))
	c.has(peopleColumns, ann.row())
}

func views(c *check) {
	c.load(c.spec(people, destination.Replace), c.people(ann))
	c.s.Exec(c.T, c.d, `CREATE VIEW public.names AS SELECT first_name FROM public.account`)
	c.load(c.spec(people, destination.Replace), c.people(bob))
	c.table.Table = "names"
	c.has([]string{"first_name"}, []any{"Bob"})
}
