package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/jackc/pgx/v5"

	"sluice/destination"
	"sluice/state"
)

// load implements [destination.Load].
type load struct {
	d    *Destination
	spec destination.Spec
	// lock is held from Begin to the end.
	lock  *tableLock
	plan  plan
	found destination.Found
	// left is what an earlier run has staged; resumed is the same once Prepare
	// has said that this load goes on with it.
	left, resumed *leftover
	token         string

	turn turn // guards what follows, up to mu
	// staging is the table of the staged rows, once it is made.
	staging     destination.TableName
	staged      bool
	keyTables   []string // the suffixes of those beside it that are made
	lacksStates bool     // the table of states has to be made
	ended       bool

	mu         sync.Mutex // guards what follows
	keeps      bool       // keys of all rows are staged, too
	openStages int        // stages that are neither closed nor aborted
	rows       int64      // of closed stages
	stripped   int64      // NUL characters of theirs
	tallies    []tally    // of theirs; an earlier run's rows have none
}

func (l *load) op(verb string) string { return verb + " " + l.spec.Table.String() }

func (l *load) warn(text string) {
	if l.spec.Observe != nil {
		l.spec.Observe(text)
	}
}

// open takes the lock of the table, looks at it and plans.
func (l *load) open(ctx context.Context) (err error) {
	if l.lock, err = l.d.lockTable(ctx, l.spec.Table); err != nil {
		return err
	}
	return l.d.lookFrom(ctx, l.lock, func(conn *pgx.Conn) error { return l.look(ctx, conn) })
}

// look plans the load by what is there.
func (l *load) look(ctx context.Context, q querier) error {
	if err := checkServer(ctx, q); err != nil {
		return err
	}
	t, err := inspect(ctx, q, l.spec.Table)
	if err != nil {
		return err
	}
	var seen string
	if l.spec.State != (state.Key{}) {
		var there bool
		if seen, there, err = readState(ctx, q, l.spec.State); err != nil {
			return err
		}
		l.lacksStates = !there
	}
	if l.plan, err = newPlan(l.spec, t, seen); err != nil {
		return err
	}
	l.found = l.plan.found()
	if t.hasSchema {
		if l.left, err = usable(ctx, q, &l.plan); err != nil {
			return err
		}
	}
	if l.left != nil {
		l.found.Staged = l.left.Staged
	}
	return nil
}

// Found implements [destination.Load].
func (l *load) Found() destination.Found { return l.found }

// Prepare implements [destination.Load].
func (l *load) Prepare(token string) {
	l.token = token
	if token != "" && l.left != nil && l.left.Staged.Token == token {
		l.resumed = l.left
	}
}

// Stage implements [destination.Load].
func (l *load) Stage(ctx context.Context, part string) (destination.Stage, error) {
	return l.stage(ctx, func() *stageTarget {
		return &stageTarget{table: l.staging, schema: l.spec.Schema, columns: l.plan.columns, counts: true, part: part}
	})
}

// StageGone implements [destination.Load].
func (l *load) StageGone(ctx context.Context) (destination.Stage, error) {
	return l.stageKeys(ctx, goneSuffix)
}

// StageKept implements [destination.Load].
func (l *load) StageKept(ctx context.Context) (destination.Stage, error) {
	s, err := l.stageKeys(ctx, keptSuffix)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keeps = l.keeps || err == nil
	return s, err
}

func (l *load) stageKeys(ctx context.Context, suffix string) (destination.Stage, error) {
	if len(l.plan.key) == 0 {
		return nil, explain(l.op("stage"), errors.New("the load has no key"))
	}
	if err := l.beginKeys(ctx, suffix); err != nil {
		return nil, explainWithin(ctx, l.op("stage"), err)
	}
	return l.stage(ctx, func() *stageTarget {
		fields := make([]arrow.Field, len(l.spec.Key))
		for i, name := range l.spec.Key {
			fields[i] = l.spec.Schema.Field(l.spec.Schema.FieldIndices(name)[0])
		}
		return &stageTarget{table: beside(l.staging, suffix), schema: arrow.NewSchema(fields, nil), columns: l.plan.stagedKey()}
	})
}

func (l *load) stage(ctx context.Context, to func() *stageTarget) (destination.Stage, error) {
	if err := l.begin(ctx); err != nil {
		return nil, explainWithin(ctx, l.op("stage"), err)
	}
	l.mu.Lock()
	l.openStages++
	l.mu.Unlock()
	s, err := newStage(ctx, l, to())
	if err != nil {
		l.stageEnded(nil, 0)
		return nil, explainWithin(ctx, l.op("stage"), err)
	}
	return s, nil
}

// stageEnded takes what a stage that was closed has added to the rows; nil is
// nothing.
func (l *load) stageEnded(t *tally, stripped int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.openStages--
	if t != nil {
		l.rows += t.rows
		l.tallies = append(l.tallies, *t)
	}
	l.stripped += stripped
}

// begin makes the staging tables, once.
func (l *load) begin(ctx context.Context) error {
	if err := l.turn.take(ctx); err != nil {
		return err
	}
	defer l.turn.give()
	if l.ended {
		return errors.New("the load has ended")
	}
	if l.staged {
		return nil
	}
	if err := l.prepare(ctx); err != nil {
		return err
	}
	l.staged = true
	return nil
}

// beginKeys makes a table of keys beside the staging table, once, if that is there
// still. Most loads need none.
func (l *load) beginKeys(ctx context.Context, suffix string) error {
	if err := l.begin(ctx); err != nil {
		return err
	}
	if err := l.turn.take(ctx); err != nil {
		return err
	}
	defer l.turn.give()
	if l.ended || slices.Contains(l.keyTables, suffix) {
		return nil
	}
	err := l.d.inTransaction(ctx, func(conn *pgx.Conn) error {
		return run(ctx, conn, keepTable(l.staging), createStaging(beside(l.staging, suffix), l.plan.keyColumns(), false))
	})
	if err == nil {
		l.keyTables = append(l.keyTables, suffix)
	}
	return err
}

// prepare makes what the load writes to before its commit.
func (l *load) prepare(ctx context.Context) error {
	if err := l.relock(ctx); err != nil {
		return err
	}
	waiting := begin + "; " + lockTimeout(l.d.lockTime())
	if l.lacksStates {
		// In a transaction of its own, as others wait for its end.
		if err := l.d.apart(ctx, waiting, func(conn *pgx.Conn) error { return makeStates(ctx, conn) }); err != nil {
			return err
		}
	}
	err := l.d.apart(ctx, waiting, func(conn *pgx.Conn) error {
		if !l.plan.old.hasSchema {
			// Until there is a table in it, another load may drop the schema.
			if err := run(ctx, conn, lockSchemas, createSchema(l.spec.Table.Schema)); err != nil {
				return err
			}
		}
		return l.takeOver(ctx, conn)
	})
	if err != nil {
		return err
	}
	if l.d.mayHaveOrphans() {
		l.d.clearOrphans(ctx, l.spec.Table)
	}
	return nil
}

// Abort implements [destination.Load].
func (l *load) Abort(ctx context.Context) error { return l.finish(ctx, "abort", false) }

// Leave implements [destination.Load].
func (l *load) Leave(ctx context.Context) error { return l.finish(ctx, "leave", l.token != "") }

// cleanUpTime bounds what the end of a load waits for.
const cleanUpTime = 20 * time.Second

// finish ends a load that was not committed.
func (l *load) finish(ctx context.Context, verb string, leave bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	if err := l.turn.take(ctx); err != nil {
		return err
	}
	defer l.turn.give()
	if l.ended {
		return nil
	}
	if open := l.stages(); open > 0 {
		return explain(l.op(verb), fmt.Errorf("%d stages are still open", open))
	}
	var err error
	if l.staged && !leave && l.lock != nil { // else another run may go on with it by now
		if err = l.relock(ctx); err == nil {
			err = l.clear(ctx)
		}
	}
	l.end(ctx)
	if err != nil {
		return explain(l.op(verb), err)
	}
	return nil
}

func (l *load) stages() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.openStages
}

// clear drops what prepare made.
func (l *load) clear(ctx context.Context) error {
	err := l.d.inTransaction(ctx, func(conn *pgx.Conn) error { return dropStaging(ctx, conn, l.staging) })
	if err != nil || l.plan.old.hasSchema {
		return err
	}
	// Another load may use the schema by now; then it stays.
	_ = l.d.inTransaction(ctx, func(conn *pgx.Conn) error {
		return run(ctx, conn, lockSchemas, dropEmptySchema(l.spec.Table.Schema))
	})
	return nil
}

// end gives back what the load holds.
func (l *load) end(ctx context.Context) {
	l.ended = true
	if l.lock != nil { // it may have been lost, and taken by another run
		l.d.release(ctx, l.lock)
	}
	l.d.disclaim(l.spec.Table)
}
