package transform

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
)

// Column is one entry of --columns.
type Column struct {
	// Name is the column in the database, and the field too unless Source
	// names it.
	Name string
	// Type is what the column shall be; nil leaves the field's own.
	Type arrow.DataType
	// Source is the field that Name is the new name of; empty for no renaming.
	Source string
	text   string
}

func (c Column) asked() string { return "--columns " + c.text }

func (c Column) source() string {
	if c.Source != "" {
		return c.Source
	}
	return c.Name
}

const columnForms = "write name:type, name:type:field or name::field, with commas between them: 'amount:decimal(18,2),title::Name'"

// ParseColumns reads entries with commas between them: name:type changes the
// type of a column, name:type:field also its name, name::field the name alone.
func ParseColumns(text string) ([]Column, error) {
	var columns []Column
	for entry := range splitOutsideParentheses(text) {
		entry = strings.TrimSpace(entry)
		c := Column{text: entry}
		name, rest, colon := strings.Cut(entry, ":")
		typ, field, renames := strings.Cut(rest, ":")
		c.Name, c.Source = strings.TrimSpace(name), strings.TrimSpace(field)
		if !colon || c.Name == "" || renames && (c.Source == "" || strings.Contains(c.Source, ":")) {
			return nil, badRequest(columnForms, "--columns: %q is no entry", entry)
		}
		if !utf8.ValidString(entry) || strings.ContainsRune(entry, 0) {
			return nil, badRequest(columnForms, "--columns: %q is no text", entry)
		}
		if typ = strings.TrimSpace(typ); typ != "" {
			var err error
			if c.Type, err = parseType(typ); err != nil {
				return nil, err
			}
		} else if !renames {
			return nil, badRequest(columnForms, "--columns: %q has no type", entry)
		}
		columns = append(columns, c)
	}
	return columns, nil
}

// splitOutsideParentheses yields what stands between commas, except those of a
// type like decimal(18,2).
func splitOutsideParentheses(text string) func(func(string) bool) {
	return func(yield func(string) bool) {
		depth, start := 0, 0
		for i := range len(text) {
			switch text[i] {
			case '(':
				depth++
			case ')':
				depth--
			case ',':
				if depth > 0 {
					continue
				}
				if !yield(text[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(text[start:])
	}
}

// types are the types of --columns, by all their names.
var types = map[string]arrow.DataType{
	"text":                     arrow.BinaryTypes.String,
	"string":                   arrow.BinaryTypes.String,
	"varchar":                  arrow.BinaryTypes.String,
	"bigint":                   arrow.PrimitiveTypes.Int64,
	"int":                      arrow.PrimitiveTypes.Int64,
	"integer":                  arrow.PrimitiveTypes.Int64,
	"int64":                    arrow.PrimitiveTypes.Int64,
	"double":                   arrow.PrimitiveTypes.Float64,
	"float":                    arrow.PrimitiveTypes.Float64,
	"float64":                  arrow.PrimitiveTypes.Float64,
	"boolean":                  arrow.FixedWidthTypes.Boolean,
	"bool":                     arrow.FixedWidthTypes.Boolean,
	"date":                     arrow.FixedWidthTypes.Date32,
	"time":                     arrow.FixedWidthTypes.Time64us,
	"timestamp":                arrow.FixedWidthTypes.Timestamp_us,
	"timestamptz":              arrow.FixedWidthTypes.Timestamp_us,
	"datetime":                 arrow.FixedWidthTypes.Timestamp_us,
	"timestamp with time zone": arrow.FixedWidthTypes.Timestamp_us,
}

// Types lists the names of the types for the help of --columns.
const Types = "text, bigint, double, decimal(p,s), boolean, date, time, timestamp"

// parseType reads a type by any of its names. A decimal needs its digits: no
// choice of ours would fit all.
func parseType(text string) (arrow.DataType, error) {
	name := strings.ToLower(text)
	if t, ok := types[name]; ok {
		return t, nil
	}
	base, digits, ok := strings.Cut(name, "(")
	if base = strings.TrimSpace(base); base != "decimal" && base != "numeric" {
		return nil, badRequest("use "+Types, "--columns: unknown type %q", text)
	}
	digits, closed := strings.CutSuffix(digits, ")")
	p, s, both := strings.Cut(digits, ",")
	if !both {
		s = "0"
	}
	precision, err1 := strconv.Atoi(strings.TrimSpace(p))
	scale, err2 := strconv.Atoi(strings.TrimSpace(s))
	if !ok || !closed || err1 != nil || err2 != nil || precision < 1 || precision > 38 || scale < 0 || scale > precision {
		return nil, badRequest("write decimal(18,2): 1 to 38 digits, of which up to as many after the point", "--columns: %q is no decimal", text)
	}
	return &arrow.Decimal128Type{Precision: int32(precision), Scale: int32(scale)}, nil
}

// TypeName is the name of a type as --columns takes it.
func TypeName(t arrow.DataType) string {
	switch t := t.(type) {
	case *arrow.StringType:
		return "text"
	case *arrow.Int64Type:
		return "bigint"
	case *arrow.Float64Type:
		return "double"
	case *arrow.BooleanType:
		return "boolean"
	case *arrow.Date32Type:
		return "date"
	case *arrow.Time64Type:
		return "time"
	case *arrow.TimestampType:
		return "timestamp"
	case *arrow.Decimal128Type:
		return "decimal(" + strconv.Itoa(int(t.Precision)) + "," + strconv.Itoa(int(t.Scale)) + ")"
	}
	return t.String()
}
