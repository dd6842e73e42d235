package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/destination"
	"sluice/state"
)

// stagingPrefix begins the name of every staging table. They are in the schema
// of their table, because DuckDB moves no table to another one.
const stagingPrefix = "_sluice_stage_"

// load implements [destination.Load].
type load struct {
	d    *Destination
	spec destination.Spec
	// found is what Begin found, and seen the text of its state.
	found destination.Found
	seen  string
	// left is what an earlier run has staged; resumed is the same once Prepare
	// has said that this load goes on with it.
	left, resumed *leftover
	token         string

	turn turn // guards what follows, up to mu
	// db is nil until there is something to write, and after the end.
	db         *sql.DB
	plan       plan
	staging    destination.TableName
	madeSchema bool
	ended      bool
	renewed    int64 // the rows that were staged at the last renewal

	quiet  chan struct{} // told when the last open stage has ended
	mu     sync.Mutex    // guards what follows
	stages int           // that are neither closed nor aborted
	next   int           // the number of the next stage
	rows   int64         // of closed stages
	keeps  bool          // keys of all rows are staged, too
	lanes  []*lane       // that no stage uses
}

func (l *load) op(verb string) string { return verb + " " + l.spec.Table.String() }

// Found implements [destination.Load].
func (l *load) Found() destination.Found { return l.found }

// Prepare implements [destination.Load].
func (l *load) Prepare(token string) {
	l.token = token
	if token != "" && l.left != nil && l.left.Token == token {
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
	return l.stage(ctx, func() *stageTarget {
		fields := make([]arrow.Field, len(l.spec.Key))
		for i, name := range l.spec.Key {
			fields[i] = l.spec.Schema.Field(l.spec.Schema.FieldIndices(name)[0])
		}
		return &stageTarget{table: beside(l.staging, suffix), schema: arrow.NewSchema(fields, nil), columns: l.plan.keyColumns()}
	})
}

// stageTarget is the table that a stage writes to.
type stageTarget struct {
	table   destination.TableName
	schema  *arrow.Schema
	columns []column
	counts  bool // its rows are rows of the load
	part    string
}

func (l *load) stage(ctx context.Context, to func() *stageTarget) (destination.Stage, error) {
	number, err := l.number(ctx)
	if err != nil {
		return nil, explain(l.op("stage"), err)
	}
	s, err := newStage(ctx, l, to(), fmt.Sprintf("%s_%s%d", l.staging.Schema, l.staging.Table, number))
	if err != nil {
		l.stageEnded(0)
		return nil, explain(l.op("stage"), err)
	}
	return s, nil
}

// number gives the next stage its number, once the file is ready for it.
func (l *load) number(ctx context.Context) (int, error) {
	if err := l.turn.take(ctx); err != nil {
		return 0, err
	}
	defer l.turn.give()
	if err := l.open(ctx); err != nil {
		return 0, err
	}
	if err := l.renew(ctx); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	l.stages++
	return l.next, nil
}

func (l *load) stageEnded(rows int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stages--
	l.rows += rows
	if l.stages == 0 {
		select {
		case l.quiet <- struct{}{}:
		default: // nobody has waited since the last time
		}
	}
}

// manyCells are the values staged after which the file is attached anew. What
// DuckDB has in memory of each column of each row group, 2 to 6 kB, stays there as
// long as the file is attached: of 10,000,000 rows of 75 columns 150 MB or more.
const manyCells = 50_000_000

// renew attaches the file anew when much was staged since the last time. No
// stage begins meanwhile, and it waits for those that have. A merge, whose
// stages may wait for one another, is left alone. The caller has the turn.
func (l *load) renew(ctx context.Context) error {
	l.mu.Lock()
	rows := l.rows
	l.mu.Unlock()
	if l.spec.Mode != destination.Replace || (rows-l.renewed)*int64(len(l.plan.columns)) < l.d.renewal {
		return nil
	}
	for {
		l.mu.Lock()
		stages, rows := l.stages, l.rows
		l.mu.Unlock()
		if stages == 0 {
			l.renewed = rows
			l.detachLanes()
			if err := l.d.file.renew(ctx); err != nil {
				return err
			}
			return l.planAgain(ctx)
		}
		select {
		case <-l.quiet:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// planAgain makes the plan anew: another process may have had the file. What is
// staged has to fit the table as it is now.
func (l *load) planAgain(ctx context.Context) error {
	p, err := l.d.plan(ctx, l.db, l.spec)
	if err != nil {
		return err
	}
	if p.shape() != l.plan.shape() {
		return &destination.Error{
			Err:  errors.New("another process has changed the table meanwhile"),
			Mend: "nothing was written; run again, and let nobody change the table until the end",
			Busy: true,
		}
	}
	l.plan = p
	return nil
}

// begin opens the file and makes the staging table, once. The table may have
// changed since Begin looked at it, so the plan is made again under the lock.
func (l *load) begin(ctx context.Context) error {
	if err := l.turn.take(ctx); err != nil {
		return err
	}
	defer l.turn.give()
	return l.open(ctx)
}

// open is begin for those who have the turn.
func (l *load) open(ctx context.Context) error {
	if l.ended {
		return errors.New("the load has ended")
	}
	if l.db != nil {
		return nil
	}
	db, err := l.d.file.acquire(ctx, len(l.spec.Schema.Fields()))
	if err != nil {
		return err
	}
	l.db = db
	if err := l.prepare(ctx); err != nil {
		_ = l.clear(context.WithoutCancel(ctx)) // the first error tells more
		return err
	}
	return nil
}

func (l *load) prepare(ctx context.Context) error {
	var err error
	if l.plan, err = l.d.plan(ctx, l.db, l.spec); err != nil {
		return err
	}
	l.staging = destination.TableName{
		Schema: l.spec.Table.Schema,
		Table:  stagingPrefix + l.spec.Table.Table + "_" + l.spec.Run,
	}
	var schemas int
	err = l.db.QueryRowContext(ctx, selectSchema, l.d.file.name, l.staging.Schema).Scan(&schemas)
	if err != nil {
		return err
	}
	l.madeSchema = schemas == 0
	if _, err = l.db.ExecContext(ctx, createSchema(l.d.file.name, l.staging.Schema)); err != nil {
		return err
	}
	if err = l.takeOver(ctx); err != nil {
		return err
	}
	if l.spec.State != (state.Key{}) {
		return l.d.file.makeStates(ctx, l.db)
	}
	return nil
}

// Commit implements [destination.Load].
func (l *load) Commit(ctx context.Context, s *state.State) (destination.Result, error) {
	var r destination.Result
	if err := context.Cause(ctx); err != nil {
		return r, explain(l.op("commit"), err)
	}
	if err := l.begin(ctx); err != nil {
		return r, explain(l.op("commit"), err)
	}
	if err := l.turn.take(ctx); err != nil {
		return r, explain(l.op("commit"), err)
	}
	defer l.turn.give()
	l.mu.Lock()
	open, rows := l.stages, l.rows
	l.mu.Unlock()
	if open > 0 {
		return r, explain(l.op("commit"), fmt.Errorf("%d stages are still open", open))
	}
	text, err := l.encode(s)
	if err == nil {
		r, err = l.publish(ctx, rows, text)
	}
	if err != nil {
		return destination.Result{}, explain(l.op("commit"), err)
	}
	r.Created, r.SchemaChanges = l.plan.created, l.plan.changes
	l.end(ctx, true)
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
	s.Columns = columns
	for _, c := range l.plan.columns {
		s.Columns[c.field] = c.name
	}
	if l.spec.State == (state.Key{}) {
		return "", nil
	}
	text, err := state.Encode(*s)
	return string(text), err
}

// publish puts the staged rows into the table, and the state text beside it.
func (l *load) publish(ctx context.Context, rows int64, text string) (r destination.Result, err error) {
	conn, err := l.db.Conn(ctx)
	if err != nil {
		return r, err
	}
	defer func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "USE memory.main")
		_ = conn.Close()
	}()
	// Defaults and checks of the table may name things by their short names.
	if _, err = conn.ExecContext(ctx, "USE "+quote(l.d.file.name)+"."+quote(l.staging.Schema)); err != nil {
		return r, err
	}
	if err = l.verify(ctx, conn, rows); err != nil {
		return r, err
	}
	kept, err := l.sift(ctx, conn, rows)
	if err != nil {
		return r, err
	}
	if r.Deleted, err = l.countGone(ctx, conn); err != nil {
		return r, err
	}
	if err = l.makeRoom(ctx, conn, kept); err != nil {
		return r, err
	}
	return r, l.replace(ctx, conn, rows, kept, text, &r)
}

// makeRoom lets DuckDB have the memory that the transaction takes for rows that
// it deletes and updates, which it cannot move to disk.
func (l *load) makeRoom(ctx context.Context, conn *sql.Conn, staged int64) error {
	p := &l.plan
	if p.created || p.way == swap || p.way == add && !l.keeps {
		return nil
	}
	var rows int64
	if err := conn.QueryRowContext(ctx, countRows(l.d.file.name, l.spec.Table)).Scan(&rows); err != nil {
		return err
	}
	bytes := (rows/vectorRows + 1) * vectorMemory
	if p.way == update || p.way == upsert || p.way == mergeUpsert {
		bytes += staged * int64(len(p.columns)) * updateMemory
	}
	return l.d.file.reserve(ctx, len(p.columns), bytes)
}

// sift removes the staged rows that will not be written and gives the number
// of those that stay; deleted ones stay as long as a merge needs them.
func (l *load) sift(ctx context.Context, conn *sql.Conn, rows int64) (kept int64, err error) {
	db, p := l.d.file.name, &l.plan
	kept = rows
	drop := func(statement string) error {
		result, err := conn.ExecContext(ctx, statement)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		kept -= n
		return err
	}
	merging := l.spec.Mode == destination.Merge || l.spec.Mode == destination.DeleteInsert || l.spec.Mode == destination.Update
	if merging && len(p.key) > 0 {
		var doubles bool
		if err = conn.QueryRowContext(ctx, hasDoubles(db, l.staging, p.key)).Scan(&doubles); err == nil && doubles {
			err = drop(dropOlder(db, l.staging, p.key, p.cursor))
		}
	}
	if err == nil && p.way == add && len(p.key) > 0 && p.cursor != "" && !p.isAdded(p.cursor) {
		err = drop(dropKnown(db, l.spec.Table, l.staging, p.key, p.cursor))
	}
	if err == nil && p.deleted != "" && !p.merges() {
		err = drop(dropDead(db, l.staging, p.deleted))
	}
	return kept, err
}

// replace carries out the plan. P3: one transaction, the state included.
func (l *load) replace(ctx context.Context, conn *sql.Conn, rows, kept int64, text string, r *destination.Result) error {
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	r.Written = kept
	err := l.steps(ctx, conn, r)
	if err == nil && text != "" {
		err = l.swapState(ctx, conn, text)
	}
	if err != nil {
		rollback(ctx, conn)
		return err
	}
	r.Superseded = rows - r.Written
	return commit(ctx, conn)
}

// steps runs the statements of the plan and counts what they do.
func (l *load) steps(ctx context.Context, conn *sql.Conn, r *destination.Result) error {
	for _, s := range l.plan.statements(l.d.file.name, l.spec.Table, l.staging, l.keeps) {
		var before int64
		if s.counts == unkept {
			if err := conn.QueryRowContext(ctx, countRows(l.d.file.name, l.spec.Table)).Scan(&before); err != nil {
				return err
			}
		}
		result, err := conn.ExecContext(ctx, s.sql)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if err != nil {
			return err
		}
		switch s.counts {
		case nothing:
		case inserts:
			if n != r.Written { // P2
				return fmt.Errorf("%d rows were sent, %d arrived", r.Written, n)
			}
		case updates:
			r.Written = n
		case passes:
			r.Written -= n
		case removes:
			r.Deleted += n
		case unkept:
			r.Deleted += n
			if err := l.spec.Guard(n, before); err != nil {
				return err
			}
		}
	}
	return nil
}

// swapState writes the state, unless another load has written it since Begin.
func (l *load) swapState(ctx context.Context, conn *sql.Conn, text string) error {
	now, err := l.d.file.readState(ctx, conn, l.spec.State)
	if err != nil {
		return err
	}
	if now != l.seen {
		return &destination.Error{
			Err:  errors.New("another run has loaded the table meanwhile"),
			Mend: "nothing was written; run again, and let one run of a table end before the next begins",
			Busy: true,
		}
	}
	return l.d.file.writeState(ctx, conn, l.spec.State, text)
}

// verify checks that every staged row is there (P2), and that the columns that
// keep another type hold their values exactly (P1).
func (l *load) verify(ctx context.Context, conn *sql.Conn, rows int64) error {
	var staged int64
	if err := conn.QueryRowContext(ctx, countRows(l.d.file.name, l.staging)).Scan(&staged); err != nil {
		return err
	}
	if staged != rows {
		return fmt.Errorf("%d rows were staged, %d are there", rows, staged)
	}
	for _, c := range l.plan.columns {
		if c.exact() {
			continue
		}
		var key, value string
		err := conn.QueryRowContext(ctx, misfits(l.d.file.name, l.staging, c, l.plan.key)).Scan(&key, &value)
		if err == nil {
			return &destination.Error{
				Err: fmt.Errorf("record %s of %s: field %s is %.100q, which column %s (%s) cannot hold",
					key, l.spec.Source, c.field, value, c.name, c.target),
				Mend: fmt.Sprintf("change the column's type to %s, or load into another table", c.kind),
			}
		}
		if err != sql.ErrNoRows {
			return err
		}
	}
	return nil
}

// countGone counts the rows of the table whose key the source no longer has.
func (l *load) countGone(ctx context.Context, conn *sql.Conn) (gone int64, err error) {
	p := l.plan
	if p.created || len(p.key) == 0 || l.spec.Mode != destination.Replace {
		return 0, nil
	}
	if slices.ContainsFunc(p.key, p.isAdded) {
		return 0, nil
	}
	err = conn.QueryRowContext(ctx, countGone(l.d.file.name, l.spec.Table, l.staging, p.key)).Scan(&gone)
	return gone, err
}

// commit ends a transaction. Whatever becomes of ctx meanwhile, the answer is
// waited for: nobody could say else whether the rows are in the table.
func commit(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(context.WithoutCancel(ctx), "COMMIT")
	if err != nil {
		rollback(ctx, conn)
	}
	return err
}

// rollback undoes a transaction, if there is one still.
func rollback(ctx context.Context, conn *sql.Conn) {
	_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
}

// Abort implements [destination.Load].
func (l *load) Abort(ctx context.Context) error { return l.finish(ctx, "abort", false) }

// Leave implements [destination.Load].
func (l *load) Leave(ctx context.Context) error { return l.finish(ctx, "leave", l.token != "") }

// finish ends a load that was not committed.
func (l *load) finish(ctx context.Context, verb string, leave bool) error {
	ctx = context.WithoutCancel(ctx)
	if err := l.turn.take(ctx); err != nil {
		return err
	}
	defer l.turn.give()
	if l.ended {
		return nil
	}
	l.mu.Lock()
	open := l.stages
	l.mu.Unlock()
	if open > 0 {
		return explain(l.op(verb), fmt.Errorf("%d stages are still open", open))
	}
	var err error
	if l.db != nil && !leave {
		err = l.clear(ctx)
	}
	l.end(ctx, leave)
	if err != nil {
		return explain(l.op(verb), err)
	}
	return nil
}

// clear drops what begin made and gives the file back.
func (l *load) clear(ctx context.Context) error {
	err := l.d.file.dropStaging(ctx, l.db, l.staging)
	if err == nil && l.madeSchema {
		// Another load may use the schema by now; then it stays.
		_, _ = l.db.ExecContext(ctx, "DROP SCHEMA "+quote(l.d.file.name)+"."+quote(l.staging.Schema))
	}
	l.giveBack(ctx, false, false)
	return err
}

// end gives back what the load holds. Stays says that something of it is in the
// file.
func (l *load) end(ctx context.Context, stays bool) {
	l.ended = true
	if l.db != nil {
		l.giveBack(ctx, stays, l.d.others())
	}
	l.d.disclaim(l.spec.Table)
}

func (l *load) giveBack(ctx context.Context, stays, more bool) {
	l.db = nil
	l.closeLanes(ctx)
	l.d.file.release(ctx, stays, more)
}
