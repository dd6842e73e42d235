package fakeorg

import (
	"slices"
	"strings"
)

// Object is one sObject type. Its list of fields is replaced, never changed in
// place, so a copy of it stays true to the moment it was taken.
type Object struct {
	Name, Label, Plural string
	Prefix              string // the first three characters of its ids
	Fields              []*Field
	Custom              bool
	Queryable           bool
	Replicateable       bool
	ReadOnly            bool // rows come from the system
	Deletable           bool
	Mergeable           bool
	Feed                bool
	// Bulk is false for what Bulk API 2.0 says it does not support.
	Bulk bool
	// Restricted lists the fields of which a query has to fix one.
	Restricted []string
	// HistoryOf is the object whose changes this one records.
	HistoryOf string

	archive   bool   // old rows are archived
	bin       bool   // some rows are in the recycle bin from the start
	ghost     bool   // listed, but its describe is not found
	parent    string // the reference along which a delete cascades
	single    bool   // exactly one row
	byName    map[string]*Field
	rels      map[string]*Field
	isDeleted *Field
}

// Field looks a field up by its API name, whatever the case.
func (o *Object) Field(name string) *Field { return o.byName[strings.ToLower(name)] }

// relation finds the reference that a path such as Owner.Name goes along.
func (o *Object) relation(name string) *Field { return o.rels[strings.ToLower(name)] }

// Readable lists the fields that hold values of their own, addresses and
// locations left out.
func (o *Object) Readable() []*Field {
	var fields []*Field
	for _, f := range o.Fields {
		if !f.compound() {
			fields = append(fields, f)
		}
	}
	return fields
}

// withFields is a copy of o with another list of fields.
func (o *Object) withFields(fields []*Field) *Object {
	next := *o
	next.Fields = make([]*Field, len(fields))
	for i, f := range fields {
		moved := *f
		moved.index, moved.parts = i, nil
		next.Fields[i] = &moved
	}
	next.index()
	return &next
}

// index builds the look-up tables from Fields.
func (o *Object) index() {
	o.byName, o.rels = map[string]*Field{}, map[string]*Field{}
	for i, f := range o.Fields {
		f.index = i
		o.byName[strings.ToLower(f.Name)] = f
		if f.Relationship != "" {
			o.rels[strings.ToLower(f.Relationship)] = f
		}
	}
	for _, f := range o.Fields {
		if whole := o.Field(f.Compound); f.Compound != "" && whole != nil && whole.compound() {
			whole.parts = append(whole.parts, f)
		}
	}
	o.isDeleted = o.Field("IsDeleted")
}

// nameField is the field that names a row, nil for the few without one.
func (o *Object) nameField() *Field {
	if i := slices.IndexFunc(o.Fields, func(f *Field) bool { return f.NameField }); i >= 0 {
		return o.Fields[i]
	}
	return nil
}
