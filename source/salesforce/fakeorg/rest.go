package fakeorg

import (
	"net/http"
)

// writeOne runs one row's change with the org locked.
func (c *call) writeOne(v *view, change func(w *writer) *rowError) *apiError {
	var err *rowError
	c.org.writing(v.object.Name, func(w *writer) { err = change(w) })
	if err != nil {
		return err.api()
	}
	return nil
}

// saved is the answer to an insert or an upsert.
type saved struct {
	ID      string     `json:"id"`
	Success bool       `json:"success"`
	Errors  []struct{} `json:"errors"`
	Created *bool      `json:"created,omitempty"`
}

func (c *call) insert(v *view) *apiError {
	var in record
	if err := c.decode(&in); err != nil {
		return err
	}
	var id string
	err := c.writeOne(v, func(w *writer) (bad *rowError) {
		id, bad = w.create(in)
		return bad
	})
	if err != nil {
		return err
	}
	return c.created(v, saved{ID: id, Success: true, Errors: []struct{}{}})
}

func (c *call) created(v *view, s saved) *apiError {
	c.w.Header().Set("Location", c.base()+"/sobjects/"+v.object.Name+"/"+s.ID)
	return c.json(http.StatusCreated, s)
}

func (c *call) update(v *view, row uint32, ok bool) *apiError {
	if !ok {
		return errNotFound
	}
	var in record
	if err := c.decode(&in); err != nil {
		return err
	}
	err := c.writeOne(v, func(w *writer) *rowError {
		if _, gone := w.locate(formatID(v.object.Prefix, row+1)); gone != nil {
			return gone
		}
		return w.amend(row, in)
	})
	if err != nil {
		return err
	}
	return c.noContent()
}

func (c *call) remove(v *view, row uint32, ok bool) *apiError {
	if !ok {
		return errNotFound
	}
	err := c.writeOne(v, func(w *writer) *rowError { return w.discard(formatID(v.object.Prefix, row+1)) })
	if err != nil {
		return err
	}
	return c.noContent()
}

// upsert writes by the value of a unique field. Versions below 46.0 answer an
// update without a body.
func (c *call) upsert(v *view, f *Field, wanted string, rows []uint32) *apiError {
	if len(rows) > 1 {
		return c.ambiguous(v, rows)
	}
	var in record
	if err := c.decode(&in); err != nil {
		return err
	}
	for name := range in {
		if v.object.Field(name) == f {
			return badRequest("INVALID_FIELD", "The "+f.Name+" field should not be specified in the sobject data.")
		}
	}
	made := len(rows) == 0
	if made && c.r.URL.Query().Get("updateOnly") == "true" {
		return errNotFound
	}
	var id string
	err := c.writeOne(v, func(w *writer) (bad *rowError) {
		id, bad = w.upsert(in, f, wanted, rows)
		return bad
	})
	switch {
	case err != nil:
		return err
	case made:
		return c.created(v, saved{id, true, []struct{}{}, &made})
	case c.version < 46:
		return c.noContent()
	default:
		return c.json(http.StatusOK, saved{id, true, []struct{}{}, &made})
	}
}

// upsert inserts when no row has the value, and updates the one that has it.
func (w *writer) upsert(in record, f *Field, wanted string, rows []uint32) (string, *rowError) {
	if len(rows) == 1 {
		return formatID(w.t.object.Prefix, rows[0]+1), w.amend(rows[0], in)
	}
	if f.Type == "id" {
		return "", &rowError{"NOT_FOUND", "The requested resource does not exist", nil}
	}
	if f.Createable {
		in[f.Name] = appendString(nil, wanted)
	}
	return w.create(in)
}
