package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/destination"
	"sluice/source"
	"sluice/state"
	"sluice/transform"
)

// DiffOptions say how far Diff looks.
type DiffOptions struct {
	// EveryRow compares the rows of all months, not only of those whose totals
	// differ.
	EveryRow bool
	// Most is how many rows of each kind are listed. All are counted.
	Most int
}

// Kind is how a row of the table differs from the source's.
type Kind string

// The kinds of differences. Those of the second group are changes since the last
// run, which the next one brings.
const (
	Missing   Kind = "missing"   // the table lacks it
	Surplus   Kind = "surplus"   // the source has no such row, or the table has it twice
	Different Kind = "different" // values differ

	New     Kind = "new"
	Deleted Kind = "deleted"
	Changed Kind = "changed"
)

// Kinds are all of them, in the order in which rows are listed.
var Kinds = []Kind{Missing, Surplus, Different, New, Deleted, Changed}

// True says whether the next run does not bring it by itself.
func (k Kind) True() bool { return k == Missing || k == Surplus || k == Different }

// Difference is what Diff found.
type Difference struct {
	SourceTable, DestTable string
	// Where is the condition that the rows were loaded by; empty for none.
	Where string
	// Cursor is how far the table was loaded: what the state says, else the
	// newest row. Zero when neither tells.
	Cursor time.Time
	// Sums are the fields that were added up by month.
	Sums   []string
	Months []Month
	// Compared counts the rows of the source that were compared one by one.
	Compared int64
	// Counts are the rows that differ, by kind, and Rows some of them.
	Counts map[Kind]int64
	Rows   []RowDifference
	// Kept counts rows that the source has deleted and the table keeps, as it
	// was loaded so that it does.
	Kept     int64
	LeftOut  []LeftOut
	Warnings []string
	// Took is what the comparison has cost.
	Took source.Usage
}

// Same says whether the table is what the last run had to make of it.
func (d Difference) Same() bool {
	return !slices.ContainsFunc(Kinds, func(k Kind) bool { return k.True() && d.Counts[k] > 0 })
}

// Month is a month of both ends.
type Month struct {
	// Name is 2026-03; "earlier" for what is before the source's first row, "all"
	// where rows have no month.
	Name          string
	Source, Table MonthTotal
	// Why lists the totals that differ; none when all are the same, or when the
	// rows turned out to be.
	Why []string
}

// MonthTotal is what one end has of a month. Sums are in the order of
// Difference.Sums.
type MonthTotal struct {
	Rows   int64
	Newest time.Time
	Sums   []float64
}

// RowDifference is a row that differs.
type RowDifference struct {
	Kind Kind
	ID   string
	// Changed is when the source changed the row last; of a surplus row, what the
	// table knows of it. It may be zero.
	Changed time.Time
	// Why says more, where the kind does not say all.
	Why    string
	Fields []FieldDifference
}

// FieldDifference is a field whose values differ, each nil for none.
type FieldDifference struct {
	Field         string
	Source, Table *string
}

// LeftOut are fields that were not compared, and why.
type LeftOut struct {
	Why    string
	Fields []string
}

// Diff compares a table with its source: totals by month in one query, then the
// rows of the months that differ. It writes nothing at either end.
//
// Of each stretch of months that is compared row by row, it holds up to 100 bytes a
// row of the table (P7).
func Diff(ctx context.Context, j Job, o DiffOptions) (d Difference, err error) {
	r := newRun(j)
	c := &comparison{run: r, options: o, found: newFindings(), marks: newFingerprints()}
	defer func() {
		r.enter("")
		d.Warnings = r.report.Warnings
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
	}()
	r.enter(Connect)
	src, err := r.job.Open(ctx)
	if err != nil {
		return d, err
	}
	defer func() {
		d.Took = src.Usage()
		r.disconnect(src)
	}()
	if c.source, err = r.describe(ctx, src); err != nil {
		return d, err
	}
	r.enter(Plan)
	if err := c.prepare(ctx, src); err != nil {
		return d, err
	}
	if err := c.total(ctx); err != nil {
		return d, err
	}
	r.enter(Copy)
	err = c.compareRows(ctx)
	return c.difference(), err
}

// comparison is one Diff under way.
type comparison struct {
	run     *run
	options DiffOptions
	source  source.Table
	marks   fingerprints

	before state.State // what the last run left; zero when that is not kept
	where  string
	// treats is what became of rows that the source deleted: [RemoveDeleted] and
	// the like.
	treats string
	table  destination.Table
	// columns has the columns of the table by field.
	columns map[string]destination.Column
	// id tells rows apart, stamp when they changed, deleted whether they are.
	id, stamp, deleted string
	compared           []arrow.Field
	leftOut            []LeftOut
	shape              *transform.Transform // for id, stamp, deleted and compared

	totals  source.Totals
	outline destination.Outline
	cursor  time.Time
	strict  bool // what bears the cursor itself has been read, too
	months  []month
	rows    int64
	found   findings
}

// prepare finds out what the table is and how its rows were made.
func (c *comparison) prepare(ctx context.Context, src source.Source) error {
	r, t := c.run, c.source
	if err := c.identify(); err != nil {
		return err
	}
	name := r.job.Table
	if name == (destination.TableName{}) {
		name = destination.TableName{Schema: "public", Table: destination.Snake(t.Name())}
	}
	r.report.DestTable = name.String()
	org, err := src.Identity(ctx)
	if err != nil {
		return err
	}
	states := r.job.States
	if states == nil {
		states = r.job.Destination.States()
	}
	r.stateKey = state.Key{Org: org, Source: t.Name(), Dest: name.String()}
	if c.before, err = states.Get(ctx, r.stateKey); err != nil {
		return err
	}
	r.kept = c.before
	c.stamp, c.deleted = t.CursorKey(), t.DeletedKey()
	if c.before.CursorKey != "" {
		c.stamp = c.before.CursorKey
	}
	r.plan = &plan{key: []string{c.id}, cursor: c.stamp, deleted: c.deleted}
	r.job.LoadTimestamp = false
	if err := r.setShape(t); err != nil {
		return err
	}
	if err := c.agree(); err != nil {
		return err
	}
	var fields []string
	for _, f := range t.Schema().Fields() {
		fields = append(fields, f.Name)
	}
	if c.table, err = r.job.Destination.Look(ctx, name, fields, r.columns()); err != nil {
		return err
	}
	return c.choose(name)
}

// identify finds the field that tells rows apart, also where loads do without.
func (c *comparison) identify() error {
	key := c.run.job.Key
	if len(key) == 0 {
		key = c.source.Key()
	}
	if len(key) == 0 {
		key = []string{"Id"}
	}
	if c.id = fieldOf(c.source.Schema(), key[0]); c.id == "" || len(key) > 1 {
		return badRequest("name one field with --primary-key", "rows of %s cannot be told apart by one field", c.source.Name())
	}
	return nil
}

// agree holds what is asked for against how the table was loaded.
func (c *comparison) agree() error {
	r, before := c.run, c.before
	known := !before.Cursor.IsZero()
	c.where, c.treats = r.job.Where, r.job.Deleted
	if known && before.Deleted != "" {
		c.treats = before.Deleted
	}
	switch {
	case known && before.Strategy == string(destination.Append):
		return badRequest("compare a table that is merged or replaced", "%s was appended to, so that it has old versions of rows", r.report.DestTable)
	case known && before.Shape != r.plan.shape:
		return badRequest("give the same --mask, --columns, --trim-whitespace and --fields as ingest was given", "rows of %s were masked, trimmed or typed in another way", r.report.DestTable)
	case known && c.where == "":
		c.where = before.Where
	case known && c.where != before.Where:
		r.warn(fmt.Sprintf("the last run that merged read %s, not %s", condition(before.Where), condition(c.where)))
	}
	return nil
}

// choose decides which fields are compared.
func (c *comparison) choose(name destination.TableName) error {
	r := c.run
	c.columns = map[string]destination.Column{}
	for _, column := range c.table.Columns() {
		c.columns[column.Field] = column
	}
	if _, ok := c.columns[c.id]; !ok {
		return &destination.Error{
			Op: "look at " + name.String(), Err: fmt.Errorf("the table has no column for %s.%s", c.source.Name(), c.id),
			Mend: "name the table that this object was loaded into, and its own names of columns with --columns", Usage: true,
		}
	}
	derived := c.source.Derived()
	var absent, computed, unfilled, read []string
	for _, f := range r.shape.Schema().Fields() {
		_, there := c.columns[f.Name]
		needed := f.Name == c.id || f.Name == c.stamp || f.Name == c.deleted
		if needed {
			read = append(read, f.Name)
		}
		switch {
		case f.Name == c.id:
		case !there:
			absent = append(absent, f.Name)
		case slices.Contains(derived, f.Name):
			computed = append(computed, f.Name)
		case slices.Contains(c.before.Unfilled, f.Name):
			unfilled = append(unfilled, f.Name)
		default:
			c.compared = append(c.compared, f)
			if !needed {
				read = append(read, f.Name)
			}
		}
	}
	for _, l := range []LeftOut{
		{"no column in the table", absent},
		{"computed; see ingest --refresh-formulas", computed},
		{"not filled; see ingest --backfill-new-columns", unfilled},
	} {
		if len(l.Fields) > 0 {
			c.leftOut = append(c.leftOut, l)
		}
	}
	c.shape, r.fields = r.shape.Only(read), read
	r.texts = slices.DeleteFunc(r.texts, func(f string) bool { return !slices.Contains(read, f) })
	return nil
}

// summable are the fields that mean the same at both ends.
func (c *comparison) summable() (fields []string) {
	masked := c.run.shape.Masked()
	for _, f := range c.source.Schema().Fields() {
		_, there := c.columns[f.Name]
		at := c.run.shape.Schema().FieldIndices(f.Name)
		retyped := len(at) == 1 && f.Type.ID() == arrow.TIMESTAMP && c.run.shape.Schema().Field(at[0]).Type.ID() != arrow.TIMESTAMP
		if there && !retyped && !slices.Contains(masked, f.Name) && !slices.Contains(c.before.Unfilled, f.Name) {
			fields = append(fields, f.Name)
		}
	}
	return fields
}

// column is the column of a field; "" where it has none.
func (c *comparison) column(field string) string { return c.columns[field].Name }

// total adds up both ends and lays their months side by side.
func (c *comparison) total(ctx context.Context) (err error) {
	fields := c.summable()
	c.totals, err = c.source.Totals(ctx, source.Request{Where: c.where, Fields: fields, Observe: c.run.observe})
	if err != nil {
		return err
	}
	c.months, c.outline.Bounds = monthsOf(c.totals)
	c.outline.Clock, c.outline.Cursor = c.column(c.totals.Clock), c.column(c.totals.Cursor)
	for _, f := range c.totals.Sums {
		c.outline.Sums = append(c.outline.Sums, c.column(f))
	}
	if c.treats == KeepDeleted {
		c.outline.Deleted = c.column(c.deleted)
	}
	table, err := c.table.Totals(ctx, c.outline)
	if err != nil {
		return err
	}
	c.cursor = c.before.Cursor
	for i, t := range table {
		c.months[i].table = t
		c.months[i].compare(c.totals)
		if c.before.Cursor.IsZero() && t.Newest.After(c.cursor) {
			c.cursor, c.strict = t.Newest, true
		}
	}
	return nil
}

// compareRows goes through the rows of the months that differ. A load that comes
// in between would make differences of its own.
func (c *comparison) compareRows(ctx context.Context) error {
	stretches := stretchesOf(c.months, c.options.EveryRow)
	for _, s := range stretches {
		if err := c.compareStretch(ctx, s); err != nil {
			return err
		}
	}
	if len(stretches) == 0 {
		return nil
	}
	again, err := c.table.Totals(ctx, c.outline)
	if err != nil {
		return err
	}
	for i, t := range again {
		was := c.months[i].table
		if t.Rows != was.Rows || !t.Newest.Equal(was.Newest) {
			return &destination.Error{
				Op: "compare " + c.run.report.DestTable, Err: errors.New("the table was loaded meanwhile"),
				Mend: "compare again when no run is under way", Busy: true,
			}
		}
	}
	return nil
}

// difference is what was found.
func (c *comparison) difference() Difference {
	d := Difference{
		SourceTable: c.source.Name(), DestTable: c.run.report.DestTable, Where: c.where, Cursor: c.cursor, Sums: c.totals.Sums,
		Compared: c.rows, Counts: c.found.counts, Rows: c.found.listed(), Kept: c.found.kept, LeftOut: c.leftOut,
	}
	for _, m := range c.months {
		d.Months = append(d.Months, m.result())
	}
	return d
}

// eachPart reads the parts of a scan, a part again when it breaks off.
func (r *run) eachPart(ctx context.Context, scan source.Scan, read func(source.Part) error) error {
	for {
		part, err := scan.Next(ctx)
		if err == io.EOF { //nolint:errorlint // a broken connection may wrap io.EOF, and is no end
			return scan.Verify()
		}
		if err == nil {
			err = r.again(ctx, part.Name(), func() error {
				if err := read(part); err != nil {
					return &brokenPartError{err}
				}
				return nil
			})
		}
		if err != nil {
			return err
		}
	}
}
