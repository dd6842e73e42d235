package pipeline

import (
	"cmp"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"golang.org/x/sync/errgroup"

	"sluice/destination"
	"sluice/source"
)

// intake is where the parts of a scan go.
type intake struct {
	// stage opens a writer for a part.
	stage func(ctx context.Context, part string) (destination.Stage, error)
	// change gives the rows as they are to be written; the caller releases
	// them.
	change func(arrow.RecordBatch) (arrow.RecordBatch, error)
	// cursor is the field whose greatest value is told to took; may be empty.
	cursor string
	// months is the field by whose month rows are counted; may be empty.
	months string
	// took is told of each part that was staged. It may be called concurrently.
	took func(tally)
	// begun is called once before the first part is read, when the scan has
	// decided how to read. Nil does nothing.
	begun func(ctx context.Context) error
}

// tally is what a part that was staged held.
type tally struct {
	rows   int64
	newest int64 // the greatest cursor, in Unix microseconds
	months months
}

// copyParts stages every part of scan, Workers at a time. The first error ends
// the others. While the load waits for its turn, it asks for one part alone.
func (r *run) copyParts(ctx context.Context, scan source.Scan, to intake) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.job.Workers + 1) // and the one that asks for parts
	has := make(chan struct{})    // closed when the load has its turn
	take := sync.OnceValue(func() error {
		if err := r.takeTurn(ctx); err != nil {
			return err
		}
		r.enter(Copy)
		close(has)
		return nil
	})
	g.Go(func() error {
		for first := true; ; first = false {
			part, err := scan.Next(ctx)
			if err != nil && err != io.EOF { //nolint:errorlint // a broken connection may wrap io.EOF, and is no end
				return err
			}
			if first && to.begun != nil {
				if err := to.begun(ctx); err != nil {
					return err
				}
			}
			if first && (r.hasTurn() || err != nil) {
				if err := take(); err != nil {
					return err
				}
			}
			if err != nil {
				return nil
			}
			g.Go(func() error { return r.copyPart(ctx, part, to, take) })
			// To ask for another part may send for its page, which then waits with
			// a request that others need.
			select {
			case <-has:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	})
	return g.Wait()
}

// copyPart stages one part. Take is called before each stage is opened.
func (r *run) copyPart(ctx context.Context, part source.Part, to intake, take func() error) error {
	return r.again(ctx, part.Name(), func() error { return r.tryPart(ctx, part, to, take) })
}

// again reads a part, from its start again after a [*brokenPartError] that may
// go away.
func (r *run) again(ctx context.Context, part string, try func() error) error {
	wait := pauses()
	for attempt := 1; ; attempt++ {
		err := try()
		var broken *brokenPartError
		if !errors.As(err, &broken) {
			return err
		}
		asked, ok := retryable(broken.err)
		if !ok || attempt == maxAttempts || ctx.Err() != nil {
			return broken.err
		}
		pause := max(asked, wait.NextBackOff())
		r.log.Debug("part broke off, reading it again", "part", part, "attempt", attempt, "wait", pause, "cause", broken.err)
		r.retries.Add(1)
		if err := r.job.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// brokenPartError is an error of Part.Read whose stage was dropped: no row of it
// is left, so the part may be read again. Errors of the destination, and those
// after Close, never are: it may hold the rows by then.
type brokenPartError struct{ err error }

func (b *brokenPartError) Error() string { return b.err.Error() }

// tryPart reads part once, into a stage of its own. A load that takes turns opens
// it when there are rows for it. Any other does so before it sends for them: who
// holds a page and waits for a connection to the database is in the way of
// somebody who has one and waits for a page.
func (r *run) tryPart(ctx context.Context, part source.Part, to intake, take func() error) error {
	start := time.Now()
	t := tally{newest: noCursor, months: months{}}
	var stage destination.Stage
	var writer *ahead
	var opening error
	var waited time.Duration // for that
	open := func() error {
		from := time.Now()
		defer func() { waited = time.Since(from) }()
		if opening = take(); opening == nil {
			stage, opening = to.stage(ctx, part.Name())
		}
		if opening == nil {
			writer = writeAhead(ctx, stage)
		}
		return opening
	}
	if r.job.Turns == nil {
		if err := open(); err != nil {
			return err
		}
	}
	err := part.Read(ctx, func(b arrow.RecordBatch) error {
		changed, err := to.change(b)
		if err != nil {
			return err
		}
		if writer == nil {
			if err := open(); err != nil {
				changed.Release()
				return err
			}
		}
		if err := writer.put(changed); err != nil {
			return err
		}
		t.rows += b.NumRows()
		t.newest = max(t.newest, greatest(b, to.cursor))
		t.months.count(b, to.months)
		r.progress.rows.Add(b.NumRows())
		return nil
	})
	if err == nil && writer == nil {
		err = open() // an empty part counts as staged, too
	}
	if opening != nil {
		return opening
	}
	if writer == nil {
		r.reading.Add(int64(time.Since(start)))
		return &brokenPartError{err}
	}
	staging := writer.end()
	r.reading.Add(int64(time.Since(start) - writer.waited - waited))
	if err == nil && staging == nil {
		from := time.Now()
		if err = stage.Close(ctx); err == nil {
			to.took(t)
			r.log.Debug("part staged", "part", part.Name(), "rows", t.rows, "took", time.Since(start))
		}
		r.writing.Add(int64(writer.waited + time.Since(from)))
		return err
	}
	r.writing.Add(int64(writer.waited))
	r.progress.rows.Add(-t.rows)
	if abort := r.cleanUp(ctx, "drop a broken part", stage.Abort); abort != nil {
		r.warnAbout(abort)
		return cmp.Or(staging, err)
	}
	if staging != nil {
		return staging
	}
	return &brokenPartError{err}
}
