package fakeorg

import (
	"fmt"
	"iter"
)

// Row is one record as it is in the org at one moment.
type Row struct {
	view *view
	row  uint32
}

// ID is the 18-character id.
func (r Row) ID() string { return formatID(r.view.object.Prefix, r.row+1) }

// Value is what a field holds: nil, string, bool, int64, float64, [Date],
// time.Time in UTC, time.Duration since midnight for times of the day, or
// []byte for blobs. Addresses and locations have no value of their own. It
// panics when the object has no such field, which is a mistake in the test.
func (r Row) Value(field string) any {
	f := r.view.object.Field(field)
	if f == nil {
		panic(fmt.Sprintf("fakeorg: %s has no field %s", r.view.object.Name, field))
	}
	c := r.view.cell(r.row, f)
	if f.Type == "base64" && c.kind != kindNull {
		return blobOf(f, r.row, c)
	}
	return c.canonical()
}

// Object is the schema of an object as it is now, nil when there is none.
func (o *Org) Object(name string) *Object {
	if v := o.view(name); v != nil {
		return v.object
	}
	return nil
}

// Objects are the names of all objects, in the order of the describe.
func (o *Org) Objects() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.order...)
}

// Rows are the rows that a query sees now: neither deleted nor archived. What
// changes while the caller ranges over them is not seen.
func (o *Org) Rows(object string) iter.Seq[Row] { return o.truth(object, false) }

// AllRows are the rows that queryAll sees now: also deleted ones that are still
// in the bin, and archived ones.
func (o *Org) AllRows(object string) iter.Seq[Row] { return o.truth(object, true) }

func (o *Org) truth(object string, all bool) iter.Seq[Row] {
	v := o.mustView(object)
	return func(yield func(Row) bool) {
		for row := range v.n {
			if v.visible(row, all) && !yield(Row{v, row}) {
				return
			}
		}
	}
}

// Row finds one row by its id, in the bin or not.
func (o *Org) Row(object, id string) (Row, bool) {
	v := o.mustView(object)
	row, ok := v.rowOf(id)
	return Row{v, row}, ok
}

// Count is the number of rows that a query sees now.
func (o *Org) Count(object string) int { return o.mustView(object).count(false) }

// CountAll is the number of rows that queryAll sees now.
func (o *Org) CountAll(object string) int { return o.mustView(object).count(true) }

func (o *Org) mustView(object string) *view {
	v := o.view(object)
	if v == nil {
		panic("fakeorg: no object " + object)
	}
	return v
}
