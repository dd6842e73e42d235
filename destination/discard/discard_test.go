package discard

import (
	"context"
	"errors"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"sluice/destination"
	"sluice/state"
)

func TestRowsOfClosedStagesAreCountedAndNoOthers(t *testing.T) {
	ctx := t.Context()
	ids := arrow.NewSchema([]arrow.Field{{Name: "Id", Type: arrow.BinaryTypes.String}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, ids)
	b.Field(0).(*array.StringBuilder).AppendValues([]string{"1", "2", "3"}, nil)
	batch := b.NewRecordBatch()
	var warning string
	l, err := Destination{}.Begin(ctx, destination.Spec{Schema: ids, Mode: destination.Merge, Observe: func(w string) { warning = w }})
	if err != nil || warning == "" {
		t.Fatalf("%v, warning %q", err, warning)
	}
	write := func(s destination.Stage, _ error, end func(destination.Stage) error) {
		t.Helper()
		if err := errors.Join(s.Write(ctx, batch), end(s)); err != nil {
			t.Fatal(err)
		}
	}
	closed := func(s destination.Stage) error { return s.Close(ctx) }
	s, err := l.Stage(ctx, "a")
	write(s, err, closed)
	s, err = l.Stage(ctx, "b")
	write(s, err, closed)
	s, err = l.Stage(ctx, "c")
	write(s, err, func(s destination.Stage) error { return s.Abort(ctx) })
	s, err = l.StageGone(ctx)
	write(s, err, closed)
	if r, err := l.Commit(ctx, new(state.State)); err != nil || r.Written != 6 {
		t.Errorf("%+v, %v; want 6 rows written", r, err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := l.Commit(cancelled, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("commit after the end: %v", err)
	}
	wide := arrow.NewSchema(append(ids.Fields(), ids.Fields()...), nil)
	if l, err = (Destination{}).Begin(ctx, destination.Spec{Schema: wide}); err != nil {
		t.Fatal(err)
	}
	if s, _ = l.Stage(ctx, ""); s.Write(ctx, batch) == nil {
		t.Error("a batch of another width was taken")
	}
}

func TestNoStateIsKept(t *testing.T) {
	states := Destination{}.States()
	if err := states.Put(t.Context(), state.Key{}, state.State{}); err == nil {
		t.Error("a state was taken")
	}
	if list, err := states.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}
