package salesforce

import (
	"fmt"
	"strings"

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

// query is one SOQL query over a table.
type query struct {
	object string
	fields []string
	where  []string // joined by AND
	order  string   // a field, or empty; Bulk queries have none
	all    bool     // queryAll: deleted and archived rows too
}

// query reads every column of every row that a user of the org sees, the
// archived ones of Task and Event included: only queryAll has those.
func (t *table) query() query {
	q := query{object: t.obj.Name}
	for _, f := range t.schema.Fields() {
		q.fields = append(q.fields, f.Name)
	}
	if t.obj.field("IsArchived") != nil && t.obj.field("IsDeleted") != nil {
		q.all = true
		q.where = append(q.where, "IsDeleted = false")
	}
	return q
}

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
	return s
}

// warnUnknown tells of columns whose type nobody has heard of.
func (t *table) warnUnknown(observe func(source.Event)) {
	for _, f := range t.unknown {
		observe(source.Event{Warning: fmt.Sprintf("%s.%s is of the unknown type %q and is read as text", t.obj.Name, f.Name, f.Type)})
	}
}
