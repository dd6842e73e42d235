package postgres

import (
	"context"
	"fmt"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"sluice/destination"
	"sluice/state"
)

var account = destination.TableName{Schema: "public", Table: "account"}

var generation = arrow.NewSchema([]arrow.Field{
	{Name: "Id", Type: arrow.BinaryTypes.String},
	{Name: "Generation", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	{Name: "Filler", Type: arrow.BinaryTypes.String, Nullable: true},
}, nil)

// generationBatch has rows that all say n.
func generationBatch(n int64, from, rows int) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, generation)
	defer b.Release()
	for i := range rows {
		b.Field(0).(*array.StringBuilder).Append(fmt.Sprintf("%06d", from+i))
		b.Field(1).(*array.Int64Builder).Append(n)
		b.Field(2).(*array.StringBuilder).Append(fmt.Sprintf("filler %d", n%2))
	}
	return b.NewRecordBatch()
}

// idBatch has keys alone.
func idBatch(ids ...string) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{generation.Field(0)}, nil))
	defer b.Release()
	b.Field(0).(*array.StringBuilder).AppendValues(ids, nil)
	return b.NewRecordBatch()
}

func spec(schema *arrow.Schema, mode destination.Mode, run string) destination.Spec {
	return destination.Spec{Table: account, Source: "Account", Schema: schema, Key: []string{schema.Field(0).Name}, Mode: mode, Run: run}
}

// put loads batches, each as a part, and commits them with s.
func put(ctx context.Context, d *Destination, s destination.Spec, st *state.State, batches ...arrow.RecordBatch) (r destination.Result, err error) {
	l, err := d.Begin(ctx, s)
	if err != nil {
		return r, err
	}
	defer func() {
		if aborting := l.Abort(ctx); err == nil {
			err = aborting
		}
	}()
	for i, b := range batches {
		if err := putPart(ctx, l, fmt.Sprint("part ", i), b); err != nil {
			return r, err
		}
	}
	return l.Commit(ctx, st)
}

func putPart(ctx context.Context, l destination.Load, part string, b arrow.RecordBatch) error {
	defer b.Release()
	s, err := l.Stage(ctx, part)
	if err != nil {
		return err
	}
	if err := s.Write(ctx, b); err != nil {
		_ = s.Abort(ctx) // the first error tells more
		return err
	}
	return s.Close(ctx)
}

func mustPut(t testing.TB, d *Destination, s destination.Spec, batches ...arrow.RecordBatch) destination.Result {
	t.Helper()
	r, err := put(t.Context(), d, s, nil, batches...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
