package transform

import (
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/destination"
)

// Select gives the fields of schema that opts keep, in the order of schema. A
// source that can read fewer fields is asked for these.
func Select(schema *arrow.Schema, opts Options) ([]string, error) {
	keep, drop := map[int]bool{}, map[int]bool{}
	for _, name := range opts.Fields {
		i, err := opts.field(schema, name, "--fields")
		if err != nil {
			return nil, err
		}
		keep[i] = true
	}
	for _, name := range opts.Exclude {
		i, err := opts.field(schema, name, "--sql-exclude-columns")
		if err != nil {
			return nil, err
		}
		if f := schema.Field(i).Name; opts.needs(f) {
			return nil, badRequest("take it in; a mask can hide its values", "--sql-exclude-columns: the load goes by %s", f)
		}
		drop[i] = true
	}
	var names []string
	for i, f := range schema.Fields() {
		if (len(keep) == 0 || keep[i] || opts.needs(f.Name)) && !drop[i] {
			names = append(names, f.Name)
		}
	}
	return names, nil
}

// Texts gives the fields that a source has to read as text, though they are
// numbers, so that a decimal that opts make of them has all their digits.
func Texts(schema *arrow.Schema, opts Options) (names []string) {
	for _, c := range opts.Columns {
		i := find(schema, c.source())
		if i < 0 || c.Type == nil || c.Type.ID() != arrow.DECIMAL128 || schema.Field(i).Type.ID() != arrow.FLOAT64 {
			continue
		}
		if !slices.ContainsFunc(opts.Masks, func(m Mask) bool { return find(schema, m.Field) == i }) {
			names = append(names, schema.Field(i).Name)
		}
	}
	return names
}

// ParseFields reads a list of names: "Id,Name, amount".
func ParseFields(text string) ([]string, error) {
	var names []string
	for part := range strings.SplitSeq(text, ",") {
		name := strings.TrimSpace(part)
		if name == "" {
			return nil, badRequest("write names with commas between them: Name,Amount", "a name is empty")
		}
		names = append(names, name)
	}
	return names, nil
}

// needs says whether the load itself goes by a field.
func (o Options) needs(field string) bool {
	return field == o.Cursor || field == o.Deleted || slices.Contains(o.Key, field)
}

// field finds the field that asked, a piece of the command line, names.
func (o Options) field(schema *arrow.Schema, name, asked string) (int, error) {
	if i := find(schema, name); i >= 0 {
		return i, nil
	}
	return 0, badRequest("sluice describe lists the fields and what is left out; one that it does not list is not there, or hidden from this user", "%s: %s has no field %q", asked, o.Object, name)
}

// find looks name up among the fields of schema: as it is written, in any case,
// then as the name of a column. It is -1 when there is none.
func find(schema *arrow.Schema, name string) int {
	for _, same := range []func(field string) bool{
		func(f string) bool { return f == name },
		func(f string) bool { return strings.EqualFold(f, name) },
		func(f string) bool { return strings.EqualFold(snake(f), name) },
	} {
		for i, f := range schema.Fields() {
			if same(f.Name) {
				return i
			}
		}
	}
	return -1
}

func snake(field string) string { return destination.Snake(field) }
