package fakeorg

import (
	"fmt"
	"slices"
	"strings"
)

// reschema replaces the fields of an object and notes when.
func (o *Org) reschema(object string, change func(t *table, fields []*Field) []*Field) {
	o.writing(object, func(w *writer) {
		w.t.object = w.t.object.withFields(change(w.t, slices.Clone(w.t.object.Fields)))
		o.schemaAt[w.t.object.Name] = o.clock.Now()
	})
}

// AddField adds a field, given as a line of objects.txt: "Nickname__c str:80
// null=200". Rows get generated values; their stamps stay.
func (o *Org) AddField(object, line string) {
	o.reschema(object, func(t *table, fields []*Field) []*Field {
		f := parseField(strings.Fields(line), t.object)
		if t.object.Field(f.Name) != nil {
			panic(fmt.Sprintf("fakeorg: %s already has a field %s", object, f.Name))
		}
		f.key = fmt.Sprintf("%s/%d", f.Name, o.next()) // cells of an earlier field of this name are gone
		o.world.buildField(t.object, f)
		return append(fields, f)
	})
}

// RemoveField takes a field away, values and all.
func (o *Org) RemoveField(object, field string) {
	o.reschema(object, func(t *table, fields []*Field) []*Field {
		return slices.Delete(fields, t.place(field), t.place(field)+1)
	})
}

// RenameField gives a field another API name. Its values stay.
func (o *Org) RenameField(object, field, name string) {
	o.changeField(object, field, func(f *Field) *Field {
		next := *f
		next.Name, next.Label, next.Custom = name, labelOf(name), isCustom(name)
		return &next
	})
}

// ChangeFieldType turns a field into one of another type, given as in
// objects.txt: "double:18.2". Its values are made anew.
func (o *Org) ChangeFieldType(object, field, typ string) {
	o.reschema(object, func(t *table, fields []*Field) []*Field {
		i := t.place(field)
		f := parseField([]string{fields[i].Name, typ}, t.object)
		f.key = fields[i].key + "/" + typ // cells of the old type no longer fit
		o.world.buildField(t.object, f)
		fields[i] = f
		return fields
	})
}

// HideField takes a field away from the user who signs in, as field-level
// security does. It leaves no trace in describe, and SOQL does not know it.
func (o *Org) HideField(object, field string) {
	o.reschema(object, func(t *table, fields []*Field) []*Field {
		i := t.place(field)
		if t.hidden == nil {
			t.hidden = map[string]*Field{}
		}
		t.hidden[strings.ToLower(field)] = fields[i]
		return slices.Delete(fields, i, i+1)
	})
}

// ShowField gives a hidden field back, at the end of the list.
func (o *Org) ShowField(object, field string) {
	o.reschema(object, func(t *table, fields []*Field) []*Field {
		f := t.hidden[strings.ToLower(field)]
		if f == nil {
			panic(fmt.Sprintf("fakeorg: %s hides no field %s", object, field))
		}
		delete(t.hidden, strings.ToLower(field))
		return append(fields, f)
	})
}

// Unfilter makes a field one that queries cannot filter or sort by.
func (o *Org) Unfilter(object, field string) {
	o.changeField(object, field, func(f *Field) *Field {
		next := *f
		next.Filterable, next.Sortable = false, false
		return &next
	})
}

func (o *Org) changeField(object, field string, change func(f *Field) *Field) {
	o.reschema(object, func(t *table, fields []*Field) []*Field {
		i := t.place(field)
		fields[i] = change(fields[i])
		return fields
	})
}

// place is where a field stands in the list. A field that is not there is a
// mistake in the test.
func (t *table) place(field string) int {
	f := t.object.Field(field)
	if f == nil {
		panic(fmt.Sprintf("fakeorg: %s has no field %s", t.object.Name, field))
	}
	return slices.Index(t.object.Fields, f)
}
