package pipeline

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sluice/destination"
	"sluice/source"
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
	instead   string // what the load does instead of what was asked; empty when nothing

	rowsRead atomic.Int64
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
	load, err := r.begin(ctx, table)
	if err != nil {
		return err
	}
	defer func() { r.warnAbout(r.cleanUp(ctx, "drop what was staged", load.Abort)) }()
	scan, err := table.Scan(ctx, source.Request{Observe: r.observe})
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
	r.enter(Commit)
	return r.commit(ctx, load)
}

// begin asks the destination for a load of table.
func (r *run) begin(ctx context.Context, table source.Table) (destination.Load, error) {
	strategy := r.job.Strategy
	if strategy == "" {
		strategy = table.Strategy()
	}
	m, warning, err := mode(strategy)
	if err != nil {
		return nil, err
	}
	name := r.job.Table
	if name == (destination.TableName{}) {
		name = destination.TableName{Schema: "public", Table: destination.Snake(table.Name())}
	}
	r.report.Asked, r.report.Strategy, r.report.DestTable = strategy, string(m), name.String()
	r.instead = warning
	return r.job.Destination.Begin(ctx, destination.Spec{
		Table:   name,
		Source:  table.Name(),
		Schema:  table.Schema(),
		Key:     table.Key(),
		Mode:    m,
		Run:     r.id,
		Observe: r.warn,
	})
}

// commit makes the rows visible and compares what was read with what the
// destination says it wrote (P2).
func (r *run) commit(ctx context.Context, load destination.Load) error {
	result, err := load.Commit(ctx, nil)
	if err != nil {
		return err
	}
	r.committed = true
	r.report.RowsWritten, r.report.RowsDeleted = result.Written, result.Deleted
	r.report.Created, r.report.SchemaChanges = result.Created, result.SchemaChanges
	if r.instead != "" {
		r.warn(r.instead)
	}
	if read := r.rowsRead.Load(); result.Written != read {
		return &destination.Error{
			Op:   "load " + r.report.DestTable,
			Err:  fmt.Errorf("read %d rows but wrote %d", read, result.Written),
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
