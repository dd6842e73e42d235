package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/destination"
	"sluice/source"
	"sluice/state"
	"sluice/transform"
)

// unfilled lists the fields whose columns are not as the source has them in rows
// that did not change meanwhile: those that are new to the table, and those that
// the source does not show now, should it show them again.
func (r *run) unfilled() []string {
	if r.plan.whole || r.plan.mode == destination.Replace {
		return nil
	}
	list := slices.Concat(r.plan.before.Unfilled, r.found.Added)
	for field := range r.plan.before.Columns {
		if !r.reads(field) && field != transform.LoadedAt {
			list = append(list, field)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (r *run) reads(field string) bool { return len(r.spec.Schema.FieldIndices(field)) > 0 }

// warnUnfilled tells of the columns that are not filled, and will not be now.
func (r *run) warnUnfilled(fields []string) {
	fields = slices.DeleteFunc(slices.Clone(fields), func(f string) bool { return !r.reads(f) })
	if len(fields) > 0 && !r.job.BackfillNewColumns {
		r.warn(fmt.Sprintf("new fields of %s: %s; rows that have not changed since lack them until --backfill-new-columns",
			r.report.SourceTable, strings.Join(fields, ", ")))
	}
}

// stale lists the fields to read again in all rows, those of the table's own
// order. After a load of everything there is nothing to refresh.
func (r *run) stale(table source.Table) []string {
	if r.plan.whole || r.plan.mode == destination.Replace {
		return nil
	}
	var wanted []string
	if r.job.RefreshFormulas {
		wanted = table.Derived()
	}
	if r.job.BackfillNewColumns {
		wanted = slices.Concat(wanted, r.unfilled())
	}
	var fields []string
	for _, f := range r.spec.Schema.Fields() {
		if slices.Contains(wanted, f.Name) && !slices.Contains(r.spec.Key, f.Name) {
			fields = append(fields, f.Name)
		}
	}
	return fields
}

// refreshRequest asks for some fields of all rows.
func (r *run) refreshRequest(table source.Table, fields []string) source.Request {
	return source.Request{
		Fields:      slices.Concat(r.spec.Key, fields),
		Texts:       r.texts,
		Where:       r.job.Where,
		WithDeleted: r.job.Deleted == KeepDeleted && table.DeletedKey() != "",
		Observe:     r.observe,
	}
}

// refresh reads some fields of all rows, and updates the rows that differ: what
// changes without the cursor growing (P5). It is a load of its own, after the
// rows that changed.
func (r *run) refresh(ctx context.Context, table source.Table) (err error) {
	fields := r.stale(table)
	if len(fields) == 0 {
		return nil
	}
	r.enter(Plan)
	request := r.refreshRequest(table, fields)
	spec := r.spec
	spec.Mode, spec.Deleted, spec.Cursor, spec.Schema = destination.Update, "", "", subset(r.spec.Schema, request.Fields)
	spec.Columns = r.kept.Columns
	load, err := r.job.Destination.Begin(ctx, spec)
	if err != nil {
		return err
	}
	defer r.giveTurn()
	defer func() { r.warnAbout(r.cleanUp(ctx, "drop what was staged", load.Abort)) }()
	scan, err := table.Scan(ctx, request)
	if err != nil {
		return err
	}
	defer func() { r.warnAbout(r.cleanUp(ctx, "end the job in the org", scan.Close)) }()
	r.enter(Wait)
	var rows atomic.Int64
	err = r.copyParts(ctx, scan, intake{
		stage:  load.Stage,
		change: r.shape.Only(request.Fields).Apply,
		took:   func(t tally) { rows.Add(t.rows) },
		begun: func(ctx context.Context) error {
			load.Prepare("")
			return r.lineUp(ctx)
		},
	})
	if err == nil {
		err = scan.Verify() // P2
	}
	if err != nil {
		return err
	}
	r.enter(Commit)
	result, err := r.commitState(ctx, load, r.kept, r.filled(load))
	if err != nil {
		return err
	}
	r.report.RowsRefreshed, r.report.Refreshed = result.Written, fields
	return r.compare(result, rows.Load())
}

// filled is the state without the fields that were filled; nil when there is
// nothing to change.
func (r *run) filled(load destination.Load) *state.State {
	s := load.Found().State
	if r.job.States != nil {
		s = r.kept
	}
	if r.stateKey == (state.Key{}) || !r.job.BackfillNewColumns || len(s.Unfilled) == 0 {
		return nil
	}
	s.Unfilled = slices.DeleteFunc(slices.Clone(s.Unfilled), r.reads)
	return &s
}

// subset is the schema of some fields, in their order.
func subset(schema *arrow.Schema, names []string) *arrow.Schema {
	fields := make([]arrow.Field, len(names))
	for i, name := range names {
		fields[i] = schema.Field(schema.FieldIndices(name)[0])
	}
	return arrow.NewSchema(fields, nil)
}
