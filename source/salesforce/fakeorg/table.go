package fakeorg

import (
	"iter"
	"maps"
	"slices"
)

// table holds the rows of one object: generated ones, and what was changed
// since. The Org's mutex guards it.
type table struct {
	object *Object
	base   uint32 // generated rows: 0 to base-1
	n      uint32 // all rows, inserted ones included
	edits  map[uint32]*edit
	shared bool              // a view holds edits: copy before the next write
	held   []*held           // open transactions
	hidden map[string]*Field // by lower-case name
}

// edit is what was changed in one row. It is never changed once it is in a
// table.
type edit struct {
	inserted bool // fields without a cell are null, not generated
	erased   bool // gone for good
	cells    map[string]value
	deleted  int64 // ms; when the row went into the bin
}

// view is a table at one moment. It is safe to read from any goroutine.
type view struct {
	org    *Org
	object *Object
	n      uint32
	edits  map[uint32]*edit
}

// view freezes a table. The caller holds mu.
func (o *Org) viewOf(t *table) *view {
	t.shared = true
	return &view{org: o, object: t.object, n: t.n, edits: t.edits}
}

// put stores an edit. The caller holds mu.
func (t *table) put(row uint32, e *edit) {
	if t.shared || t.edits == nil {
		fresh := make(map[uint32]*edit, len(t.edits)+1)
		maps.Copy(fresh, t.edits)
		t.edits, t.shared = fresh, false
	}
	t.edits[row] = e
}

// change is a copy of a row's edit that may be filled in and put back.
func (t *table) change(row uint32) *edit {
	next := edit{cells: map[string]value{}}
	if old := t.edits[row]; old != nil {
		next = *old
		next.cells = maps.Clone(old.cells)
	}
	return &next
}

// rowOf finds the row of an id that belongs to this object.
func (v *view) rowOf(id string) (uint32, bool) {
	prefix, n, ok := parseID(id)
	if !ok || prefix != v.object.Prefix || n == 0 || n > v.n {
		return 0, false
	}
	return n - 1, !v.erased(n - 1)
}

func (v *view) erased(row uint32) bool {
	e := v.edits[row]
	return e != nil && e.erased
}

// cell is the value of a field in a row.
func (v *view) cell(row uint32, f *Field) value {
	if len(v.edits) > 0 {
		if e := v.edits[row]; e != nil {
			if c, ok := e.cells[f.key]; ok {
				return c
			}
			if e.inserted {
				return f.empty()
			}
		}
	}
	return f.generate(row, 0)
}

// empty is what a field holds that nobody has filled in.
func (f *Field) empty() value {
	if f.Type == "boolean" {
		return boolValue(false)
	}
	return value{}
}

// sortedEdits goes through the edits by row.
func (v *view) sortedEdits() iter.Seq2[uint32, *edit] {
	return func(yield func(uint32, *edit) bool) {
		for _, row := range slices.Sorted(maps.Keys(v.edits)) {
			if !yield(row, v.edits[row]) {
				return
			}
		}
	}
}

// visible says whether a query sees the row: query leaves out what is in the
// bin or archived, queryAll does not.
func (v *view) visible(row uint32, all bool) bool {
	e := v.edits[row]
	switch {
	case e != nil && e.erased:
		return false
	case all:
		return true
	case e == nil:
		return !v.org.world.bornDeleted(v.object, row) && !v.org.world.bornArchived(v.object, row)
	}
	for _, name := range []string{"IsDeleted", "IsArchived"} {
		if f := v.object.Field(name); f != nil && name != "IsArchived" || f != nil && v.object.archive {
			if v.cell(row, f).num != 0 {
				return false
			}
		}
	}
	return true
}

// count is the number of rows that a query without a filter finds.
func (v *view) count(all bool) int {
	n := 0
	for row := range v.n {
		if v.visible(row, all) {
			n++
		}
	}
	return n
}
