package pipeline

import (
	"context"
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
	source.Estimate
	// DDL are the statements that would change the table's schema.
	DDL      []string
	Warnings []string
	// Took is what the preview itself has cost.
	Took source.Usage
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
	p.Estimate, err = table.Estimate(ctx, request)
	if r.losesRows(request) {
		p.Calls++ // the keys of all rows that changed
	}
	return p, err
}
