package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/jackc/pgx/v5"

	"sluice/destination"
)

// stageTarget is the table that a stage writes to.
type stageTarget struct {
	table   destination.TableName
	schema  *arrow.Schema
	columns []column
	counts  bool // its rows are rows of the load
	part    string
}

// stage implements [destination.Stage]: one COPY in a transaction and on a
// connection of its own, so that stages run side by side and an aborted one
// leaves nothing.
type stage struct {
	load  *load
	to    *stageTarget
	conn  *pgx.Conn
	odd   odd
	tally *tallying

	stream *stream
	cancel context.CancelFunc
	// copied is closed when COPY has ended, with the number of rows or an
	// error.
	copied  chan struct{}
	arrived int64
	copyErr error

	failed, closed, ended bool
}

func newStage(ctx context.Context, l *load, to *stageTarget) (*stage, error) {
	conn, err := l.d.connect(ctx, begin)
	if err != nil {
		return nil, err
	}
	s := &stage{
		load: l, to: to, conn: conn, odd: odd{spec: &l.spec, strip: l.d.options.NulStrip},
		tally: newTallying(&l.spec, to.schema), stream: newStream(), copied: make(chan struct{}),
	}
	// The copying outlives the call that began it, and is ended by Close or
	// Abort.
	copying, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	s.stream.full <- copyHeader
	go s.copy(copying)
	return s, nil
}

func (s *stage) copy(ctx context.Context) {
	defer close(s.copied)
	tag, err := s.conn.PgConn().CopyFrom(ctx, s.stream, copyIn(s.to.table, s.to.columns))
	s.arrived, s.copyErr = tag.RowsAffected(), err
}

// rowsAtOnce are encoded before it is looked whether a chunk is full: long
// texts make a buffer greater by so many rows.
const rowsAtOnce = 16

// Write implements [destination.Stage].
func (s *stage) Write(ctx context.Context, b arrow.RecordBatch) error {
	if err := s.write(ctx, b); err != nil {
		s.failed = true
		return explainWithin(ctx, s.load.op("stage"), err)
	}
	return nil
}

func (s *stage) write(ctx context.Context, b arrow.RecordBatch) error {
	if s.failed || s.ended {
		return errors.New("the stage has ended")
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if err := sameTypes(s.to.schema, b.Schema()); err != nil {
		return err
	}
	list, err := vectors(b, &s.odd)
	if err != nil {
		return err
	}
	buf := s.stream.buffer()
	for from, rows := 0, int(b.NumRows()); from < rows; from += rowsAtOnce {
		buf = appendRows(buf, list, from, min(from+rowsAtOnce, rows))
		if len(buf) >= chunk {
			if err := s.send(ctx, buf); err != nil {
				return err
			}
			buf = s.stream.buffer()
		}
	}
	if err := s.send(ctx, buf); err != nil {
		return err
	}
	s.tally.add(b)
	return nil
}

// send hands bytes to COPY, or tells why it takes no more.
func (s *stage) send(ctx context.Context, buf []byte) error {
	err := s.stream.send(ctx, s.copied, buf)
	if errors.Is(err, errCopyEnded) && s.copyErr != nil {
		return s.copyErr
	}
	return err
}

// sameTypes keeps values from being read as what they are not.
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
		err = errors.New("a write failed before")
	}
	if err == nil {
		err = s.finish(ctx)
	}
	if err != nil {
		s.failed = true
		return errors.Join(explainWithin(ctx, s.load.op("stage"), err), s.Abort(ctx))
	}
	s.closed = true
	s.end(ctx)
	return nil
}

// finish ends the COPY and commits its rows together with the name of the part.
func (s *stage) finish(ctx context.Context) error {
	if err := s.send(ctx, copyTrailer); err != nil {
		return err
	}
	s.stream.end(io.EOF)
	select {
	case <-s.copied:
	case <-ctx.Done():
		s.cancel()
		<-s.copied
		return context.Cause(ctx)
	}
	if s.copyErr != nil {
		return s.copyErr
	}
	if s.arrived != s.tally.rows { // P2
		return fmt.Errorf("%d rows were sent, %d arrived", s.tally.rows, s.arrived)
	}
	if s.to.counts {
		parts := beside(s.load.staging, partsSuffix)
		if _, err := s.conn.Exec(ctx, insertPart(parts), s.to.part, s.tally.rows); err != nil {
			return err
		}
	}
	return commit(ctx, s.conn)
}

// Abort implements [destination.Stage].
func (s *stage) Abort(ctx context.Context) error {
	if s.ended {
		return nil
	}
	s.end(ctx)
	return nil
}

// errAborted ends a COPY whose rows are not wanted any more.
var errAborted = errors.New("the stage was aborted")

// end gives back what the stage holds. Rows that were not committed go with the
// connection.
func (s *stage) end(ctx context.Context) {
	s.ended = true
	s.stream.end(errAborted)
	select {
	case <-s.copied:
	case <-ctx.Done():
		s.cancel()
		<-s.copied
	}
	s.cancel()
	s.load.d.server.pool.handBack(ctx, s.conn)
	if !s.closed {
		s.load.stageEnded(nil, 0)
		return
	}
	var t *tally
	if s.to.counts {
		t = &s.tally.tally
		// Two keys may be the same without what was removed from them.
		t.ordered = t.ordered && s.odd.stripped == 0
	}
	s.load.stageEnded(t, s.odd.stripped)
}

var _ destination.Stage = (*stage)(nil)
