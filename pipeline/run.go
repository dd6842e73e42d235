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
	"sluice/transform"
)

// cleanUpTime is how long the org and the destination get to end what a run
// left, also after Ctrl-C.
const cleanUpTime = 30 * time.Second

// Run copies one table: it logs in, describes, stages every row, compares the
// counts and commits once. After an error the table is as it was (P3), the
// org runs nothing for us any more, and the Report says how far it came. When
// ctx ended before the commit, the error is its cause.
func Run(ctx context.Context, j Job) (Report, error) {
	r := newRun(j)
	if j.Table != (destination.TableName{}) {
		r.report.DestTable = j.Table.String()
	}
	err := r.do(ctx)
	r.enter("")
	r.report.RowsRead, r.report.Retries = r.rowsRead.Load(), r.retries.Load()
	r.report.Ended = time.Now().UTC()
	r.report.Reading, r.report.Writing = time.Duration(r.reading.Load()), time.Duration(r.writing.Load())
	if err != nil && ctx.Err() != nil && !r.committed {
		err = context.Cause(ctx)
	}
	return r.report, err
}

// newRun is a run that has not begun.
func newRun(j Job) *run {
	j = j.withDefaults()
	r := &run{job: j, progress: j.Progress, started: time.Now().UTC().Truncate(time.Microsecond), id: strings.ToLower(rand.Text()[:10])}
	r.greatest.Store(noCursor)
	r.log = j.Log.With("run", r.id)
	r.report = Report{Run: r.id, Started: r.started, SourceTable: j.SourceTable, Asked: j.Strategy, Took: map[Phase]time.Duration{}}
	return r
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
	holds     chan struct{} // the place in job.Turns

	plan     *plan
	spec     destination.Spec // as it is carried out
	fields   []string         // those read; nil for all
	texts    []string         // of those, the numbers that are read as text
	shape    *transform.Transform
	started  time.Time
	found    destination.Found
	stateKey state.Key   // zero when no state is kept
	kept     state.State // as it is kept outside of the destination

	rowsRead   atomic.Int64
	rowsReused int64 // staged by an earlier run
	token      string
	// greatest is the greatest cursor of the rows staged, Unix microseconds;
	// noCursor before the first.
	greatest atomic.Int64
	retries  atomic.Int64
	// reading and writing are nanoseconds that workers waited for either end.
	reading, writing atomic.Int64

	mu     sync.Mutex // guards report.Warnings and Months while parts are read
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
	r.report.Host = src.Host()
	defer r.disconnect(src)
	table, err := r.describe(ctx, src)
	if err != nil {
		return err
	}
	err = r.load(ctx, src, table)
	if old, ok := errors.AsType[*source.Error](err); ok && old.Stale && r.rowsRead.Load() == 0 {
		r.log.Debug("the table changed since it was described", "cause", err)
		if table, err = r.describe(ctx, src); err != nil {
			return err
		}
		err = r.load(ctx, src, table)
	}
	if err != nil {
		return err
	}
	return r.refresh(ctx, table)
}

func (r *run) describe(ctx context.Context, src source.Source) (source.Table, error) {
	table, err := src.Table(ctx, r.job.SourceTable)
	if err == nil {
		r.report.SourceTable = table.Name()
	}
	return table, err
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
