package fakeorg

import (
	"net/http"
	"net/url"
	"strings"
)

// record answers /sobjects/X/{id}, /sobjects/X/{id}/{blob} and
// /sobjects/X/{external id field}/{value}.
func (c *call) record(v *view, rest []string) *apiError {
	names := make([]string, len(rest))
	for i, s := range rest {
		plain, err := url.PathUnescape(s)
		if err != nil {
			return errNotFound
		}
		names[i] = plain
	}
	if v.object.ghost || !v.object.Queryable {
		return errNotFound
	}
	if len(names) == 2 && v.object.Field(names[0]) != nil {
		return c.byExternalID(v, names[0], names[1])
	}
	if !wellFormedID(names[0]) {
		return errNotFound
	}
	row, ok := v.rowOf(names[0])
	switch {
	case len(names) == 2 && ok:
		return c.blob(v, row, names[1])
	case len(names) != 1:
		return errNotFound
	}
	return c.oneRecord(v, row, ok)
}

// oneRecord reads or changes the record of an id.
func (c *call) oneRecord(v *view, row uint32, ok bool) *apiError {
	if err := c.only("GET", "PATCH", "POST", "DELETE"); err != nil {
		return err
	}
	switch c.method() {
	case http.MethodPatch:
		return c.update(v, row, ok)
	case http.MethodDelete:
		return c.remove(v, row, ok)
	}
	if !ok || !v.visible(row, false) {
		return errNotFound
	}
	fields, err := c.wanted(v)
	if err != nil {
		return err
	}
	c.reply(http.StatusOK, jsonType, c.appendRecord(nil, v, row, fields))
	return nil
}

// method is the method, or what a client without PATCH says it is.
func (c *call) method() string {
	if m := c.r.URL.Query().Get("_HTTP_METHOD"); c.r.Method == http.MethodPost && m != "" {
		return m
	}
	return c.r.Method
}

// wanted are the fields named by ?fields=, all of them without it.
func (c *call) wanted(v *view) ([]*Field, *apiError) {
	list := c.r.URL.Query().Get("fields")
	if list == "" {
		return v.object.Fields, nil
	}
	return fieldsOf(v.object, strings.Split(list, ","))
}

func fieldsOf(o *Object, names []string) ([]*Field, *apiError) {
	var fields []*Field
	for _, name := range names {
		f := o.Field(strings.TrimSpace(name))
		if f == nil {
			return nil, badRequest("INVALID_FIELD", "No such column '"+strings.TrimSpace(name)+"' on sobject of type "+o.Name)
		}
		fields = append(fields, f)
	}
	return fields, nil
}

func (c *call) appendRecord(b []byte, v *view, row uint32, fields []*Field) []byte {
	plain := c.org.knob().PlainNumbers
	b = appendAttributes(b, c.base(), v, row)
	for _, f := range fields {
		b = append(append(append(b, `,"`...), f.Name...), `":`...)
		b = appendField(b, c.base(), v, row, f, plain)
	}
	return append(b, '}')
}

// blob sends the bytes of a base64 field.
func (c *call) blob(v *view, row uint32, name string) *apiError {
	if err := c.only("GET"); err != nil {
		return err
	}
	f := v.object.Field(name)
	if f == nil || f.Type != "base64" || !v.visible(row, false) || v.cell(row, f).kind == kindNull {
		return errNotFound
	}
	c.reply(http.StatusOK, "application/octetstream", blobOf(f, row, v.cell(row, f)))
	return nil
}

// blobOf makes the bytes of a blob, whose length is the cell.
func blobOf(f *Field, row uint32, c value) []byte {
	b := make([]byte, c.num)
	for i := range b {
		b[i] = byte(hashOf(uint64(len(f.key)), row+uint32(i)))
	}
	return b
}

// byExternalID reads or upserts by the value of a unique field.
func (c *call) byExternalID(v *view, name, wanted string) *apiError {
	f := v.object.Field(name)
	if !f.ExternalID && !f.IDLookup {
		return &apiError{http.StatusNotFound, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: " + name, nil}
	}
	if err := c.only("GET", "PATCH", "POST", "DELETE"); err != nil {
		return err
	}
	rows := v.find(f, wanted)
	if c.method() == http.MethodPatch {
		return c.upsert(v, f, wanted, rows)
	}
	switch len(rows) {
	case 0:
		return errNotFound
	case 1:
		return c.oneRecord(v, rows[0], true)
	default:
		return c.ambiguous(v, rows)
	}
}

// find lists the visible rows with a value in a field.
func (v *view) find(f *Field, wanted string) []uint32 {
	if f.Type == "id" {
		if row, ok := v.rowOf(wanted); ok && v.visible(row, false) {
			return []uint32{row}
		}
		return nil
	}
	var rows []uint32
	for row := range v.n {
		if cell := v.cell(row, f); strings.EqualFold(cell.s, wanted) && cell.kind != kindNull && v.visible(row, false) {
			rows = append(rows, row)
		}
	}
	return rows
}

// ambiguous answers with the addresses of all records that match.
func (c *call) ambiguous(v *view, rows []uint32) *apiError {
	var urls []string
	for _, row := range rows {
		urls = append(urls, c.base()+"/sobjects/"+v.object.Name+"/"+formatID(v.object.Prefix, row+1))
	}
	return c.json(http.StatusMultipleChoices, urls)
}
