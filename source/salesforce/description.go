package salesforce

import (
	"context"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/source"
)

// Description is what people want to know of an object before they load it.
type Description struct {
	source.Table
	Label  string
	Fields []Field
}

// Field is one field of a [Description].
type Field struct {
	Name, Label string
	// Type is Salesforce's, Arrow what it is read as; nil when the field is no
	// column.
	Type  string
	Arrow arrow.DataType
	// Computed is true for formulas and roll-up summaries: they change without
	// a new stamp.
	Computed bool
	// Left says why the field is no column; empty when it is one.
	Left string
}

// Describe tells of a table by any name that Table takes.
func (s *Source) Describe(ctx context.Context, name string) (Description, error) {
	found, err := s.Table(ctx, name)
	if err != nil {
		return Description{}, err
	}
	t := found.(*table)
	d := Description{Table: t, Label: t.obj.Label}
	for _, f := range t.obj.Fields {
		field := Field{Name: f.Name, Label: f.Label, Type: f.Type, Computed: f.Calculated}
		if i := t.schema.FieldIndices(f.Name); len(i) == 1 {
			field.Arrow = t.schema.Field(i[0]).Type
		} else {
			field.Left = whyLeft[f.Type]
		}
		d.Fields = append(d.Fields, field)
	}
	return d, nil
}

// whyLeft has the reason for each type of skipped.
var whyLeft = map[string]string{
	"address":  "its parts are fields of their own",
	"location": "its parts are fields of their own",
	"base64":   "it is a file, not a value",
}
