package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/destination"
	"sluice/state"
)

// staged gives the columns of the staging table: every value of a field fits,
// and only keys have to be there.
func (p *plan) staged() []column {
	list := make([]column, len(p.columns))
	for i, c := range p.columns {
		c.notNull = false
		for _, k := range p.key {
			c.notNull = c.notNull || k == c.name
		}
		list[i] = c
	}
	return list
}

// Commit implements [destination.Load].
func (l *load) Commit(ctx context.Context, s *state.State) (destination.Result, error) {
	r, err := l.commit(ctx, s)
	if err != nil {
		return destination.Result{}, explainWithin(ctx, l.op("commit"), err)
	}
	return r, nil
}

func (l *load) commit(ctx context.Context, s *state.State) (r destination.Result, err error) {
	if err := context.Cause(ctx); err != nil {
		return r, err
	}
	if err := l.begin(ctx); err != nil {
		return r, err
	}
	if err := l.turn.take(ctx); err != nil {
		return r, err
	}
	defer l.turn.give()
	if open := l.stages(); open > 0 {
		return r, fmt.Errorf("%d stages are still open", open)
	}
	text, err := l.encode(s)
	if err != nil {
		return r, err
	}
	if err := l.relock(ctx); err != nil {
		return r, err
	}
	if r, err = l.publish(ctx, text); err != nil {
		return r, err
	}
	r.Created, r.SchemaChanges = l.plan.way == create, l.plan.changes
	if l.stripped > 0 {
		l.warn(fmt.Sprintf("%d NUL characters were removed from texts, as PostgreSQL cannot hold them", l.stripped))
	}
	l.end(ctx)
	return r, nil
}

// encode fills in the columns of the new state; "" leaves the one that is kept
// here as it is.
func (l *load) encode(s *state.State) (string, error) {
	if s == nil {
		return "", nil
	}
	columns := map[string]string{}
	maps.Copy(columns, l.spec.Columns)
	maps.Copy(columns, l.plan.before.Columns)
	for _, c := range l.plan.columns {
		columns[c.field] = c.name
	}
	s.Columns = columns
	if l.spec.State == (state.Key{}) {
		return "", nil
	}
	text, err := state.Encode(*s)
	return string(text), err
}

// relock takes the lock of the table again when its connection was lost. What
// another run may have done meanwhile shows in the staging tables, the table or
// the state.
func (l *load) relock(ctx context.Context) (err error) {
	if l.lock != nil && l.d.holds(ctx, l.lock) {
		return nil
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if l.lock != nil {
		l.d.release(ctx, l.lock)
		l.lock = nil
	}
	l.d.log.Debug("the connection that held the lock of the table is gone, taking it again")
	l.lock, err = l.d.lockTable(ctx, l.spec.Table)
	return err
}

// maxAttempts is how often a commit is tried that others have stood in the way
// of.
const maxAttempts = 5

// publish puts the staged rows into the table, and the state text beside it. P3:
// one transaction, the state included.
func (l *load) publish(ctx context.Context, text string) (r destination.Result, err error) {
	deadline := time.Now().Add(l.d.lockTime())
	for attempt := 1; ; attempt++ {
		err = l.d.apart(ctx, beginCommit, func(conn *pgx.Conn) error {
			r = destination.Result{}
			return l.replace(ctx, conn, text, deadline, &r)
		})
		if err == nil || !inTheWay(err) || time.Now().After(deadline) || attempt >= maxAttempts && sqlState(err) != lockNotAvailable {
			return r, err
		}
		l.d.log.Debug("others are in the way of the commit, trying again", "attempt", attempt, "cause", err)
	}
}

// replace carries out the plan within a transaction.
func (l *load) replace(ctx context.Context, conn *pgx.Conn, text string, deadline time.Time, r *destination.Result) error {
	c, err := l.verify(ctx, conn)
	if err != nil {
		return err
	}
	if err := l.lockUp(ctx, conn, deadline); err != nil {
		return err
	}
	if err := l.steps(ctx, conn, c, r); err != nil {
		return err
	}
	if text == "" {
		return nil
	}
	return swapState(ctx, conn, l.spec.State, l.plan.seen, text)
}

// readersWait is how long readers may have to wait behind a lock that waits
// itself. Then it is given up, and taken again.
const readersWait = 2 * time.Second

// lockUp keeps others away from the table, and looks whether it is as it was.
func (l *load) lockUp(ctx context.Context, conn *pgx.Conn, deadline time.Time) error {
	wait := max(time.Until(deadline), time.Second)
	locks := append([]string{lockTimeout(wait)}, lockNeighbours(l.spec.Table, l.plan.old.referred)...)
	if l.plan.way != create {
		if len(l.plan.added)+len(l.plan.widened) > 0 {
			locks = append(locks, lockTimeout(min(wait, readersWait)))
		}
		locks = append(locks, l.plan.lockTable())
	}
	if err := run(ctx, conn, locks...); err != nil {
		return err
	}
	now, err := inspect(ctx, conn, l.spec.Table)
	if err != nil {
		return err
	}
	if !now.same(l.plan.old) {
		return &destination.Error{
			Err:  errors.New("somebody has changed the table since the load began"),
			Mend: "nothing was written; run again",
			Busy: true,
		}
	}
	return nil
}

// steps runs the statements of the plan that are needed, and counts what they
// do.
func (l *load) steps(ctx context.Context, conn *pgx.Conn, c counted, r *destination.Result) error {
	for _, s := range l.plan.steps(l.staging, l.keeps) {
		if !c.has(s.when) {
			continue
		}
		if err := l.step(ctx, conn, s, &c, r); err != nil {
			return err
		}
	}
	if l.spec.Mode != destination.Update {
		r.Written = c.left
	}
	r.Superseded = l.rows - r.Written
	return nil
}

func (l *load) step(ctx context.Context, conn *pgx.Conn, s step, c *counted, r *destination.Result) error {
	var before int64
	switch s.counts {
	case matches:
		return conn.QueryRow(ctx, s.sql).Scan(&c.matched)
	case pairs:
		return conn.QueryRow(ctx, s.sql).Scan(&c.pairs, &c.matched, &c.differing)
	case unkept:
		if err := conn.QueryRow(ctx, countRows(l.spec.Table)).Scan(&before); err != nil {
			return err
		}
	case nothing, inserts, changes, updates, passes, removes:
	}
	tag, err := conn.Exec(ctx, s.sql)
	if err != nil {
		return err
	}
	n := tag.RowsAffected()
	switch s.counts {
	case passes:
		c.left -= n
	case removes:
		r.Deleted += n
	case unkept:
		r.Deleted += n
		return l.spec.Guard(n, before)
	case updates:
		r.Written = n
	case changes:
		if n != c.differing { // P1
			return swallowed("changed", c.differing, n)
		}
	case inserts:
		if sent := c.left - c.matched; n != sent { // P2
			return swallowed("sent", sent, n)
		}
	case matches, pairs, nothing:
	}
	return nil
}

// swallowed is what a trigger has done.
func swallowed(what string, sent, arrived int64) error {
	return &destination.Error{
		Err:  fmt.Errorf("%d rows were %s, %d arrived", sent, what, arrived),
		Mend: "look for a trigger of the table that drops or adds rows",
	}
}
