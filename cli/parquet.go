package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"sluice/destination/duckdb"
	"sluice/source/salesforce"
	"sluice/transform"
)

// typedColumns tells the types of the columns of a query, by what the org says of
// their fields: values have no say.
func typedColumns(ctx context.Context, org *salesforce.Source, soql string, columns []selectedColumn) (*arrow.Schema, error) {
	if columns == nil {
		return nil, &usageError{"a Parquet file has its columns before its rows, and FIELDS() and TYPEOF do not tell them", "name the fields: sluice describe lists them"}
	}
	object, alias := fromOf(soql)
	var paths [][]string
	var asked []int
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: c.name, Type: typeOfCall(c), Nullable: true}
		if fields[i].Type == nil {
			path := c.field
			if len(path) > 1 && (strings.EqualFold(path[0], alias) || strings.EqualFold(path[0], object)) {
				path = path[1:]
			}
			paths, asked = append(paths, path), append(asked, i)
		}
	}
	types, err := org.TypesOf(ctx, object, paths)
	if err != nil {
		return nil, err
	}
	for n, i := range asked {
		fields[i].Type = types[n]
	}
	return arrow.NewSchema(fields, nil), nil
}

// typeOfCall is the type of what a function gives; nil for that of its field.
func typeOfCall(c selectedColumn) arrow.DataType {
	switch c.call {
	case "":
		if len(c.field) == 0 { // the rows of a child, as JSON
			return arrow.BinaryTypes.String
		}
		return nil
	case "MIN", "MAX", "CONVERTCURRENCY":
		return nil
	case "COUNT", "COUNT_DISTINCT", "GROUPING", "HOUR_IN_DAY":
		return arrow.PrimitiveTypes.Int64
	case "SUM", "AVG", "DISTANCE":
		return arrow.PrimitiveTypes.Float64
	case "DAY_ONLY":
		return arrow.FixedWidthTypes.Date32
	}
	for _, prefix := range []string{"CALENDAR_", "DAY_IN_", "FISCAL_", "WEEK_IN_"} {
		if strings.HasPrefix(c.call, prefix) {
			return arrow.PrimitiveTypes.Int64
		}
	}
	return arrow.BinaryTypes.String // toLabel, FORMAT
}

// writeParquet writes the rows that produce prints to w, by way of a file in
// folder: DuckDB writes into files alone.
func writeParquet(ctx context.Context, w io.Writer, folder string, schema *arrow.Schema, produce func(rows) error) error {
	file, err := os.CreateTemp(folder, ".sluice-*.parquet")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	err = duckdb.WriteParquet(ctx, file.Name(), schema, func(emit func(arrow.RecordBatch) error) error {
		r, err := newParquetRows(schema, emit)
		if err != nil {
			return err
		}
		defer r.texts.Release()
		return produce(r)
	})
	if err != nil {
		return err
	}
	_, err = io.Copy(w, file)
	return err
}

// parquetRows collects rows as text, and gives them on in the types of the file.
type parquetRows struct {
	texts *array.RecordBuilder
	typed *transform.Transform
	emit  func(arrow.RecordBatch) error
	rows  int
}

// parquetBatch is how many rows are given on at a time.
const parquetBatch = 2000

func newParquetRows(schema *arrow.Schema, emit func(arrow.RecordBatch) error) (*parquetRows, error) {
	var options transform.Options
	fields := schema.Fields()
	for i, f := range fields {
		options.Columns = append(options.Columns, transform.Column{Name: f.Name, Type: f.Type})
		fields[i].Type = arrow.BinaryTypes.String
	}
	text := arrow.NewSchema(fields, nil)
	typed, err := transform.New(text, options)
	if err != nil {
		return nil, err
	}
	return &parquetRows{texts: array.NewRecordBuilder(memory.NewGoAllocator(), text), typed: typed, emit: emit}, nil
}

func (r *parquetRows) print(_ []string, values []any) error {
	for i, v := range values {
		column := r.texts.Field(i).(*array.StringBuilder)
		if v == nil {
			column.AppendNull()
			continue
		}
		text, err := textOf(v)
		if err != nil {
			return err
		}
		column.Append(text)
	}
	if r.rows++; r.rows%parquetBatch == 0 {
		return r.flush()
	}
	return nil
}

func (r *parquetRows) flush() error {
	texts := r.texts.NewRecordBatch()
	defer texts.Release()
	b, err := r.typed.Apply(texts)
	if err != nil {
		var value *transform.Error
		if errors.As(err, &value) { // its own hint is about tables
			return &parquetError{value.Err}
		}
		return err
	}
	defer b.Release()
	return r.emit(b)
}

func (r *parquetRows) end([]string) error { return r.flush() }

// parquetError is a value that is not of the type that the org says.
type parquetError struct{ err error }

func (e *parquetError) Error() string { return "query: " + e.err.Error() }
func (e *parquetError) Unwrap() error { return e.err }

// Hint says how to mend it.
func (e *parquetError) Hint() string { return "write it as CSV or JSON, which have no types" }
