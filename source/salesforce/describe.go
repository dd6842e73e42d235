package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"sluice/source"
)

// object is what describe says of one sObject, as far as a reader needs it
// (GET /sobjects/X/describe, API 66).
type object struct {
	Name          string  `json:"name"`
	Label         string  `json:"label"`
	Deletable     bool    `json:"deletable"`
	Queryable     bool    `json:"queryable"`
	Replicateable bool    `json:"replicateable"`
	Updateable    bool    `json:"updateable"`
	Fields        []field `json:"fields"`
}

// field is one field of an object.
type field struct {
	Name       string `json:"name"`
	Label      string `json:"label"`
	Type       string `json:"type"`
	Length     int    `json:"length"`
	Custom     bool   `json:"custom"`
	Calculated bool   `json:"calculated"`
	Filterable bool   `json:"filterable"`
	Sortable   bool   `json:"sortable"`
	Nillable   bool   `json:"nillable"`
	// Aggregatable is whether a query may ask for the field's MIN, MAX and, of
	// numbers, SUM.
	Aggregatable bool `json:"aggregatable"`
	// Relationship is what a query calls the parent that the field points at,
	// ReferenceTo the objects that it may be of.
	Relationship string   `json:"relationshipName"`
	ReferenceTo  []string `json:"referenceTo"`
}

// UnmarshalJSON takes what an org does not say as said in favour of it: the
// query will tell.
func (o *object) UnmarshalJSON(text []byte) error {
	type plain object
	p := plain{Queryable: true, Replicateable: true}
	err := json.Unmarshal(text, &p)
	*o = object(p)
	return err
}

// UnmarshalJSON does the same for a field.
func (f *field) UnmarshalJSON(text []byte) error {
	type plain field
	p := plain{Filterable: true, Sortable: true, Nillable: true}
	err := json.Unmarshal(text, &p)
	*f = field(p)
	return err
}

// field finds a field by name, whatever its case; nil when there is none.
func (o *object) field(name string) *field {
	for i := range o.Fields {
		if strings.EqualFold(o.Fields[i].Name, name) {
			return &o.Fields[i]
		}
	}
	return nil
}

// stampFields are the fields that grow when a row changes, best first. The
// stamp of a system change is in SystemModstamp alone; history objects have
// only CreatedDate and login history only LoginTime, which tell no changes: they
// will do where rows cannot change.
var stampFields = []string{"SystemModstamp", "LastModifiedDate", "CreatedDate", "LoginTime"}

// cursorKey is the best field to find changed rows by, or "" when the object
// has none that a query may filter on.
func (o *object) cursorKey() string {
	for _, name := range stampFields {
		changes := name == "SystemModstamp" || name == "LastModifiedDate"
		if f := o.field(name); f.isCursor() && (changes || !o.Updateable) {
			return f.Name
		}
	}
	return ""
}

// cursorFields are all fields that can be a cursor.
func (o *object) cursorFields() (names []string) {
	for i := range o.Fields {
		if o.Fields[i].isCursor() {
			names = append(names, o.Fields[i].Name)
		}
	}
	return names
}

// isCursor says whether f, which may be nil, can find changed rows.
func (f *field) isCursor() bool { return f != nil && f.Filterable && f.Type == "datetime" }

// lastTimestamp is the public name of the best cursor field of an object.
const lastTimestamp = "last_timestamp"

// describe asks the org for an object, by any spelling of its name.
func (s *Source) describe(ctx context.Context, name string) (*object, error) {
	if !validName(name) {
		return nil, s.unknownObject(name, nil)
	}
	var o object
	err := s.api.getJSON(ctx, "describe "+name, s.api.path("sobjects/"+url.PathEscape(name)+"/describe"), &o)
	if isStatus(err, http.StatusNotFound) {
		spelling, nearest, failed := s.spelling(ctx, name)
		if failed != nil {
			return nil, failed
		}
		if spelling == "" {
			return nil, s.unknownObject(name, nearest)
		}
		err = s.api.getJSON(ctx, "describe "+spelling, s.api.path("sobjects/"+spelling+"/describe"), &o)
	}
	if err != nil {
		return nil, err
	}
	if o.Name == "" || len(o.Fields) == 0 {
		return nil, &source.Error{
			Op:   "describe " + name,
			Err:  errors.New("the org answered without a name or fields"),
			Mend: "check that domain names a Salesforce org; the answer is shown with --debug",
		}
	}
	if !o.Queryable {
		return nil, &source.Error{
			Op: "describe " + o.Name, Kind: source.BadRequest, Err: errors.New("the object is not queryable"),
			Mend: "Salesforce lets nobody query this object; its rows are only seen through its parent",
		}
	}
	return &o, nil
}

// spelling looks name up among the objects of the org: its own spelling when
// it differs from name only in case, and otherwise names that are near.
func (s *Source) spelling(ctx context.Context, name string) (spelling string, names []string, err error) {
	var global struct {
		SObjects []struct {
			Name string `json:"name"`
		} `json:"sobjects"`
	}
	err = s.api.getJSON(ctx, "list objects", s.api.path("sobjects"), &global)
	if isStatus(err, http.StatusNotFound) || isStatus(err, http.StatusForbidden) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	for _, o := range global.SObjects {
		if strings.EqualFold(o.Name, name) && o.Name != name && validName(o.Name) {
			return o.Name, nil, nil
		}
		names = append(names, o.Name)
	}
	return "", names, nil
}

// unknownObject is the error for a name that neither the catalog nor the org
// has.
func (s *Source) unknownObject(name string, orgNames []string) error {
	mend := "check the spelling, and that the user may see the object; `sluice tables` lists the known tables"
	near := slices.DeleteFunc(s.opt.Catalog.Nearest(name, orgNames), func(n string) bool { return strings.EqualFold(n, name) })
	if len(near) > 0 {
		mend = "did you mean " + strings.Join(near, ", ") + "?"
	}
	return &source.Error{
		Kind: source.BadRequest,
		Err:  fmt.Errorf("no table %q: the org has no such object, or hides it from this user", name),
		Mend: mend,
	}
}

// validName says whether s can be an API name at all, so that no other text
// ever reaches a path or a query.
func validName(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return true
}

// maxFields is more than any object has: Salesforce allows some 900.
const maxFields = 10_000

// checkNames refuses a describe that holds a name which cannot be one: names
// go into queries as they are.
func (o *object) checkNames() error {
	if len(o.Fields) > maxFields {
		return &source.Error{
			Op: "describe " + o.Name, Err: fmt.Errorf("the org gave %d fields, and no object has so many", len(o.Fields)),
			Mend: "check that domain names a Salesforce org",
		}
	}
	for _, f := range o.Fields {
		if !validName(f.Name) {
			return &source.Error{Op: "describe " + o.Name, Err: fmt.Errorf("the org gave %q as a field name", f.Name)}
		}
	}
	if !validName(o.Name) {
		return &source.Error{Op: "describe", Err: fmt.Errorf("the org gave %q as an object name", o.Name)}
	}
	return nil
}

// unmarshal reads a JSON answer, naming what was asked for when it is none.
func unmarshal(op string, body []byte, v any) error {
	if err := json.Unmarshal(body, v); err != nil {
		return &source.Error{
			Op:   op,
			Err:  fmt.Errorf("the answer is not the JSON expected (%w): %s", err, plainText(body)),
			Mend: "check that domain names a Salesforce org, and that no proxy answers in its place",
		}
	}
	return nil
}
