package fakeorg

import (
	"maps"
	"net/http"
	"strings"
)

// apply writes the rows of a collection one after the other. With allOrNone one
// bad row undoes all. The answer is 200 whatever happens to the rows.
func (c *call) apply(changes []change, allOrNone, upsert bool) *apiError {
	o := c.org
	o.mu.Lock()
	undo := o.snapshot()
	results, failed := make([]result, len(changes)), false
	for i, ch := range changes {
		results[i] = o.applyOne(ch)
		failed = failed || results[i].err != nil
	}
	if failed && allOrNone {
		undo()
		for i := range results {
			if results[i].err == nil {
				results[i].err = &rowError{"ALL_OR_NONE_OPERATION_ROLLED_BACK", "Record rolled back because not all records were valid and the request was using AllOrNone header", nil}
			}
		}
	}
	o.mu.Unlock()
	answer := make([]ordered, len(results))
	for i, r := range results {
		answer[i] = r.json(upsert)
	}
	return c.json(http.StatusOK, answer)
}

type result struct {
	id      string
	created bool
	err     *rowError
}

// applyOne writes one row. The caller holds mu.
func (o *Org) applyOne(ch change) (r result) {
	if ch.early != nil {
		return result{err: ch.early}
	}
	w := &writer{o, o.tables[strings.ToLower(ch.object)], o.second()}
	before := w.t.n
	r.id, r.err = ch.apply(w)
	r.created = w.t.n > before
	return r
}

// snapshot remembers all tables; the function it returns puts them back. The
// caller holds mu for both.
func (o *Org) snapshot() (undo func()) {
	saved := map[string]table{}
	for name, t := range o.tables {
		t.shared = true
		saved[name] = *t
	}
	return func() {
		for name, t := range maps.All(saved) {
			*o.tables[name] = t
		}
	}
}

func (r *result) json(upsert bool) ordered {
	var out ordered
	if r.err == nil {
		out = ordered{{"id", r.id}, {"success", true}, {"errors", []any{}}}
	} else {
		fields := r.err.fields
		if fields == nil {
			fields = []string{}
		}
		out = ordered{{"success", false}, {"errors", []ordered{{{"statusCode", r.err.code}, {"message", r.err.message}, {"fields", fields}}}}}
	}
	if upsert {
		out = append(out, pair{"created", r.err == nil && r.created})
	}
	return out
}
