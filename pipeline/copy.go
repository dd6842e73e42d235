package pipeline

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"golang.org/x/sync/errgroup"

	"sluice/destination"
	"sluice/source"
)

// copyParts stages every part of scan, Workers at a time. The first error ends
// the others.
func (r *run) copyParts(ctx context.Context, scan source.Scan, load destination.Load) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.job.Workers + 1) // and the one that asks for parts
	g.Go(func() error {
		for first := true; ; first = false {
			part, err := scan.Next(ctx)
			if err != nil && err != io.EOF { //nolint:errorlint // a broken connection may wrap io.EOF, and is no end
				return err
			}
			if first {
				r.planned(scan.Plan())
				r.enter(Copy)
			}
			if err != nil {
				return nil
			}
			g.Go(func() error { return r.copyPart(ctx, part, load) })
		}
	})
	return g.Wait()
}

// copyPart stages one part, from its start again after an error that may go
// away.
func (r *run) copyPart(ctx context.Context, part source.Part, load destination.Load) error {
	wait := pauses()
	for attempt := 1; ; attempt++ {
		err := r.tryPart(ctx, part, load)
		var broken *brokenPartError
		if !errors.As(err, &broken) {
			return err
		}
		asked, ok := retryable(broken.err)
		if !ok || attempt == maxAttempts || ctx.Err() != nil {
			return broken.err
		}
		pause := max(asked, wait.NextBackOff())
		r.log.Debug("part broke off, reading it again", "part", part.Name(), "attempt", attempt, "wait", pause, "cause", broken.err)
		r.retries.Add(1)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// brokenPartError is an error of Part.Read whose stage was dropped: no row of it
// is left, so the part may be read again. Errors of the destination, and those
// after Close, never are: it may hold the rows by then.
type brokenPartError struct{ err error }

func (b *brokenPartError) Error() string { return b.err.Error() }

// tryPart reads part once, into a stage of its own.
func (r *run) tryPart(ctx context.Context, part source.Part, load destination.Load) error {
	stage, err := load.Stage(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	var rows int64
	newest := int64(noCursor)
	var staging error
	err = part.Read(ctx, func(b arrow.RecordBatch) error {
		if staging = stage.Write(ctx, b); staging == nil {
			rows += b.NumRows()
			newest = max(newest, greatest(b, r.plan.cursor))
			r.progress.rows.Add(b.NumRows())
		}
		return staging
	})
	if err == nil && staging == nil {
		if err = stage.Close(ctx); err == nil {
			r.rowsRead.Add(rows)
			r.reached(newest)
			r.log.Debug("part staged", "part", part.Name(), "rows", rows, "took", time.Since(start))
		}
		return err
	}
	r.progress.rows.Add(-rows)
	if abort := r.cleanUp(ctx, "drop a broken part", stage.Abort); abort != nil {
		r.warnAbout(abort)
		return cmp.Or(staging, err)
	}
	if staging != nil {
		return staging
	}
	return &brokenPartError{err}
}
