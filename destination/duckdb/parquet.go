package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"
	engine "github.com/duckdb/duckdb-go/v2"
)

// parquetMemory holds the rows of a group, several times over.
const parquetMemory = 256 << 20

// errEnded is what emit gives once DuckDB takes no more: it says why itself.
var errEnded = errors.New("the file takes no more rows")

// WriteParquet writes the batches that produce emits to a Parquet file at path,
// in the types that a table would have. It holds the rows of one group.
// What is at path after an error is no file of use.
func WriteParquet(ctx context.Context, path string, schema *arrow.Schema, produce func(emit func(arrow.RecordBatch) error) error) (err error) {
	connector, err := engine.NewConnector("", nil)
	if err != nil {
		return explain("write Parquet", err)
	}
	db := sql.OpenDB(connector)
	release := func() {}
	defer func() {
		// A COPY that was cancelled lets go of the stream with its connection.
		err = errors.Join(err, db.Close())
		release()
	}()
	conn, err := db.Conn(ctx)
	if err != nil {
		return explain("write Parquet", err)
	}
	defer func() { _ = conn.Close() }()
	for _, s := range settings(parquetMemory, 0) {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return explain("write Parquet", err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	rows := &stream{schema: plainSchema(schema), ctx: ctx, batches: make(chan arrow.RecordBatch)}
	err = conn.Raw(func(c any) error {
		free, err := register(c, rows, "batches")
		if err == nil {
			release = free
		}
		return err
	})
	if err != nil {
		return explain("write Parquet", err)
	}
	var copying error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, copying = conn.ExecContext(ctx, copyParquet(path, schema))
	}()
	producing := produce(func(b arrow.RecordBatch) error {
		b.Retain()
		select {
		case rows.batches <- b:
			return nil
		case <-ended:
			b.Release()
			return errEnded
		}
	})
	if producing != nil {
		rows.failed.Store(&producing)
	}
	close(rows.batches)
	<-ended
	rows.drop()
	if producing != nil && !errors.Is(producing, errEnded) {
		return producing
	}
	if copying != nil {
		return explain("write Parquet", copying)
	}
	return producing
}

// stream is the record reader behind a view: it gives DuckDB the batches as they
// come. DuckDB reads it from one thread, once.
type stream struct {
	schema  *arrow.Schema
	ctx     context.Context
	batches chan arrow.RecordBatch // closed after the last
	current arrow.RecordBatch
	failed  atomic.Pointer[error] // why the last is not the last of all
}

func (s *stream) Next() bool {
	s.drop()
	select {
	case s.current = <-s.batches:
	case <-s.ctx.Done():
	}
	return s.current != nil
}

func (s *stream) drop() {
	if s.current != nil {
		s.current.Release()
	}
	s.current = nil
}

func (s *stream) RecordBatch() arrow.RecordBatch { return s.current }

// Record is what array.RecordReader called RecordBatch before.
func (s *stream) Record() arrow.RecordBatch { return s.current }

func (s *stream) Schema() *arrow.Schema { return s.schema }

func (s *stream) Err() error {
	if err := s.failed.Load(); err != nil {
		return *err
	}
	return context.Cause(s.ctx)
}

func (s *stream) Retain()  {}
func (s *stream) Release() {}
