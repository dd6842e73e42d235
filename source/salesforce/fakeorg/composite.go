package fakeorg

import (
	"encoding/json"
	"net/http"
	"strings"
)

// Sizes of sObject Collections. REST API Developer Guide, "sObject
// Collections".
const (
	maxCollection = 200
	maxRetrieve   = 2000
)

// composite answers /composite/sobjects and what is below it.
func (c *call) composite() *apiError {
	if len(c.segments) < 2 || c.segments[1] != "sobjects" {
		return errNotFound
	}
	switch rest := c.segments[2:]; len(rest) {
	case 0:
		return c.collection()
	case 1:
		return c.retrieve(rest[0])
	case 2:
		return c.upsertCollection(rest[0], rest[1])
	default:
		return errNotFound
	}
}

// retrieve gives many records by id, in the order of the ids, null for those
// that are not there.
func (c *call) retrieve(object string) *apiError {
	if err := c.only("GET", "POST"); err != nil {
		return err
	}
	v := c.org.view(object)
	if v == nil || v.object.ghost || !v.object.Queryable {
		return errNotFound
	}
	var in struct{ IDs, Fields []string }
	if c.r.Method == http.MethodPost {
		if err := c.decode(&in); err != nil {
			return err
		}
	} else {
		in.IDs = strings.Split(c.r.URL.Query().Get("ids"), ",")
		in.Fields = strings.Split(c.r.URL.Query().Get("fields"), ",")
	}
	switch {
	case len(in.IDs) == 0 || in.IDs[0] == "":
		return badRequest("MISSING_ARGUMENT", "ids is required")
	case len(in.Fields) == 0 || in.Fields[0] == "":
		return badRequest("MISSING_ARGUMENT", "fields is required")
	case len(in.IDs) > maxRetrieve:
		return badRequest("EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 2000 records in this operation")
	}
	fields, err := fieldsOf(v.object, in.Fields)
	if err != nil {
		return err
	}
	b := []byte{'['}
	for i, id := range in.IDs {
		if i > 0 {
			b = append(b, ',')
		}
		row, ok := v.rowOf(strings.TrimSpace(id))
		switch {
		case !wellFormedID(strings.TrimSpace(id)):
			return badRequest("MALFORMED_ID", "malformed id "+id)
		case !ok || !v.visible(row, false):
			b = append(b, "null"...)
		default:
			b = c.appendRecord(b, v, row, fields)
		}
	}
	c.reply(http.StatusOK, jsonType, append(b, ']'))
	return nil
}

// change is one row of a collection.
type change struct {
	object string
	apply  func(w *writer) (id string, err *rowError)
	early  *rowError // found before anything is written
}

func (c *call) collection() *apiError {
	if err := c.only("POST", "PATCH", "DELETE"); err != nil {
		return err
	}
	if c.r.Method == http.MethodDelete {
		q := c.r.URL.Query()
		return c.deleteCollection(strings.Split(q.Get("ids"), ","), q.Get("allOrNone") == "true")
	}
	in, err := c.collectionBody()
	if err != nil {
		return err
	}
	changes := make([]change, len(in.Records))
	for i, r := range in.Records {
		changes[i] = c.plainChange(r, c.r.Method == http.MethodPost)
	}
	return c.apply(changes, in.AllOrNone, false)
}

type collectionBody struct {
	AllOrNone bool
	Records   []record
}

func (c *call) collectionBody() (in collectionBody, err *apiError) {
	if err = c.decode(&in); err != nil {
		return in, err
	}
	switch {
	case len(in.Records) == 0:
		err = badRequest("REQUIRED_FIELD_MISSING", "At least 1 record is required")
	case len(in.Records) > maxCollection:
		err = badRequest("EXCEEDED_MAX_SIZE_REQUEST", "The request has too many records")
	}
	return in, err
}

// plainChange is an insert, or an update by id.
func (c *call) plainChange(r record, insert bool) change {
	var attributes struct{ Type string }
	_ = json.Unmarshal(r["attributes"], &attributes) // a missing type is refused below
	ch := change{object: attributes.Type}
	switch {
	case attributes.Type == "":
		ch.early = &rowError{"JSON_PARSER_ERROR", "Nested object for polymorphic foreign key must have an attributes field before any other fields.", nil}
	case c.org.view(attributes.Type) == nil:
		ch.early = &rowError{"INVALID_TYPE", "sObject type '" + attributes.Type + "' is not supported.", nil}
	case insert:
		ch.apply = func(w *writer) (string, *rowError) { return w.create(r) }
	default:
		id := r.id()
		if id == "" {
			ch.early = &rowError{"MISSING_ARGUMENT", "Id not specified in an update call", nil}
		}
		ch.apply = func(w *writer) (string, *rowError) {
			row, err := w.locate(id)
			if err != nil {
				return "", err
			}
			return formatID(w.t.object.Prefix, row+1), w.amend(row, r)
		}
	}
	return ch
}

func (r record) id() (id string) {
	for name, raw := range r {
		if strings.EqualFold(name, "id") {
			_ = json.Unmarshal(raw, &id) // anything but a text is no id
		}
	}
	return id
}

func (c *call) upsertCollection(object, key string) *apiError {
	if err := c.only("PATCH"); err != nil {
		return err
	}
	v := c.org.view(object)
	if v == nil {
		return errNotFound
	}
	f := v.object.Field(key)
	if f == nil || !f.ExternalID && !f.IDLookup {
		return &apiError{http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: " + key, nil}
	}
	in, err := c.collectionBody()
	if err != nil {
		return err
	}
	changes, seen := make([]change, len(in.Records)), map[string]bool{}
	for i, r := range in.Records {
		changes[i] = upsertChange(v, f, r, seen)
	}
	return c.apply(changes, in.AllOrNone, true)
}

func upsertChange(v *view, f *Field, r record, seen map[string]bool) change {
	ch := change{object: v.object.Name}
	wanted := ""
	for name, raw := range r {
		if v.object.Field(name) == f {
			_ = json.Unmarshal(raw, &wanted) // anything but a text is refused as missing
			delete(r, name)
		}
	}
	switch {
	case wanted == "":
		ch.early = &rowError{"MISSING_ARGUMENT", f.Name + " not specified", nil}
	case seen[wanted]:
		ch.early = &rowError{"DUPLICATE_VALUE", "Duplicate external id specified: " + wanted, []string{f.Name}}
	}
	seen[wanted] = true
	ch.apply = func(w *writer) (string, *rowError) {
		rows := w.view().find(f, wanted)
		if len(rows) > 1 {
			return "", &rowError{"DUPLICATE_EXTERNAL_ID", f.Name + ": more than one record found for external id field", nil}
		}
		return w.upsert(r, f, wanted, rows)
	}
	return ch
}

func (c *call) deleteCollection(ids []string, allOrNone bool) *apiError {
	switch {
	case len(ids) == 0 || ids[0] == "":
		return badRequest("REQUIRED_FIELD_MISSING", "At least 1 record is required")
	case len(ids) > maxCollection:
		return badRequest("EXCEEDED_MAX_SIZE_REQUEST", "The request has too many records")
	}
	changes := make([]change, len(ids))
	for i, id := range ids {
		changes[i] = change{object: c.org.objectOf(id), apply: func(w *writer) (string, *rowError) { return id, w.discard(id) }}
		if changes[i].object == "" {
			changes[i].early = &rowError{"MALFORMED_ID", "malformed id " + id, nil}
		}
	}
	return c.apply(changes, allOrNone, false)
}

// objectOf is the object that an id's prefix names.
func (o *Org) objectOf(id string) string {
	if !wellFormedID(id) {
		return ""
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, name := range o.order {
		if t := o.tables[strings.ToLower(name)]; t.object.Prefix == id[:3] && t.object.HistoryOf == "" {
			return name
		}
	}
	return ""
}
