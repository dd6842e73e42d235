package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"go.uber.org/goleak"
)

var parquetSchema = arrow.NewSchema([]arrow.Field{
	{Name: "Id", Type: arrow.BinaryTypes.String},
	{Name: "Owner.Name", Type: arrow.BinaryTypes.String},
	{Name: "flag", Type: arrow.FixedWidthTypes.Boolean},
	{Name: "whole", Type: arrow.PrimitiveTypes.Int64},
	{Name: "share", Type: arrow.PrimitiveTypes.Float64},
	{Name: "price", Type: &arrow.Decimal128Type{Precision: 18, Scale: 2}},
	{Name: "day", Type: arrow.FixedWidthTypes.Date32},
	{Name: "moment", Type: arrow.FixedWidthTypes.Timestamp_us},
	{Name: "clock", Type: arrow.FixedWidthTypes.Time64us},
}, nil)

func TestParquetHoldsEveryTypeExactly(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	path := filepath.Join(t.TempDir(), "it's.parquet")
	const batches, rows = 40, 1000
	err := WriteParquet(t.Context(), path, parquetSchema, func(emit func(arrow.RecordBatch) error) error {
		for n := range batches {
			b := array.NewRecordBuilder(mem, parquetSchema)
			for i := range rows {
				if i%2 == 1 {
					b.Field(0).(*array.StringBuilder).Append(fmt.Sprint(n*rows + i))
					for f := 1; f < parquetSchema.NumFields(); f++ {
						b.Field(f).AppendNull()
					}
					continue
				}
				b.Field(0).(*array.StringBuilder).Append(fmt.Sprint(n*rows + i))
				b.Field(1).(*array.StringBuilder).Append("")
				b.Field(2).(*array.BooleanBuilder).Append(true)
				b.Field(3).(*array.Int64Builder).Append(1<<62 + 1)
				b.Field(4).(*array.Float64Builder).Append(0.1)
				b.Field(5).(*array.Decimal128Builder).Append(decimal128.FromI64(123456789012345678))
				b.Field(6).(*array.Date32Builder).Append(-1)
				b.Field(7).(*array.TimestampBuilder).Append(1_123_456)
				b.Field(8).(*array.Time64Builder).Append(28_800_000_001)
			}
			batch := b.NewRecordBatch()
			b.Release()
			err := emit(batch)
			batch.Release()
			if err != nil {
				return err
			}
		}
		return nil
	})
	must(t, err)
	db, err := sql.Open("duckdb", "")
	must(t, err)
	defer db.Close()
	_, err = db.Exec("SET TimeZone = 'UTC'")
	must(t, err)
	var types, first string
	file := "read_parquet(" + literal(path) + ")"
	must(t, db.QueryRow("SELECT string_agg(column_name || ' ' || column_type, ', ') FROM (DESCRIBE SELECT * FROM "+file+")").Scan(&types))
	if want := "Id VARCHAR, Owner.Name VARCHAR, flag BOOLEAN, whole BIGINT, share DOUBLE, price DECIMAL(18,2), day DATE, moment TIMESTAMP WITH TIME ZONE, clock TIME"; types != want {
		t.Errorf("types are %s, want %s", types, want)
	}
	must(t, db.QueryRow("SELECT string_agg(DISTINCT concat_ws('|', \"Owner.Name\", flag, whole, share, price, day, moment, clock), ' / ') FROM "+file+" WHERE flag").Scan(&first))
	if want := "|true|4611686018427387905|0.1|1234567890123456.78|1969-12-31|1970-01-01 00:00:01.123456+00|08:00:00.000001"; first != want {
		t.Errorf("values are %s, want %s", first, want)
	}
	var all, nulls int
	must(t, db.QueryRow("SELECT count(DISTINCT \"Id\"), count(*) FILTER (\"Owner.Name\" IS NULL AND whole IS NULL AND moment IS NULL) FROM "+file).Scan(&all, &nulls))
	if all != batches*rows || nulls != all/2 {
		t.Errorf("%d rows, %d of nulls", all, nulls)
	}
	var utc bool
	var unit string
	must(t, db.QueryRow("SELECT logical_type LIKE '%isAdjustedToUTC=1%', converted_type FROM parquet_schema("+literal(path)+") WHERE name = 'moment'").Scan(&utc, &unit))
	if !utc || unit != "TIMESTAMP_MICROS" {
		t.Errorf("moments are %s, in UTC %v", unit, utc)
	}
}

func TestParquetThatCannotBeWrittenEndsTheRows(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	schema := arrow.NewSchema([]arrow.Field{{Name: "Id", Type: arrow.BinaryTypes.String}}, nil)
	rows := func(n int, then error) func(func(arrow.RecordBatch) error) error {
		return func(emit func(arrow.RecordBatch) error) error {
			for range n {
				b := array.NewRecordBuilder(mem, schema)
				b.Field(0).(*array.StringBuilder).Append("1")
				batch := b.NewRecordBatch()
				b.Release()
				err := emit(batch)
				batch.Release()
				if err != nil {
					return err
				}
			}
			return then
		}
	}
	path := filepath.Join(t.TempDir(), "nosuch", "x.parquet")
	if err := WriteParquet(t.Context(), path, schema, rows(10, nil)); err == nil || !strings.Contains(err.Error(), "write Parquet: ") || !strings.Contains(err.Error(), "nosuch") {
		t.Errorf("no folder: %v", err)
	}
	broken := errors.New("the org is down")
	if err := WriteParquet(t.Context(), filepath.Join(t.TempDir(), "x.parquet"), schema, rows(3, broken)); !errors.Is(err, broken) {
		t.Errorf("the org's error is lost: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := WriteParquet(ctx, filepath.Join(t.TempDir(), "x.parquet"), schema, func(emit func(arrow.RecordBatch) error) error {
		cancel()
		return rows(3, nil)(emit)
	})
	if err == nil {
		t.Error("a cancelled file was written")
	}
	must(t, WriteParquet(t.Context(), filepath.Join(t.TempDir(), "none.parquet"), schema, rows(0, nil)))
}
