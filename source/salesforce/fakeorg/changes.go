package fakeorg

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Values are fields of a row by API name. They take nil, string, bool, int,
// int64, float64, [Date], time.Time, time.Duration (times of the day) and [Raw].
type Values map[string]any

// cells turns values into cells. A name or a type that does not fit is a
// mistake in the test.
func (w *writer) cells(values Values) map[string]value {
	out := map[string]value{}
	for name, v := range values {
		f := w.t.object.Field(name)
		if f == nil {
			panic(fmt.Sprintf("fakeorg: %s has no field %s", w.t.object.Name, name))
		}
		c, err := cellOf(f, v)
		if err != nil {
			panic("fakeorg: " + err.Error())
		}
		out[f.key] = c
	}
	return out
}

// row finds the row of an id that must be there.
func (w *writer) row(id string) uint32 {
	row, ok := w.view().rowOf(id)
	if !ok {
		panic("fakeorg: no " + w.t.object.Name + " with the id " + id)
	}
	return row
}

// Insert adds a row made now and gives its id. Values may name any field, the
// stamps included.
func (o *Org) Insert(object string, values Values) (id string) {
	o.writing(object, func(w *writer) { id = formatID(w.t.object.Prefix, w.insert(w.cells(values))+1) })
	return id
}

// Grow adds n rows with generated values, made now.
func (o *Org) Grow(object string, n int) (ids []string) {
	o.writing(object, func(w *writer) {
		for range n {
			row := w.t.n
			w.t.n++
			e := &edit{cells: map[string]value{}}
			w.set(e, "CreatedDate", stampValue(w.now))
			w.set(e, "IsDeleted", boolValue(false))
			if w.t.object.archive {
				w.set(e, "IsArchived", boolValue(false))
			}
			w.stamp(e)
			w.t.put(row, e)
			ids = append(ids, formatID(w.t.object.Prefix, row+1))
		}
	})
	return ids
}

// Update changes a row, with new stamps unless values give them.
func (o *Org) Update(object, id string, values Values) {
	o.writing(object, func(w *writer) {
		row, cells := w.row(id), w.cells(values)
		w.update(row, cells)
		e := w.t.change(row)
		maps.Copy(e.cells, cells)
		w.t.put(row, e)
	})
}

// Touch changes a row and leaves its stamps as they are, as formulas and
// roll-ups do.
func (o *Org) Touch(object, id string, values Values) {
	o.writing(object, func(w *writer) {
		e := w.t.change(w.row(id))
		maps.Copy(e.cells, w.cells(values))
		w.t.put(w.row(id), e)
	})
}

// Recalculate gives a field other values in all rows that nobody has edited,
// without a new stamp.
func (o *Org) Recalculate(object, field string) {
	o.changeField(object, field, func(f *Field) *Field {
		next, old := *f, f.generate
		next.generate = func(row uint32, h uint64) value { return old(row^1, h) }
		return &next
	})
}

// Delete puts rows into the bin, and their children with them.
func (o *Org) Delete(object string, ids ...string) { o.each(object, ids, (*writer).remove) }

// Undelete takes rows out of the bin, and the children that went with them.
func (o *Org) Undelete(object string, ids ...string) { o.each(object, ids, (*writer).restore) }

// HardDelete deletes rows and their children and erases them at once.
func (o *Org) HardDelete(object string, ids ...string) {
	o.each(object, ids, func(w *writer, row uint32) {
		if w.t.object.isDeleted != nil {
			w.remove(row)
		}
		w.eraseTree(row)
	})
}

// Archive marks Tasks and Events as archived: from then on only queryAll sees
// them. Their stamps stay.
func (o *Org) Archive(object string, ids ...string) {
	o.each(object, ids, func(w *writer, row uint32) {
		e := w.t.change(row)
		w.set(e, "IsArchived", boolValue(true))
		w.t.put(row, e)
	})
}

func (o *Org) each(object string, ids []string, do func(w *writer, row uint32)) {
	o.writing(object, func(w *writer) {
		for _, id := range ids {
			do(w, w.row(id))
		}
	})
}

// EmptyBin erases everything that is in the bin.
func (o *Org) EmptyBin() {
	for _, name := range o.Objects() {
		o.writing(name, func(w *writer) {
			if w.t.object.isDeleted == nil {
				return
			}
			for row := range w.t.n {
				if w.binned(row) && !w.view().erased(row) {
					w.erase(row)
				}
			}
		})
	}
}

// Merge moves the children of the losers to the winner and deletes the losers,
// whose MasterRecordId then names the winner.
func (o *Org) Merge(object, winner string, losers ...string) {
	o.writing(object, func(w *writer) {
		rows := make([]uint32, len(losers))
		for i, id := range losers {
			rows[i] = w.row(id)
		}
		w.merge(w.row(winner), rows)
	})
}

// RevealLate adds a row that was saved at stamp and becomes visible only now,
// as a long transaction does with its rows.
func (o *Org) RevealLate(object string, stamp time.Time, values Values) (id string) {
	o.writing(object, func(w *writer) {
		late := &writer{o, w.t, stamp.Truncate(time.Second).UnixMilli()}
		id = formatID(w.t.object.Prefix, late.insert(w.cells(values))+1)
	})
	return id
}

// Transaction is a change of one object that has begun. What it writes has the
// stamp of the moment it was written, and nobody sees it before Commit. While
// it is open the change log says that it is complete only up to its start.
type Transaction struct {
	org  *Org
	held *held
	todo []func(w *writer)
}

// Begin opens a transaction.
func (o *Org) Begin(object string) *Transaction {
	h := &held{begun: o.clock.Now(), object: object}
	o.writing(object, func(w *writer) { w.t.held = append(w.t.held, h) })
	return &Transaction{org: o, held: h}
}

// Insert adds a row with the present stamp.
func (t *Transaction) Insert(values Values) {
	at := t.org.second()
	t.todo = append(t.todo, func(w *writer) { (&writer{w.org, w.t, at}).insert(w.cells(values)) })
}

// Update changes a row with the present stamp.
func (t *Transaction) Update(id string, values Values) {
	at := t.org.second()
	t.todo = append(t.todo, func(w *writer) { (&writer{w.org, w.t, at}).update(w.row(id), w.cells(values)) })
}

// Commit makes everything visible at once.
func (t *Transaction) Commit() {
	t.org.writing(t.held.object, func(w *writer) {
		for _, do := range t.todo {
			do(w)
		}
		w.t.held = slices.DeleteFunc(w.t.held, func(h *held) bool { return h == t.held })
	})
	t.todo = nil
}
