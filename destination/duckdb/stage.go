package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/destination"
)

// stage implements [destination.Stage]: one transaction on a connection of its
// own, so that stages run side by side and an aborted one leaves nothing.
//
// It inserts batch by batch. One INSERT fed by a channel was as fast (84,000
// and 83,000 rows of 75 columns a second, 128 MB), and would need a goroutine.
type stage struct {
	lane   *lane
	load   *load
	to     *stageTarget
	leave  func() // the desk; nil before the first rows
	rows   int64
	failed bool
	ended  bool
}

func newStage(ctx context.Context, l *load, to *stageTarget, view string) (*stage, error) {
	n, err := l.lane(ctx, to, view)
	if err != nil {
		return nil, err
	}
	s := &stage{lane: n, load: l, to: to}
	_, err = n.conn.ExecContext(ctx, "BEGIN")
	if err == nil {
		err = n.prepare(ctx, l.d.file.name, to)
	}
	if err != nil {
		s.failed = true
		s.free(ctx)
		return nil, err
	}
	return s, nil
}

// plainSchema is the schema without names and metadata, which are no concern
// of DuckDB's: columns go by their place.
func plainSchema(s *arrow.Schema) *arrow.Schema {
	fields := make([]arrow.Field, s.NumFields())
	for i, f := range s.Fields() {
		fields[i] = arrow.Field{Name: "c" + strconv.Itoa(i), Type: f.Type, Nullable: true}
	}
	return arrow.NewSchema(fields, nil)
}

// Write implements [destination.Stage].
func (s *stage) Write(ctx context.Context, b arrow.RecordBatch) error {
	if err := s.write(ctx, b); err != nil {
		s.failed = true
		return explain(s.load.op("stage"), err)
	}
	return nil
}

func (s *stage) write(ctx context.Context, b arrow.RecordBatch) error {
	if s.failed || s.ended {
		return errors.New("the stage has ended")
	}
	if err := sameTypes(s.to.schema, b.Schema()); err != nil {
		return err
	}
	if b.NumRows() == 0 {
		return nil
	}
	desk := s.load.d.file.desk
	if s.leave == nil {
		var err error
		if s.leave, err = desk.sit(ctx); err != nil {
			return err
		}
	}
	return desk.write(ctx, func() error {
		s.lane.feed.put(b)
		defer s.lane.feed.put(nil)
		result, err := s.lane.insert.ExecContext(ctx)
		if err != nil {
			return err
		}
		s.rows += b.NumRows()
		return sameCount(result, b.NumRows())
	})
}

// sameTypes keeps DuckDB from reading memory as what it is not.
func sameTypes(want, got *arrow.Schema) error {
	if want.NumFields() != got.NumFields() {
		return fmt.Errorf("a batch has %d columns, the table %d", got.NumFields(), want.NumFields())
	}
	for i := range want.NumFields() {
		if !arrow.TypeEqual(want.Field(i).Type, got.Field(i).Type) {
			return fmt.Errorf("field %s is %s in a batch, %s in the table",
				want.Field(i).Name, got.Field(i).Type, want.Field(i).Type)
		}
	}
	return nil
}

// Close implements [destination.Stage].
func (s *stage) Close(ctx context.Context) error {
	if s.ended {
		return nil
	}
	err := context.Cause(ctx)
	if s.failed {
		// DuckDB answers a COMMIT of a broken transaction with success.
		err = errors.New("a write failed before")
	}
	if err == nil {
		err = s.commit(ctx)
	}
	if err != nil {
		s.failed = true
		return errors.Join(explain(s.load.op("stage"), err), s.Abort(ctx))
	}
	s.end(ctx, s.rows)
	return nil
}

// commit makes the rows and the name of their part safe together (P9).
func (s *stage) commit(ctx context.Context) error {
	return s.load.d.file.desk.write(ctx, func() error {
		if s.to.counts && s.load.token != "" {
			if err := s.load.note(ctx, s.lane.conn, &s.to.part, s.rows); err != nil {
				return err
			}
		}
		return commit(ctx, s.lane.conn)
	})
}

// Abort implements [destination.Stage].
func (s *stage) Abort(ctx context.Context) error {
	if s.ended {
		return nil
	}
	s.end(ctx, 0)
	return nil
}

func (s *stage) end(ctx context.Context, rows int64) {
	s.ended = true
	s.free(ctx)
	if !s.to.counts {
		rows = 0
	}
	s.load.stageEnded(rows)
}

// free gives back what the stage holds. What went wrong may be with its view and
// statement still, so that no other stage gets them.
func (s *stage) free(ctx context.Context) {
	rollback(ctx, s.lane.conn)
	if s.failed {
		s.lane.close(ctx)
	} else {
		s.load.keepLane(s.lane)
	}
	if s.leave != nil {
		s.leave()
	}
}

var _ destination.Stage = (*stage)(nil)

func sameCount(r sql.Result, want int64) error {
	got, err := r.RowsAffected()
	if err == nil && got != want {
		err = fmt.Errorf("%d rows were sent, %d arrived", want, got)
	}
	return err
}
