package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/destination"
	"sluice/source"
	"sluice/state"
	"sluice/transform"
)

// maxRemoved is the share of a table's rows that a reconcile removes unless it
// is forced to remove more.
const maxRemoved = 0.1

// What a load may change about a table that exists.
const (
	Evolve       = "evolve"        // add columns and widen types
	Freeze       = "freeze"        // nothing: the run stops before it writes
	DiscardValue = "discard_value" // nothing: fields that would need it are left out
)

// load reads the table, or what changed of it, and commits it once.
func (r *run) load(ctx context.Context, src source.Source, table source.Table) (err error) {
	r.enter(Plan)
	load, err := r.begin(ctx, src, table)
	if err != nil {
		return err
	}
	r.noteFields(table)
	request := r.request()
	scan, err := table.Scan(ctx, request)
	if err != nil {
		r.warnAbout(r.cleanUp(ctx, "drop what was staged", load.Abort))
		return err
	}
	defer r.giveTurn()
	defer func() { r.finish(ctx, scan, load, err) }()
	r.planned(scan.Plan())

	r.enter(Wait)
	err = r.copyParts(ctx, scan, intake{
		stage:  load.Stage,
		change: r.shape.Apply,
		cursor: r.plan.cursor,
		months: r.report.MonthsOf,
		took:   r.took,
		begun: func(ctx context.Context) error {
			r.planned(scan.Plan())
			r.prepare(load, r.tokenOf(scan))
			return r.lineUp(ctx)
		},
	})
	if err != nil {
		return err
	}
	if err := scan.Verify(); err != nil { // P2
		return err
	}
	switch {
	case r.reconciles():
		err = r.copyKeys(ctx, table, load)
	case !request.GoneSince.IsZero():
		err = r.copyGone(ctx, scan, load)
	}
	if err == nil && r.losesRows(request) {
		err = r.copyLost(ctx, table, load, request, scan.Began())
	}
	if err != nil {
		return err
	}
	r.enter(Commit)
	return r.commit(ctx, scan, load)
}

// request is what the source is asked for, once the load has begun.
func (r *run) request() source.Request {
	request := r.plan.request(r.job, r.stateKey != state.Key{})
	request.Observe, request.Fields, request.Texts = r.observe, r.fields, r.texts
	request.Resume = source.Resume{Token: r.bareToken(r.found.Staged.Token), Done: r.found.Staged.Rows}
	return request
}

// prepare tells the load by what name a later run may go on with it, and takes
// in what an earlier one has staged (P9).
func (r *run) prepare(load destination.Load, token string) {
	load.Prepare(token)
	r.token = token
	staged := r.found.Staged
	if token == "" || token != staged.Token {
		return
	}
	for _, rows := range staged.Rows {
		r.rowsReused += rows
	}
	r.report.PartsReused, r.report.RowsReused = len(staged.Rows), r.rowsReused
	r.progress.rows.Add(r.rowsReused)
	if !staged.Newest.IsZero() {
		r.reached(staged.Newest.UnixMicro())
	}
}

// took counts a part that was staged.
func (r *run) took(t tally) {
	r.rowsRead.Add(t.rows)
	r.reached(t.newest)
	if r.report.MonthsOf != "" {
		r.mu.Lock()
		defer r.mu.Unlock()
		t.months.addTo(r.report.Months)
	}
}

// finish ends scan and load. What was staged stays for the next run when this
// one was stopped by something that passes; an error of the rows themselves
// would only come again.
func (r *run) finish(ctx context.Context, scan source.Scan, load destination.Load, err error) {
	end, what := load.Abort, "drop what was staged"
	if err != nil && !r.committed && r.token != "" && r.rowsRead.Load()+r.rowsReused > 0 && passes(ctx, err) {
		scan.Keep()
		end, what = load.Leave, "leave what was staged"
	}
	r.warnAbout(r.cleanUp(ctx, "end the job in the org", scan.Close))
	r.warnAbout(r.cleanUp(ctx, what, end))
}

// passes says whether what stopped a run may be over by the next.
func passes(ctx context.Context, err error) bool {
	e, ok := errors.AsType[*source.Error](err)
	return ctx.Err() != nil || ok && (e.Kind == source.TryLater || e.Kind == source.BudgetSpent)
}

// begin decides what to do and asks the destination for a load. What the last
// load left, and what would have to change about the table, is known only then;
// where it makes a difference the load is begun again.
func (r *run) begin(ctx context.Context, src source.Source, table source.Table) (destination.Load, error) {
	if err := r.specify(ctx, src, table); err != nil {
		return nil, err
	}
	for first := true; ; first = false {
		load, err := r.job.Destination.Begin(ctx, r.spec)
		if err != nil {
			return nil, err
		}
		r.found = load.Found()
		r.report.Columns = r.found.Columns
		again := false
		if first && r.plan.keepsState() {
			again, err = r.recall()
		}
		if err == nil && !again {
			again, err = r.honour(table)
		}
		if err == nil && !again {
			return load, nil
		}
		if err = errors.Join(err, load.Abort(ctx)); err != nil {
			return nil, err
		}
	}
}

// specify says what the load is, before anything is known of the destination.
func (r *run) specify(ctx context.Context, src source.Source, table source.Table) error {
	p, err := r.job.decide(table)
	if err != nil {
		return err
	}
	r.plan = &p
	if err := r.setShape(table); err != nil {
		return err
	}
	name := r.job.Table
	if name == (destination.TableName{}) {
		name = destination.TableName{Schema: "public", Table: destination.Snake(table.Name())}
	}
	r.report.Asked, r.report.Strategy, r.report.DestTable = p.strategy, string(p.mode), name.String()
	r.spec = destination.Spec{
		Table:      name,
		Source:     table.Name(),
		Schema:     r.shape.Schema(),
		Stamp:      transform.LoadedAt,
		Columns:    r.shape.Columns(),
		Key:        p.key,
		Mode:       p.mode,
		Cursor:     p.cursor,
		From:       r.job.From,
		To:         r.job.To,
		Convention: r.job.Naming,
		MaxRemoved: maxRemoved,
		Run:        r.id,
		Observe:    r.warn,
	}
	if r.job.Force {
		r.spec.MaxRemoved = 1
	}
	if r.job.FullRefresh {
		r.spec.Mode = destination.Replace // whatever the state says, also if it cannot be read
	}
	if r.job.Deleted == RemoveDeleted {
		r.spec.Deleted = p.deleted
	}
	if !p.keepsState() {
		return nil
	}
	org, err := src.Identity(ctx)
	if err != nil {
		return err
	}
	r.stateKey = state.Key{Org: org, Source: table.Name(), Dest: name.String()}
	if r.job.States == nil {
		r.spec.State = r.stateKey
		return nil
	}
	if r.kept, err = r.job.States.Get(ctx, r.stateKey); err != nil && !r.job.FullRefresh {
		return fmt.Errorf("read the state of %s: %w", r.stateKey, err)
	}
	r.spec.Columns = r.columns()
	return nil
}

// recall takes in what the last load left. It says true when the load has to be
// another one than was begun.
func (r *run) recall() (again bool, err error) {
	before := r.found.State
	if r.job.States != nil && r.found.Exists {
		before = r.kept
	}
	if err := r.plan.from(r.job, before); err != nil {
		return false, err
	}
	if err := r.sameColumns(); err != nil {
		return false, err
	}
	r.report.Strategy, r.report.CursorBefore = string(r.plan.mode), cursorText(before.Cursor)
	again = r.plan.mode != r.spec.Mode
	r.spec.Mode = r.plan.mode
	return again, nil
}

// honour holds the load to the schema contract. It says true when the load has
// to be begun with fewer fields.
func (r *run) honour(table source.Table) (again bool, err error) {
	changed := slices.Concat(r.found.Added, r.found.Widened)
	if slices.Contains(r.found.Added, transform.LoadedAt) {
		// A table that has been loaded without it goes on so.
		r.keepFields(func(f arrow.Field) bool { return f.Name != transform.LoadedAt })
		return true, nil
	}
	if len(changed) == 0 || r.job.Contract == Evolve {
		return false, nil
	}
	list := strings.Join(changed, ", ")
	needed := func(field string) bool {
		return slices.Contains(r.spec.Key, field) || field == r.spec.Cursor || field == r.spec.Deleted
	}
	if r.job.Contract == Freeze || slices.ContainsFunc(changed, needed) {
		return false, &destination.Error{
			Op:   "load " + r.report.DestTable,
			Err:  fmt.Errorf("the table has no columns, or too narrow ones, for the fields %s, and the schema contract is %s", list, r.job.Contract),
			Mend: "change the table, or let sluice do it by --schema-contract evolve",
		}
	}
	r.keepFields(func(f arrow.Field) bool { return !slices.Contains(changed, f.Name) })
	r.warn(fmt.Sprintf("fields of %s without a fitting column are left out, as the schema contract is %s: %s", table.Name(), DiscardValue, list))
	return true, nil
}

// cursorText is a cursor as the report has it.
func cursorText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02T15:04:05.999Z")
}

// aheadSlack is how far a cursor may lie past the horizon without a word: a
// transaction that stays open holds the horizon back.
const aheadSlack = 24 * time.Hour

// warnAhead tells of a cursor that somebody has set past what the source can
// have given: the changes up to it would never be read.
func (r *run) warnAhead(cursor, horizon time.Time) {
	if !horizon.IsZero() && cursor.After(horizon.Add(aheadSlack)) {
		r.warn(fmt.Sprintf("the cursor %s lies ahead of the org's own time, %s: changes before it are not read; move it back by sluice state set, or use --full-refresh",
			cursorText(cursor), cursorText(horizon)))
	}
}

// commit makes the rows and the cursor visible together (P3) and compares what
// was read with what the destination says it did with it (P2).
func (r *run) commit(ctx context.Context, scan source.Scan, load destination.Load) error {
	var after *state.State
	if r.stateKey != (state.Key{}) {
		horizon := scan.Horizon()
		after = r.plan.after(r.job, r.id, r.newest(), horizon, scan.Logged())
		r.warnAhead(after.Cursor, horizon)
		after.Unfilled = r.unfilled()
		r.warnUnfilled(after.Unfilled)
	}
	result, err := r.commitState(ctx, load, r.kept, after)
	if !r.committed {
		return err
	}
	r.report.RowsWritten, r.report.RowsDeleted = result.Written, result.Deleted
	r.report.Created, r.report.SchemaChanges = result.Created, result.SchemaChanges
	if err != nil {
		return err
	}
	if after != nil {
		r.report.CursorAfter, r.kept = cursorText(after.Cursor), *after
	}
	if r.plan.instead != "" {
		r.warn(r.plan.instead)
	}
	r.warnDoubles(result)
	return r.compare(result, r.rowsRead.Load()+r.rowsReused)
}

// warnDoubles tells of rows that a key which the user named has left out: when
// the table is loaded whole, nothing else passes over a row.
func (r *run) warnDoubles(result destination.Result) {
	if len(r.job.Key) > 0 && r.plan.mode == destination.Replace && result.Superseded > 0 {
		r.warn(fmt.Sprintf("%d of %d rows have the same %s as another row of %s and are not in the table: --primary-key names no fields that identify a row",
			result.Superseded, result.Superseded+result.Written, strings.Join(r.plan.key, ", "), r.report.SourceTable))
	}
}

// compare holds what the destination did with rows against those it was given.
func (r *run) compare(result destination.Result, rows int64) error {
	if result.Written+result.Superseded == rows {
		return nil
	}
	return &destination.Error{
		Op:   "load " + r.report.DestTable,
		Err:  fmt.Errorf("read %d rows but wrote %d and passed over %d", rows, result.Written, result.Superseded),
		Mend: "the table is not exact: run again, and report this as a bug",
	}
}

// commitState commits the load with its state, wherever that is kept. Outside
// of the destination, rows come first and the state second: after a crash in
// between, the next run reads the same window again, which changes nothing. The
// states are held meanwhile, so that no other run of the table comes between.
func (r *run) commitState(ctx context.Context, load destination.Load, before state.State, after *state.State) (result destination.Result, err error) {
	commit := func() error {
		result, err = load.Commit(ctx, after)
		r.committed = r.committed || err == nil
		return err
	}
	if r.job.States == nil || after == nil {
		return result, commit()
	}
	err = r.job.States.Exclusive(ctx, func(states state.Store) error {
		now, err := states.Get(ctx, r.stateKey)
		if err == nil && !now.Equal(before) {
			return &destination.Error{
				Op:   "commit " + r.report.DestTable,
				Err:  errors.New("another run has loaded the table meanwhile"),
				Mend: "nothing was written; run again, and let one run of a table end before the next begins",
				Busy: true,
			}
		}
		if err != nil && !r.job.FullRefresh {
			return err
		}
		if err := commit(); err != nil {
			return err
		}
		if err := states.Put(context.WithoutCancel(ctx), r.stateKey, *after); err != nil {
			return &destination.Error{
				Op:   "keep the state of " + r.stateKey.String(),
				Err:  fmt.Errorf("the rows are committed, the state is not: %w", err),
				Mend: "mend it and run again: the same rows are read once more, which changes nothing",
			}
		}
		return nil
	})
	return result, err
}
