package fakeorg

import (
	"slices"
	"strings"
	"time"
)

// writer changes the rows of one object at one moment. The Org's mutex is held
// while it lives.
type writer struct {
	org *Org
	t   *table
	now int64 // ms, whole seconds
}

// writing runs change with the org locked.
func (o *Org) writing(object string, change func(w *writer)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := o.tables[strings.ToLower(object)]
	if t == nil {
		panic("fakeorg: no object " + object)
	}
	change(&writer{o, t, o.second()})
}

// second is the org's clock without the part of a second, as stamps are.
func (o *Org) second() int64 {
	ms := o.clock.Now().UnixMilli()
	return ms - mod(ms, 1000)
}

// of is a writer for another object at the same moment.
func (w *writer) of(t *table) *writer { return &writer{w.org, t, w.now} }

func (w *writer) view() *view {
	return &view{org: w.org, object: w.t.object, n: w.t.n, edits: w.t.edits}
}

// set puts a cell into an edit, if the object has such a field.
func (w *writer) set(e *edit, field string, v value) {
	if f := w.t.object.Field(field); f != nil {
		e.cells[f.key] = v
	}
}

// stamp marks a row as changed now.
func (w *writer) stamp(e *edit) {
	w.set(e, "LastModifiedDate", stampValue(w.now))
	w.set(e, "LastModifiedById", idValue(w.org.UserID()))
	w.set(e, "SystemModstamp", stampValue(w.now))
}

// insert adds a row. Cells that are not given are null, or what Salesforce
// fills in.
func (w *writer) insert(cells map[string]value) uint32 {
	row := w.t.n
	w.t.n++
	e := &edit{inserted: true, cells: cells}
	o := w.t.object
	e.cells["Id"] = idValue(formatID(o.Prefix, row+1))
	w.fillIn(e)
	if f := o.nameField(); f != nil && f.AutoNumber {
		e.cells[f.key] = f.generate(row, 0)
	}
	w.nameAfterParts(e, row)
	w.t.put(row, e)
	return row
}

// fillIn gives an inserted row its stamps and its owner.
func (w *writer) fillIn(e *edit) {
	for name, v := range map[string]value{
		"CreatedDate": stampValue(w.now), "CreatedById": idValue(w.org.UserID()), "LastModifiedDate": stampValue(w.now),
		"LastModifiedById": idValue(w.org.UserID()), "SystemModstamp": stampValue(w.now), "OwnerId": idValue(w.org.UserID()),
	} {
		if f := w.t.object.Field(name); f != nil {
			if _, given := e.cells[f.key]; !given {
				e.cells[f.key] = v
			}
		}
	}
}

// nameAfterParts keeps a person's Name in step with its parts.
func (w *writer) nameAfterParts(e *edit, row uint32) {
	o := w.t.object
	name, first, last := o.Field("Name"), o.Field("FirstName"), o.Field("LastName")
	if name == nil || name.options["gen"] != "fullname" || first == nil || last == nil {
		return
	}
	part := func(f *Field) value {
		if c, ok := e.cells[f.key]; ok {
			return c
		}
		if e.inserted {
			return value{}
		}
		return f.generate(row, 0)
	}
	e.cells[name.key] = fullName(part(first), part(last))
}

// update changes cells of a row, with new stamps.
func (w *writer) update(row uint32, cells map[string]value) {
	e := w.t.change(row)
	for k, v := range cells {
		e.cells[k] = v
	}
	w.nameAfterParts(e, row)
	w.stamp(e)
	w.t.put(row, e)
}

// remove puts a row into the bin, and what hangs on it.
func (w *writer) remove(row uint32) {
	e := w.t.change(row)
	e.deleted = w.now
	w.set(e, "IsDeleted", boolValue(true))
	w.stamp(e)
	w.t.put(row, e)
	id := formatID(w.t.object.Prefix, row+1)
	w.children(id, func(child *writer, row uint32) {
		if child.view().visible(row, true) && !child.binned(row) {
			child.remove(row)
		}
	})
}

func (w *writer) binned(row uint32) bool {
	f := w.t.object.isDeleted
	return f != nil && w.view().cell(row, f).num != 0
}

// restore takes a row out of the bin, and what went there along with it.
func (w *writer) restore(row uint32) {
	e := w.t.change(row)
	gone := e.deleted
	e.deleted = 0
	w.set(e, "IsDeleted", boolValue(false))
	w.stamp(e)
	w.t.put(row, e)
	w.children(formatID(w.t.object.Prefix, row+1), func(child *writer, row uint32) {
		if ce := child.t.edits[row]; ce != nil && !ce.erased && ce.deleted == gone && child.binned(row) {
			child.restore(row)
		}
	})
}

// erase makes a row vanish for good. The change log still knows it.
func (w *writer) erase(row uint32) {
	e := w.t.change(row)
	if e.deleted == 0 {
		e.deleted = w.now
		if f := w.t.object.stampField(); f != nil && w.binned(row) {
			e.deleted = w.view().cell(row, f).num
		}
	}
	e.erased = true
	w.t.put(row, e)
}

// eraseTree erases a row and those of its children that are in the bin.
func (w *writer) eraseTree(row uint32) {
	w.erase(row)
	w.children(formatID(w.t.object.Prefix, row+1), func(child *writer, row uint32) {
		if child.binned(row) && !child.view().erased(row) {
			child.eraseTree(row)
		}
	})
}

// children calls do for the rows whose parent is id, along the references that
// deletes follow.
func (w *writer) children(id string, do func(child *writer, row uint32)) {
	for _, name := range w.org.order {
		t := w.org.tables[strings.ToLower(name)]
		parent := t.object.Field(t.object.parent)
		if parent == nil || !slices.Contains(parent.ReferenceTo, w.t.object.Name) {
			continue
		}
		child := w.of(t)
		v := child.view()
		for row := range t.n {
			if v.cell(row, parent).s == id {
				do(child, row)
			}
		}
	}
}

// merge moves the children of the losers to the winner and bins the losers.
func (w *writer) merge(winner uint32, losers []uint32) {
	id := formatID(w.t.object.Prefix, winner+1)
	for _, loser := range losers {
		w.children(formatID(w.t.object.Prefix, loser+1), func(child *writer, row uint32) {
			parent := child.t.object.Field(child.t.object.parent)
			child.update(row, map[string]value{parent.key: idValue(id)})
		})
		w.remove(loser)
		e := w.t.change(loser)
		w.set(e, "MasterRecordId", idValue(id))
		w.t.put(loser, e)
	}
	w.update(winner, nil)
}

// held is one transaction that has begun and not committed.
type held struct {
	begun  time.Time
	object string
}
