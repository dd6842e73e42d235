package transform

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// Error is a request that makes no sense, or a value that cannot become what
// was asked for. Its text holds no secret of a mask.
type Error struct {
	Err error
	// Mend tells the user what to do.
	Mend string
	// Usage is true when the request is at fault, false when a value is.
	Usage bool
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Hint says how to mend the error.
func (e *Error) Hint() string { return e.Mend }

func badRequest(mend, format string, args ...any) *Error {
	return &Error{Err: fmt.Errorf(format, args...), Mend: mend, Usage: true}
}

// valueError names the object, the record and the field of a value (P1).
func (t *Transform) valueError(b arrow.RecordBatch, col, row int, err error) error {
	return &Error{
		Err:  fmt.Errorf("%s: field %s %w", strings.TrimSpace(t.object+" "+t.record(b, row)), b.ColumnName(col), err),
		Mend: "choose a type by --columns that holds every value, or correct the record; nothing was written",
	}
}

// record names a row by its key.
func (t *Transform) record(b arrow.RecordBatch, row int) string {
	var parts []string
	for _, name := range t.key {
		for _, i := range b.Schema().FieldIndices(name) {
			if text := Text(b.Column(i), row); text != "" {
				parts = append(parts, text)
			}
		}
	}
	return strings.Join(parts, "/")
}

// rowKey is the text that a row is told apart by; its own value where the load
// has no key.
func rowKey(b arrow.RecordBatch, in arrow.Array, row int, key []string) string {
	var parts []string
	for _, name := range key {
		for _, i := range b.Schema().FieldIndices(name) {
			parts = append(parts, Text(b.Column(i), row))
		}
	}
	if parts == nil {
		return Text(in, row)
	}
	return strings.Join(parts, "\x00")
}

// doesNotFit says which value stands in the way.
func doesNotFit(in arrow.Array, row int, to arrow.DataType, why string) error {
	const most = 120
	value := Text(in, row)
	if _, isText := in.(*array.String); isText {
		if len(value) > most {
			value = strings.ToValidUTF8(value[:most], "") + "…"
		}
		value = fmt.Sprintf("%q", value)
	}
	return fmt.Errorf("holds %s, which is no %s: %s", value, TypeName(to), why)
}
