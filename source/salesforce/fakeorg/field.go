package fakeorg

import "strings"

// Field is one field as describe gives it. It is never changed once an org
// has it: a change of the schema puts another in its place.
type Field struct {
	Name, Label  string
	Type         string // describe's type: "string", "currency", …
	Length       int
	Precision    int
	Scale        int
	Digits       int
	Nillable     bool
	Createable   bool
	Updateable   bool
	Filterable   bool
	Sortable     bool
	Groupable    bool
	Aggregatable bool
	ReferenceTo  []string // objects
	Relationship string   // "Owner"; empty when the reference has no path
	Compound     string   // the address, location or Name that it is part of
	Picklist     []string
	NameField    bool
	ExternalID   bool
	IDLookup     bool
	Unique       bool
	Calculated   bool
	Custom       bool
	AutoNumber   bool
	HTML         bool // rich text

	key       string // names its cells in edits; a renamed field keeps it
	generate  generator
	options   map[string]string
	nullShare int  // per mille
	late      bool // null in the first rows
	index     int  // place in Object.Fields
	parts     []*Field
}

// lateRows is how many rows a late field stays null.
const lateRows = 25_000

// LongText says that the field is too long to be filtered by.
func (f *Field) LongText() bool { return f.Type == "textarea" && f.Length > 255 }

// compound says that the field has no value of its own, only its components'.
func (f *Field) compound() bool { return f.Type == "address" || f.Type == "location" }

// kind is the kind of value that the field holds when it is not null.
func (f *Field) kind() kind {
	switch f.Type {
	case "id", "reference":
		return kindID
	case "boolean":
		return kindBool
	case "int":
		return kindInt
	case "double", "currency", "percent":
		return kindDouble
	case "date":
		return kindDate
	case "datetime":
		return kindDateTime
	case "time":
		return kindTime
	default:
		return kindText
	}
}

// setFlags gives a field what describe says of every field of its type, as
// counted over public describes.
func (f *Field) setFlags() {
	filter, sort, group, aggregate := true, true, true, true
	switch f.Type {
	case "boolean":
		aggregate = false
	case "combobox", "double", "currency", "percent", "datetime":
		group = false
	case "multipicklist", "address", "location":
		sort, group, aggregate = false, false, false
	case "time":
		group, aggregate = false, false
	case "base64", "encryptedstring", "anyType":
		filter, sort, group, aggregate = false, false, false, false
	case "textarea":
		if f.LongText() {
			filter, sort, group, aggregate = false, false, false, false
		}
	case "string":
		group = f.Length <= 1333
	}
	f.Filterable, f.Sortable, f.Groupable, f.Aggregatable = filter, sort, group, aggregate
}

// soapType is describe's second name of the type.
func (f *Field) soapType() string {
	switch f.Type {
	case "id", "reference":
		return "tns:ID"
	case "boolean", "int", "date", "time", "anyType":
		return "xsd:" + f.Type
	case "datetime":
		return "xsd:dateTime"
	case "double", "currency", "percent":
		return "xsd:double"
	case "base64":
		return "xsd:base64Binary"
	case "address", "location":
		return "urn:" + f.Type
	default:
		return "xsd:string"
	}
}

// byteLength is the most bytes that a text of the field's length takes up.
func (f *Field) byteLength() int {
	if f.kind() == kindID {
		return f.Length
	}
	return 3 * f.Length
}

// labelOf turns an API name into words: "LastViewedDate" to "Last Viewed Date".
func labelOf(name string) string {
	name = strings.TrimSuffix(strings.TrimSuffix(name, "__c"), "__s")
	name = strings.ReplaceAll(name, "_", " ")
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' && name[i-1] >= 'a' && name[i-1] <= 'z' {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
