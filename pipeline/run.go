package pipeline

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sluice/destination"
	"sluice/source"
	"sluice/state"
)

// cleanUpTime is how long the org and the destination get to end what a run
// left, also after Ctrl-C.
const cleanUpTime = 30 * time.Second

// Run copies one table: it logs in, describes, stages every row, compares the
// counts and commits once. After an error the table is as it was (P3), the
// org runs nothing for us any more, and the Report says how far it came. When
// ctx ended before the commit, the error is its cause.
func Run(ctx context.Context, j Job) (Report, error) {
	j = j.withDefaults()
	r := &run{job: j, progress: j.Progress, id: strings.ToLower(rand.Text()[:10])}
	r.greatest.Store(noCursor)
	r.log = j.Log.With("run", r.id)
	r.report = Report{Run: r.id, SourceTable: j.SourceTable, Asked: j.Strategy, Took: map[Phase]time.Duration{}}
	if j.Table != (destination.TableName{}) {
		r.report.DestTable = j.Table.String()
	}
	err := r.do(ctx)
	r.enter("")
	r.report.RowsRead, r.report.Retries = r.rowsRead.Load(), r.retries.Load()
	if err != nil && ctx.Err() != nil && !r.committed {
		err = context.Cause(ctx)
	}
	return r.report, err
}

// run is one Run under way.
type run struct {
	job      Job
	id       string
	log      *slog.Logger
	progress *Progress

	phase   Phase
	entered time.Time

	committed bool

	plan     *plan
	stateKey state.Key // zero when no state is kept

	rowsRead atomic.Int64
	// greatest is the greatest cursor of the rows staged, Unix microseconds;
	// noCursor before the first.
	greatest atomic.Int64
	retries  atomic.Int64

	mu     sync.Mutex // guards report.Warnings while parts are read
	report Report
}

// enter ends the phase that was and begins the next.
func (r *run) enter(p Phase) {
	now := time.Now()
	if r.phase != "" {
		took := now.Sub(r.entered)
		r.report.Took[r.phase] += took
		r.log.Debug("phase done", "phase", r.phase, "took", took)
	}
	r.phase, r.entered = p, now
	if p != "" {
		r.progress.enter(p)
	}
}

func (r *run) do(ctx context.Context) (err error) {
	r.enter(Connect)
	src, err := r.job.Open(ctx)
	if err != nil {
		return err
	}
	r.progress.source.Store(&src)
	defer r.disconnect(src)
	table, err := src.Table(ctx, r.job.SourceTable)
	if err != nil {
		return err
	}
	r.report.SourceTable = table.Name()

	r.enter(Plan)
	load, err := r.begin(ctx, src, table)
	if err != nil {
		return err
	}
	defer func() { r.warnAbout(r.cleanUp(ctx, "drop what was staged", load.Abort)) }()
	request := r.plan.request(r.job, r.stateKey != state.Key{})
	request.Observe = r.observe
	scan, err := table.Scan(ctx, request)
	if err != nil {
		return err
	}
	defer func() { r.warnAbout(r.cleanUp(ctx, "end the job in the org", scan.Close)) }()
	r.planned(scan.Plan())

	r.enter(Wait)
	if err := r.copyParts(ctx, scan, load); err != nil {
		return err
	}
	if err := scan.Verify(); err != nil { // P2
		return err
	}
	if !request.GoneSince.IsZero() {
		if err := r.copyGone(ctx, scan, load); err != nil {
			return err
		}
	}
	r.enter(Commit)
	return r.commit(ctx, scan, load)
}

// begin decides what to do and asks the destination for a load. What the last
// load left is known only then; where it means that everything has to be read,
// the load is begun again as a replace.
func (r *run) begin(ctx context.Context, src source.Source, table source.Table) (destination.Load, error) {
	p, err := r.job.decide(table)
	if err != nil {
		return nil, err
	}
	r.plan = &p
	name := r.job.Table
	if name == (destination.TableName{}) {
		name = destination.TableName{Schema: "public", Table: destination.Snake(table.Name())}
	}
	r.report.Asked, r.report.DestTable = p.strategy, name.String()
	if p.keepsState() {
		org, err := src.Identity(ctx)
		if err != nil {
			return nil, err
		}
		r.stateKey = state.Key{Org: org, Source: table.Name(), Dest: name.String()}
	}
	spec := destination.Spec{
		Table:   name,
		Source:  table.Name(),
		Schema:  table.Schema(),
		Key:     p.key,
		Mode:    p.mode,
		Cursor:  p.cursor,
		From:    r.job.From,
		To:      r.job.To,
		State:   r.stateKey,
		Run:     r.id,
		Observe: r.warn,
	}
	if r.job.Deleted == RemoveDeleted {
		spec.Deleted = p.deleted
	}
	load, err := r.job.Destination.Begin(ctx, spec)
	if err != nil || !p.keepsState() {
		r.report.Strategy = string(p.mode)
		return load, err
	}
	if err := p.from(r.job, load.State()); err != nil {
		return nil, errors.Join(err, load.Abort(ctx))
	}
	r.report.Strategy, r.report.CursorBefore = string(p.mode), cursorText(p.before.Cursor)
	if p.mode == spec.Mode {
		return load, nil
	}
	if err := load.Abort(ctx); err != nil {
		return nil, err
	}
	spec.Mode = p.mode
	return r.job.Destination.Begin(ctx, spec)
}

// cursorText is a cursor as the report has it.
func cursorText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02T15:04:05.999Z")
}

// commit makes the rows and the cursor visible together (P3) and compares what
// was read with what the destination says it did with it (P2).
func (r *run) commit(ctx context.Context, scan source.Scan, load destination.Load) error {
	var after *state.State
	if r.stateKey != (state.Key{}) {
		after = r.plan.after(r.job, r.id, r.newest(), scan.Horizon())
	}
	result, err := load.Commit(ctx, after)
	if err != nil {
		return err
	}
	r.committed = true
	r.report.RowsWritten, r.report.RowsDeleted = result.Written, result.Deleted
	r.report.Created, r.report.SchemaChanges = result.Created, result.SchemaChanges
	if after != nil {
		r.report.CursorAfter = cursorText(after.Cursor)
	}
	if r.plan.instead != "" {
		r.warn(r.plan.instead)
	}
	if read := r.rowsRead.Load(); result.Written+result.Superseded != read {
		return &destination.Error{
			Op:   "load " + r.report.DestTable,
			Err:  fmt.Errorf("read %d rows but wrote %d and passed over %d", read, result.Written, result.Superseded),
			Mend: "the table is not exact: run again, and report this as a bug",
		}
	}
	return nil
}

// planned notes what the scan decided.
func (r *run) planned(p source.Plan) {
	r.report.API, r.report.Reason = p.API, p.Reason
	r.progress.expected.Store(p.Rows)
}

// observe is told of phases and warnings by the source, from any goroutine.
func (r *run) observe(e source.Event) {
	if e.Warning != "" {
		r.warn(e.Warning)
	}
	if e.Phase != "" {
		r.log.Debug("source", "doing", e.Phase)
		r.progress.doing.Store(&e.Phase)
	}
}

// warn keeps text for the report, once.
func (r *run) warn(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.report.Warnings {
		if w == text {
			return
		}
	}
	r.log.Debug("warning", "text", text)
	r.report.Warnings = append(r.report.Warnings, text)
}

// warnAbout turns an error of the cleaning up into a warning: it neither undoes
// a commit nor hides what went wrong first.
func (r *run) warnAbout(err error) {
	if err != nil {
		r.warn(err.Error())
	}
}

// cleanUp calls f with a context that outlives a cancelled ctx, but not for
// ever.
func (r *run) cleanUp(ctx context.Context, op string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	if err := f(ctx); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

// disconnect notes what src has cost and closes it.
func (r *run) disconnect(src source.Source) {
	u := src.Usage()
	r.report.Bytes, r.report.Calls = u.Bytes, u.Calls
	r.report.LimitUsed, r.report.LimitMax = u.LimitUsed, u.LimitMax
	if err := src.Close(); err != nil {
		r.warnAbout(fmt.Errorf("log out: %w", err))
	}
}
