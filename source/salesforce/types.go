package salesforce

import (
	"github.com/apache/arrow-go/v18/arrow"

	"sluice/source"
)

// kind is how a column's values are written into Arrow buffers. A Salesforce
// type has one kind, whichever API the value came by.
type kind uint8

const (
	kindText  kind = iota // utf8
	kindBool              // bool
	kindInt               // int64
	kindFloat             // float64
	kindDate              // date32, days
	kindStamp             // timestamp, microseconds, UTC
	kindTime              // time64, microseconds since midnight
)

// arrowTypes is the Arrow type of each kind.
var arrowTypes = [...]arrow.DataType{
	kindText:  arrow.BinaryTypes.String,
	kindBool:  arrow.FixedWidthTypes.Boolean,
	kindInt:   arrow.PrimitiveTypes.Int64,
	kindFloat: arrow.PrimitiveTypes.Float64,
	kindDate:  arrow.FixedWidthTypes.Date32,
	kindStamp: arrow.FixedWidthTypes.Timestamp_us,
	kindTime:  arrow.FixedWidthTypes.Time64us,
}

// kinds maps the field types of describe to kinds. The list is the type enum
// of the partner WSDL (API 47) plus the types that describes have shown since.
// Compound and binary types are not in it: see skipped.
var kinds = map[string]kind{
	"id":                         kindText,
	"reference":                  kindText,
	"string":                     kindText,
	"textarea":                   kindText,
	"picklist":                   kindText,
	"multipicklist":              kindText,
	"combobox":                   kindText,
	"phone":                      kindText,
	"url":                        kindText,
	"email":                      kindText,
	"encryptedstring":            kindText,
	"anyType":                    kindText,
	"datacategorygroupreference": kindText,
	"masterrecord":               kindText,
	"complexvalue":               kindText,
	"json":                       kindText,
	"boolean":                    kindBool,
	"int":                        kindInt,
	"long":                       kindInt,
	"double":                     kindFloat,
	"currency":                   kindFloat,
	"percent":                    kindFloat,
	"date":                       kindDate,
	"datetime":                   kindStamp,
	"time":                       kindTime,
}

// skipped lists the types that are no columns: the parts of a compound are
// fields of their own, and a blob is a file, not a value.
var skipped = map[string]bool{"address": true, "location": true, "base64": true}

// schemaOf gives the columns of o in the order of describe, and the fields
// whose type nobody has heard of, which are read as text.
func schemaOf(o *object) (schema *arrow.Schema, unknown []field) {
	var fields []arrow.Field
	for _, f := range o.Fields {
		if skipped[f.Type] {
			continue
		}
		k, known := kinds[f.Type]
		if !known {
			unknown = append(unknown, f)
		}
		fields = append(fields, arrow.Field{
			Name:     f.Name,
			Type:     arrowTypes[k],
			Nullable: f.Type != "id",
			Metadata: arrow.NewMetadata([]string{source.TypeKey}, []string{f.Type}),
		})
	}
	return arrow.NewSchema(fields, nil), unknown
}

// kindOf is the kind of an Arrow type that schemaOf has chosen.
func kindOf(t arrow.DataType) kind {
	for k, a := range arrowTypes {
		if arrow.TypeEqual(a, t) {
			return kind(k)
		}
	}
	panic("salesforce: no kind for " + t.String())
}
