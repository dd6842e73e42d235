package salesforce

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/source"
)

// table is one object of the org as describe gave it. It is a [source.Table].
type table struct {
	src     *Source
	obj     *object
	known   source.Known // zero for objects that the catalog does not list
	schema  *arrow.Schema
	unknown []field // of a type nobody has heard of, read as text
}

var _ source.Table = (*table)(nil)

func newTable(s *Source, o *object, known source.Known) *table {
	t := &table{src: s, obj: o, known: known}
	t.schema, t.unknown = schemaOf(o)
	return t
}

func (t *table) Name() string          { return t.obj.Name }
func (t *table) Schema() *arrow.Schema { return t.schema }

// Key is Id, except for tables that the catalog says have none.
func (t *table) Key() []string {
	if t.known.Name != "" && t.known.Key == "" {
		return nil
	}
	if f := t.obj.field("Id"); f != nil {
		return []string{f.Name}
	}
	return nil
}

// Strategy is the catalog's, and for other objects merge where it is possible.
func (t *table) Strategy() string {
	if t.known.Strategy != "" {
		return t.known.Strategy
	}
	if t.CursorKey() == "" || len(t.Key()) == 0 {
		return "replace"
	}
	return "merge"
}

// CursorKey is the catalog's where it names a field of its own, and else the
// best one that the object has.
func (t *table) CursorKey() string {
	if public := t.known.CursorKey; public != "" && public != lastTimestamp {
		if f := t.obj.field(strings.ReplaceAll(public, "_", "")); f.isCursor() {
			return f.Name
		}
	}
	return t.obj.cursorKey()
}

// Derived lists the formulas and roll-up summaries: Salesforce computes them
// when they are read, and stamps no row for it.
func (t *table) Derived() (names []string) {
	for _, f := range t.obj.Fields {
		if f.Calculated && len(t.schema.FieldIndices(f.Name)) > 0 {
			names = append(names, f.Name)
		}
	}
	return names
}

// query is one SOQL query over a table.
type query struct {
	object string
	fields []string
	where  []string // joined by AND
	order  string   // a field, or empty; Bulk queries have none
	all    bool     // queryAll: deleted and archived rows too
	limit  int64    // 0 for none; Bulk queries have none
	texts  []string // fields that are numbers, and read as text
}

// DeletedKey is IsDeleted, for objects that have a recycle bin.
func (t *table) DeletedKey() string {
	if f := t.obj.field("IsDeleted"); f != nil && f.Type == "boolean" {
		return f.Name
	}
	return ""
}

// query reads the columns and rows that r asks for. Archived tasks and
// events are part of the table: only queryAll has those, and the deleted ones
// are then left out again.
func (t *table) query(r source.Request) (query, error) {
	q := query{object: t.obj.Name, fields: r.Fields}
	if len(q.fields) == 0 {
		for _, f := range t.schema.Fields() {
			q.fields = append(q.fields, f.Name)
		}
	}
	for _, name := range r.Fields {
		if len(t.schema.FieldIndices(name)) == 0 {
			return q, &source.Error{Kind: source.BadRequest, Err: fmt.Errorf("%s has no field %q", t.obj.Name, name), Mend: "see its fields with `sluice describe`"}
		}
	}
	deleted := t.DeletedKey()
	q.all = deleted != "" && (r.WithDeleted || t.obj.field("IsArchived") != nil)
	if q.all && !r.WithDeleted {
		q.where = append(q.where, deleted+" = false")
	}
	if r.Where != "" {
		condition, err := checkCondition(r.Where)
		if err != nil {
			return q, err
		}
		q.where = append(q.where, "("+condition+")")
	}
	q.limit, q.texts = r.Limit, r.Texts
	window, err := t.window(r)
	if window != "" {
		q.where = append(q.where, window)
	}
	return q, err
}

// window is the condition on the cursor, "" when r has no bounds.
func (t *table) window(r source.Request) (string, error) {
	if r.From.IsZero() && r.To.IsZero() {
		return "", nil
	}
	name := first(r.CursorKey, t.CursorKey())
	f := t.obj.field(name)
	if !f.isCursor() {
		return "", &source.Error{
			Kind: source.BadRequest, Err: fmt.Errorf("%s.%s cannot be a cursor: it is no datetime field that a query may filter on", t.obj.Name, name),
			Mend: "use one of " + strings.Join(t.obj.cursorFields(), ", ") + ", or replace the table",
		}
	}
	var bounds []string
	if !r.From.IsZero() {
		bounds = append(bounds, f.Name+" >= "+datetime(r.From))
	}
	if !r.To.IsZero() {
		bounds = append(bounds, f.Name+" < "+datetime(r.To))
	} else if f.Nillable {
		return "(" + bounds[0] + " OR " + f.Name + " = null)", nil
	}
	return strings.Join(bounds, " AND "), nil
}

// datetime is a SOQL literal. Salesforce compares to the second, so that a
// fraction only ever makes a window larger. Z, and not an offset: a "+" would
// have to be escaped.
func datetime(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// soql is the text of q. Every name in it was checked by validName.
func (q query) soql() string {
	return "SELECT " + strings.Join(q.fields, ",") + q.tail()
}

// countSOQL asks how many rows q has.
func (q query) countSOQL() string { return "SELECT COUNT()" + q.tail() }

func (q query) tail() string {
	s := " FROM " + q.object
	if len(q.where) > 0 {
		s += " WHERE " + strings.Join(q.where, " AND ")
	}
	if q.order != "" {
		s += " ORDER BY " + q.order
	}
	if q.limit > 0 {
		s += fmt.Sprintf(" LIMIT %d", q.limit)
	}
	return s
}

// subset is the schema of some of the columns, of which texts are read as text.
func (t *table) subset(names, texts []string) *arrow.Schema {
	fields := make([]arrow.Field, len(names))
	for i, name := range names {
		fields[i] = t.schema.Field(t.schema.FieldIndices(name)[0])
		if slices.Contains(texts, name) {
			fields[i].Type = arrow.BinaryTypes.String
		}
	}
	return arrow.NewSchema(fields, nil)
}

// warnUnknown tells of columns whose type nobody has heard of.
func (t *table) warnUnknown(observe func(source.Event)) {
	for _, f := range t.unknown {
		observe(source.Event{Warning: fmt.Sprintf("%s.%s is of the unknown type %q and is read as text", t.obj.Name, f.Name, f.Type)})
	}
}
