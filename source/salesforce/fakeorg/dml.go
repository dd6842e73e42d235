package fakeorg

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// rowError is why one row was not written. Alone it is a request's error; in a
// collection it stands beside the rows that were.
type rowError struct {
	code    string
	message string
	fields  []string
}

func (e *rowError) api() *apiError {
	fields := e.fields
	if fields == nil {
		fields = []string{}
	}
	status := http.StatusBadRequest
	if e.code == "ENTITY_IS_DELETED" || e.code == "INVALID_CROSS_REFERENCE_KEY" {
		status = http.StatusNotFound
	}
	return &apiError{status, e.code, e.message, fields}
}

// record is a row as a client sends it, in the order it was sent.
type record map[string]json.RawMessage

// accept turns a record into cells, or says what is wrong with it.
func (w *writer) accept(in record, insert bool) (map[string]value, *rowError) {
	cells := map[string]value{}
	for name, raw := range in {
		if strings.EqualFold(name, "attributes") || strings.EqualFold(name, "Id") {
			continue
		}
		f := w.t.object.Field(name)
		if f == nil {
			return nil, &rowError{"INVALID_FIELD", fmt.Sprintf("No such column '%s' on sobject of type %s", name, w.t.object.Name), nil}
		}
		if insert && !f.Createable || !insert && !f.Updateable {
			return nil, &rowError{
				"INVALID_FIELD_FOR_INSERT_UPDATE",
				fmt.Sprintf("Unable to create/update fields: %s. Please check the security settings of this field and verify that it is read/write for your profile or permission set.", f.Name),
				[]string{f.Name},
			}
		}
		c, bad := acceptCell(f, raw)
		if bad != nil {
			return nil, bad
		}
		cells[f.key] = c
	}
	return cells, w.complete(cells, insert)
}

func acceptCell(f *Field, raw json.RawMessage) (value, *rowError) {
	var v any
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return value{}, &rowError{"JSON_PARSER_ERROR", "Cannot deserialize instance of " + f.soapType()[4:] + " from " + string(raw), nil}
	}
	if text, ok := v.(string); ok && f.kind() != kindText && f.kind() != kindID && text == "" {
		return f.empty(), nil
	}
	c, err := cellOf(f, v)
	switch {
	case err != nil && f.kind() == kindID:
		return value{}, &rowError{"MALFORMED_ID", fmt.Sprintf("%s: id value of incorrect type: %v", f.Label, v), []string{f.Name}}
	case err != nil:
		return value{}, &rowError{"JSON_PARSER_ERROR", fmt.Sprintf("Cannot deserialize instance of %s from VALUE_STRING value %v or request may be missing a required field", f.soapType()[4:], v), nil}
	}
	return c, checkText(f, c)
}

// checkText enforces what fields ask of texts.
func checkText(f *Field, c value) *rowError {
	if c.kind != kindText {
		return nil
	}
	if f.Type == "email" && !strings.Contains(c.s, "@") {
		return &rowError{"INVALID_EMAIL_ADDRESS", fmt.Sprintf("%s: invalid email address: %s", f.Label, c.s), []string{f.Name}}
	}
	if f.Length > 0 && cut(c.s, f.Length) != c.s {
		return &rowError{"STRING_TOO_LONG", fmt.Sprintf("%s: data value too large: %.255s (max length=%d)", f.Label, c.s, f.Length), []string{f.Name}}
	}
	return nil
}

// complete finds required fields that are missing and unique values that are
// taken.
func (w *writer) complete(cells map[string]value, insert bool) *rowError {
	for _, f := range w.t.object.Fields {
		c, given := cells[f.key]
		filledIn := f.Name == "OwnerId" || f.Type == "boolean" || f.AutoNumber
		if !f.Nillable && f.Createable && !filledIn && (insert || given) && c.kind == kindNull {
			return &rowError{"REQUIRED_FIELD_MISSING", fmt.Sprintf("Required fields are missing: [%s]", f.Name), []string{f.Name}}
		}
	}
	return nil
}

// taken finds another row with the same unique value.
func (w *writer) taken(cells map[string]value, self int64) *rowError {
	for _, f := range w.t.object.Fields {
		c, given := cells[f.key]
		if !f.Unique || !given || c.kind == kindNull {
			continue
		}
		for _, row := range w.view().find(f, c.s) {
			if int64(row) != self {
				id := formatID(w.t.object.Prefix, row+1)
				return &rowError{"DUPLICATE_VALUE", fmt.Sprintf("duplicate value found: %s duplicates value on record with id: %s", f.Name, id[:15]), []string{f.Name}}
			}
		}
	}
	return nil
}

// create inserts a record.
func (w *writer) create(in record) (id string, err *rowError) {
	if w.t.object.ReadOnly {
		return "", &rowError{"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "entity type cannot be inserted: " + w.t.object.Label, nil}
	}
	cells, err := w.accept(in, true)
	if err == nil {
		err = w.taken(cells, -1)
	}
	if err != nil {
		return "", err
	}
	return formatID(w.t.object.Prefix, w.insert(cells)+1), nil
}

// amend updates a row by a record.
func (w *writer) amend(row uint32, in record) *rowError {
	cells, err := w.accept(in, false)
	if err == nil {
		err = w.taken(cells, int64(row))
	}
	if err == nil {
		w.update(row, cells)
	}
	return err
}

// locate finds the live row of an id, or says why it cannot be written.
func (w *writer) locate(id string) (uint32, *rowError) {
	row, ok := w.view().rowOf(id)
	switch {
	case !wellFormedID(id):
		return 0, &rowError{"MALFORMED_ID", "malformed id " + id, nil}
	case !ok && w.view().knows(id), ok && w.binned(row):
		return 0, &rowError{"ENTITY_IS_DELETED", "entity is deleted", nil}
	case !ok:
		return 0, &rowError{"INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", nil}
	}
	return row, nil
}

// knows says that the id once belonged to a row that is erased.
func (v *view) knows(id string) bool {
	prefix, n, ok := parseID(id)
	return ok && prefix == v.object.Prefix && n > 0 && n <= v.n
}

// discard deletes a row by its id.
func (w *writer) discard(id string) *rowError {
	row, err := w.locate(id)
	if err != nil {
		return err
	}
	if !w.t.object.Deletable || w.t.object.ReadOnly {
		return &rowError{"INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", nil}
	}
	w.remove(row)
	return nil
}
