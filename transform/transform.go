// Package transform is what happens to record batches between a source and a
// destination: fields left out, blanks trimmed, values masked, types and column
// names changed, the time of the load added. It is Arrow in, Arrow out.
//
// The order is fixed: trim, mask, change the type. A mask sees the source's own
// values, and a new type is the type of what the mask made.
package transform

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// LoadedAt is the field that tells when a row was loaded.
const LoadedAt = "_sluice_loaded_at"

// Options say what to change. The zero Options change nothing.
type Options struct {
	// Object is what the upstream system calls the table, for error texts.
	Object string
	// Key, Cursor and Deleted are the fields that the load itself goes by. They
	// are never left out and keep their types and, but for hashed keys, their
	// values.
	Key             []string
	Cursor, Deleted string
	// Fields names the fields to keep, all when empty; Exclude those to leave
	// out.
	Fields, Exclude []string
	Columns         []Column
	Masks           []Mask
	// Trim removes white space around the values of all text fields but Key.
	Trim bool
	// LoadedAt, if not zero, is the value of a last field [LoadedAt]: one moment
	// for all rows of a run. It says nothing about a row of the source: leave it
	// out of loads that compare rows (destination.Update), and of the comparison
	// of a merge with a replace.
	LoadedAt time.Time
	// Getenv looks up the secrets of masks. Nil means there are none.
	Getenv func(string) string
	// Alloc holds what is made. Nil means Go's heap.
	Alloc memory.Allocator
}

// Transform changes the batches of one schema. It may be used by several
// goroutines at once.
type Transform struct {
	object   string
	in, out  *arrow.Schema
	key      []string
	pick     []int    // the field of in behind each field of out, LoadedAt aside
	work     [][]step // on each of them; none when it stays as it is
	columns  map[string]string
	loadedAt arrow.Timestamp // 0 for none
	alloc    memory.Allocator
}

// New checks opts against the fields of schema, before any row is read.
func New(schema *arrow.Schema, opts Options) (*Transform, error) {
	t := &Transform{object: opts.Object, in: schema, key: opts.Key, alloc: opts.Alloc, columns: map[string]string{}}
	if t.alloc == nil {
		t.alloc = memory.NewGoAllocator()
	}
	names, err := Select(schema, opts)
	if err != nil {
		return nil, err
	}
	steps, err := opts.steps(schema)
	if err != nil {
		return nil, err
	}
	var fields []arrow.Field
	for i, f := range schema.Fields() {
		if !slices.Contains(names, f.Name) {
			if n := slices.IndexFunc(steps[i], step.named); n >= 0 {
				return nil, badRequest("take the field in, or leave the flag out", "%s: %s is left out", steps[i][n].asked, f.Name)
			}
			continue
		}
		for _, s := range steps[i] {
			f.Type = s.to
		}
		fields = append(fields, f)
		t.pick, t.work = append(t.pick, i), append(t.work, steps[i])
	}
	if t.columns, err = opts.renames(schema, names); err != nil {
		return nil, err
	}
	if !opts.LoadedAt.IsZero() {
		if find(schema, LoadedAt) >= 0 {
			return nil, badRequest("use --no-load-timestamp", "%s has a field %s of its own", opts.Object, LoadedAt)
		}
		t.loadedAt = arrow.Timestamp(opts.LoadedAt.UnixMicro())
		fields = append(fields, arrow.Field{Name: LoadedAt, Type: arrow.FixedWidthTypes.Timestamp_us, Nullable: true})
	}
	meta := schema.Metadata()
	t.out = arrow.NewSchema(fields, &meta)
	return t, nil
}

// steps lists what is done to each field, in order.
func (o Options) steps(schema *arrow.Schema) ([][]step, error) {
	steps := make([][]step, schema.NumFields())
	if o.Trim {
		for i, f := range schema.Fields() {
			if f.Type.ID() == arrow.STRING && !slices.Contains(o.Key, f.Name) {
				steps[i] = append(steps[i], step{to: f.Type, name: "trim", do: trim})
			}
		}
	}
	for _, m := range o.Masks {
		i, err := o.field(schema, m.Field, m.asked())
		if err != nil {
			return nil, err
		}
		f := schema.Field(i)
		if err := o.maskable(m, f.Name); err != nil {
			return nil, err
		}
		s, err := m.step(f, o)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(steps[i], step.named) {
			return nil, badRequest("give it one mask", "--mask names %s twice", f.Name)
		}
		steps[i] = append(steps[i], s)
	}
	typed := map[int]bool{}
	for _, c := range o.Columns {
		i, err := o.field(schema, c.source(), c.asked())
		if err != nil {
			return nil, err
		}
		if typed[i] {
			return nil, badRequest("name it once", "--columns names %s twice", schema.Field(i).Name)
		}
		typed[i] = true
		if c.Type == nil {
			continue
		}
		from := schema.Field(i).Type
		for _, s := range steps[i] {
			from = s.to
		}
		if arrow.TypeEqual(from, c.Type) {
			continue
		}
		if name := schema.Field(i).Name; o.needs(name) {
			return nil, badRequest("leave it its own type", "%s: the load goes by %s", c.asked(), name)
		}
		do := conversion(from, c.Type)
		if do == nil {
			return nil, badRequest(conversions, "%s: %s is %s, which cannot become %s", c.asked(), schema.Field(i).Name, TypeName(from), TypeName(c.Type))
		}
		steps[i] = append(steps[i], step{to: c.Type, name: "type", do: do, asked: c.asked()})
	}
	return steps, nil
}

// maskable refuses masks that would break the load.
func (o Options) maskable(m Mask, field string) error {
	switch {
	case slices.Contains(o.Key, field) && !m.keepsApart():
		return badRequest("use hash, sha256, md5 or hmac, which keep rows apart", "%s: rows are found by %s", m.asked(), field)
	case field == o.Cursor || field == o.Deleted:
		return badRequest("leave it as it is, or name another cursor by --incremental-key", "%s: the load goes by %s", m.asked(), field)
	}
	return nil
}

// renames gives the column that each renamed field goes to, by field.
func (o Options) renames(schema *arrow.Schema, kept []string) (map[string]string, error) {
	columns, taken := map[string]string{}, map[string]string{}
	for _, c := range o.Columns {
		if c.Source == "" {
			continue
		}
		f := schema.Field(find(schema, c.Source)).Name
		if !slices.Contains(kept, f) {
			return nil, badRequest("take the field in, or leave the flag out", "%s: %s is left out", c.asked(), f)
		}
		name := strings.ToLower(c.Name)
		if name == LoadedAt {
			return nil, badRequest("choose another name", "%s: sluice has a column %s of its own", c.asked(), LoadedAt)
		}
		if other := taken[name]; other != "" {
			return nil, badRequest("choose another name", "--columns puts both %s and %s into %s", other, f, c.Name)
		}
		taken[name], columns[f] = f, c.Name
	}
	for _, f := range kept {
		if _, renamed := columns[f]; renamed {
			continue
		}
		for _, name := range []string{strings.ToLower(f), snake(f)} {
			if other := taken[name]; other != "" {
				return nil, badRequest("choose another name", "--columns puts %s into %s, which is the column of %s", other, columns[other], f)
			}
		}
	}
	return columns, nil
}

// Schema is what Apply returns batches of. The fields keep the upstream
// system's names; Columns has those the user gave.
func (t *Transform) Schema() *arrow.Schema { return t.out }

// Columns is the column that a field shall go to, by field; fields that were
// not renamed are not in it.
func (t *Transform) Columns() map[string]string { return t.columns }

// Masked lists the fields whose values are others than those of the source, not
// only of another type or without blanks around them.
func (t *Transform) Masked() (fields []string) {
	for i, steps := range t.work {
		if slices.ContainsFunc(steps, func(s step) bool { return s.name != "trim" && s.name != "type" }) {
			fields = append(fields, t.in.Field(t.pick[i]).Name)
		}
	}
	return fields
}

// Only is t for batches that have some of its fields alone, in the order of
// fields. [LoadedAt] is added when it is among them.
func (t *Transform) Only(fields []string) *Transform {
	some := *t
	some.pick, some.work, some.loadedAt = nil, nil, 0
	var in, out []arrow.Field
	for _, name := range fields {
		n := t.out.FieldIndices(name)
		if len(n) != 1 {
			continue
		}
		out = append(out, t.out.Field(n[0]))
		if name == LoadedAt && t.loadedAt != 0 {
			some.loadedAt = t.loadedAt
			continue
		}
		some.pick, some.work = append(some.pick, len(in)), append(some.work, t.work[n[0]])
		in = append(in, t.in.Field(t.pick[n[0]]))
	}
	some.in, some.out = arrow.NewSchema(in, nil), arrow.NewSchema(out, nil)
	return &some
}

// Fingerprint tells two transforms apart that make different values of the same
// row, the time of the load aside: rows that an interrupted run has staged
// belong into a table only if it was of the same fingerprint. It is empty when
// values stay as they are.
func (t *Transform) Fingerprint() string {
	h := sha256.New()
	changes := false
	for i, steps := range t.work {
		for _, s := range steps {
			changes = true
			fmt.Fprintf(h, "%q %q %s %x\n", t.in.Field(t.pick[i]).Name, s.name, TypeName(s.to), s.salt)
		}
	}
	if !changes {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// Apply returns b changed. The caller releases it; b stays the caller's.
func (t *Transform) Apply(b arrow.RecordBatch) (arrow.RecordBatch, error) {
	arrays := make([]arrow.Array, 0, len(t.pick)+1)
	defer func() {
		for _, a := range arrays {
			a.Release()
		}
	}()
	for i, from := range t.pick {
		a, err := t.column(b, from, t.work[i])
		if err != nil {
			return nil, err
		}
		arrays = append(arrays, a)
	}
	if t.loadedAt != 0 {
		arrays = append(arrays, t.stamps(int(b.NumRows())))
	}
	return array.NewRecordBatch(t.out, arrays, b.NumRows()), nil
}

// ApplyKeys returns b, whose columns are those of the key alone, with the keys
// as Apply writes them. The caller releases it.
func (t *Transform) ApplyKeys(b arrow.RecordBatch) (arrow.RecordBatch, error) {
	arrays := make([]arrow.Array, 0, b.NumCols())
	defer func() {
		for _, a := range arrays {
			a.Release()
		}
	}()
	var fields []arrow.Field
	for i, f := range b.Schema().Fields() {
		n := t.out.FieldIndices(f.Name)
		if len(n) != 1 {
			return nil, fmt.Errorf("%s: %s is no key of the load", t.object, f.Name)
		}
		a, err := t.column(b, i, t.work[n[0]])
		if err != nil {
			return nil, err
		}
		arrays, fields = append(arrays, a), append(fields, t.out.Field(n[0]))
	}
	return array.NewRecordBatch(arrow.NewSchema(fields, nil), arrays, b.NumRows()), nil
}

// column does the steps on one column of b.
func (t *Transform) column(b arrow.RecordBatch, col int, steps []step) (arrow.Array, error) {
	a := b.Column(col)
	a.Retain()
	for _, s := range steps {
		next, row, err := s.run(a, b, t.alloc)
		a.Release()
		if err != nil {
			return nil, t.valueError(b, col, row, err)
		}
		a = next
	}
	return a, nil
}

// stamps is the column of the load's time.
func (t *Transform) stamps(rows int) arrow.Array {
	b := array.NewTimestampBuilder(t.alloc, arrow.FixedWidthTypes.Timestamp_us.(*arrow.TimestampType))
	defer b.Release()
	b.Reserve(rows)
	for range rows {
		b.UnsafeAppend(t.loadedAt)
	}
	return b.NewArray()
}

// step is one change of a column.
type step struct {
	to arrow.DataType
	// name and salt tell steps apart that make different values.
	name string
	salt []byte
	do   change
	// asked is the piece of the command line that asked for it; empty when it
	// names no field.
	asked string
	// record, if set, takes the place of do where a value depends on its row.
	record func(b arrow.RecordBatch, in arrow.Array, row int, out array.Builder) error
}

// named says whether the user asked for the step by the field's name.
func (s step) named() bool { return s.asked != "" }

// change appends row of in, which is not null, to out. An error leaves out as
// it was.
type change func(in arrow.Array, row int, out array.Builder) error

// run does the step on every value; nulls stay null. On an error it tells the
// row.
func (s step) run(in arrow.Array, b arrow.RecordBatch, alloc memory.Allocator) (arrow.Array, int, error) {
	out := array.NewBuilder(alloc, s.to)
	defer out.Release()
	out.Reserve(in.Len())
	for i := range in.Len() {
		var err error
		switch {
		case in.IsNull(i):
			out.AppendNull()
		case s.record != nil:
			err = s.record(b, in, i, out)
		default:
			err = s.do(in, i, out)
		}
		if err != nil {
			return nil, i, err
		}
	}
	return out.NewArray(), 0, nil
}

// trim removes white space around a text.
func trim(in arrow.Array, row int, out array.Builder) error {
	out.(*array.StringBuilder).Append(strings.TrimSpace(in.(*array.String).Value(row)))
	return nil
}
