package pipeline

import (
	"context"
	"strings"
	"time"

	"sluice/source"
)

// Preview is what a Run of the same Job would do.
type Preview struct {
	SourceTable, DestTable string
	// Asked is the strategy that was asked for, or the table's own; Strategy the
	// one that it would be carried out by.
	Asked, Strategy string
	// Exists says whether the table is there.
	Exists bool
	// Full says that every row would be read; otherwise From and To bound the
	// window, a zero time being no bound.
	Full     bool
	From, To time.Time
	// Staged counts the rows that an earlier run has left to go on with.
	Staged int64
	// Estimate is of the rows themselves; its Calls, Jobs and Time include those
	// of Passes.
	source.Estimate
	// Passes are the readings that come after that of the rows.
	Passes []Pass
	// DDL are the statements that would change the table's schema.
	DDL      []string
	Warnings []string
	// Took is what the preview itself has cost.
	Took source.Usage
}

// Pass is one more reading of a table, and why it is needed.
type Pass struct {
	Why string
	source.Estimate
}

// Look tells what Run would do. It reads no row and writes nothing.
func Look(ctx context.Context, j Job) (p Preview, err error) {
	r := newRun(j)
	r.enter(Connect)
	defer func() {
		r.enter("")
		p.Warnings = r.report.Warnings
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}()
	src, err := r.job.Open(ctx)
	if err != nil {
		return p, err
	}
	defer func() {
		p.Took = src.Usage()
		r.disconnect(src)
	}()
	table, err := r.describe(ctx, src)
	if err != nil {
		return p, err
	}
	r.enter(Plan)
	load, err := r.begin(ctx, src, table)
	if err != nil {
		return p, err
	}
	found := r.found
	request := r.request()
	p = Preview{
		SourceTable: r.report.SourceTable, DestTable: r.report.DestTable, Asked: r.report.Asked, Strategy: string(r.spec.Mode),
		Exists: found.Exists, DDL: found.DDL, From: request.From, To: request.To, Full: request.From.IsZero() && request.To.IsZero(),
	}
	for _, rows := range found.Staged.Rows {
		p.Staged += rows
	}
	// Nothing was staged, so that nothing is dropped: what an earlier run has
	// left stays.
	if err := r.cleanUp(ctx, "end the look", load.Leave); err != nil {
		return p, err
	}
	if p.Estimate, err = table.Estimate(ctx, request); err != nil {
		return p, err
	}
	return p, r.lookOn(ctx, table, request, &p)
}

// lookOn adds the readings that a run makes after that of the rows.
func (r *run) lookOn(ctx context.Context, table source.Table, request source.Request, p *Preview) error {
	add := func(why string, request source.Request) error {
		e, err := table.Estimate(ctx, request)
		e.Calls-- // the table is described already
		p.Calls, p.Jobs, p.Time = p.Calls+e.Calls, p.Jobs+e.Jobs, p.Time+e.Time
		p.Passes = append(p.Passes, Pass{why, e})
		return err
	}
	if r.reconciles() {
		if err := add("the keys of all rows, to find those that are gone", r.keysRequest()); err != nil {
			return err
		}
	}
	if r.losesRows(request) {
		if err := add("the keys of all rows that changed, to find those that no longer meet the condition", r.lostRequest(request, time.Time{})); err != nil {
			return err
		}
	}
	if fields := r.stale(table); len(fields) > 0 {
		return add("fields of all rows, to refresh them: "+strings.Join(fields, ", "), r.refreshRequest(table, fields))
	}
	return nil
}
