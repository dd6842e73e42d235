// Package discard is the destination that keeps nothing: for a trial of the
// source, and to measure reading alone.
package discard

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/destination"
	"sluice/state"
)

// Destination counts rows and drops them. It implements
// [destination.Destination]: no table exists in it, so every load finds what a
// first one does.
type Destination struct{}

// Begin implements [destination.Destination].
func (Destination) Begin(_ context.Context, s destination.Spec) (destination.Load, error) {
	if s.Observe != nil {
		s.Observe("discard: keeps neither rows nor a cursor; the next run reads the same again")
	}
	return &load{schema: s.Schema, op: "stage " + s.Table.String()}, nil
}

// Look implements [destination.Destination].
func (Destination) Look(_ context.Context, t destination.TableName, _ []string, _ map[string]string) (destination.Table, error) {
	return nil, &destination.Error{Op: "look at " + t.String(), Err: errors.New("discard: keeps no rows"), Mend: "name the database that the rows are in", Usage: true}
}

// States implements [destination.Destination].
func (Destination) States() state.Store { return states{} }

// Close implements [destination.Destination].
func (Destination) Close() error { return nil }

// load implements [destination.Load].
type load struct {
	schema *arrow.Schema
	op     string
	rows   atomic.Int64 // of closed stages
}

func (l *load) Found() destination.Found { return destination.Found{} }
func (l *load) Prepare(string)           {}

func (l *load) Stage(context.Context, string) (destination.Stage, error) {
	return &stage{load: l, counts: true}, nil
}

func (l *load) StageGone(context.Context) (destination.Stage, error) { return &stage{load: l}, nil }
func (l *load) StageKept(context.Context) (destination.Stage, error) { return &stage{load: l}, nil }

func (l *load) Commit(ctx context.Context, _ *state.State) (destination.Result, error) {
	return destination.Result{Written: l.rows.Load()}, context.Cause(ctx)
}

func (l *load) Abort(context.Context) error { return nil }
func (l *load) Leave(context.Context) error { return nil }

// stage implements [destination.Stage]. Rows of the load count, keys do not.
type stage struct {
	load   *load
	counts bool
	rows   int64
}

func (s *stage) Write(ctx context.Context, b arrow.RecordBatch) error {
	if s.counts && b.NumCols() != int64(s.load.schema.NumFields()) {
		return &destination.Error{Op: s.load.op, Err: fmt.Errorf("a batch has %d columns, the table %d", b.NumCols(), s.load.schema.NumFields())}
	}
	s.rows += b.NumRows()
	return context.Cause(ctx)
}

func (s *stage) Close(context.Context) error {
	if s.counts {
		s.load.rows.Add(s.rows)
	}
	return nil
}

func (s *stage) Abort(context.Context) error { return nil }

// states is a store that is always empty.
type states struct{}

func (states) Get(context.Context, state.Key) (state.State, error) { return state.State{}, nil }
func (states) Delete(context.Context, state.Key) error             { return nil }
func (states) List(context.Context) ([]state.Entry, error)         { return nil, nil }

func (states) Put(context.Context, state.Key, state.State) error {
	return &destination.Error{
		Err:   errors.New("discard: keeps no state"),
		Mend:  "name the database that the rows are in",
		Usage: true,
	}
}

func (s states) Exclusive(_ context.Context, do func(state.Store) error) error { return do(s) }

var (
	_ destination.Destination = Destination{}
	_ destination.Load        = (*load)(nil)
	_ destination.Stage       = (*stage)(nil)
)
