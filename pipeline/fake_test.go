package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"go.uber.org/goleak"

	"sluice/destination"
	"sluice/source"
	"sluice/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hooks lets a test act at a step: an error it returns is the step's error.
type hooks map[string]func(ctx context.Context) error

func (h hooks) at(ctx context.Context, step string) error {
	if f := h[step]; f != nil {
		return f(ctx)
	}
	return nil
}

// org is a source in memory: one table of parts, each a list of batches, each
// a list of numbers.
type org struct {
	hooks
	parts    [][][]int64
	strategy string
	lies     error // what Verify says
	token    string
	kept     bool // Keep was called

	mu            sync.Mutex
	closed, ended int
	endedAlive    bool // the context of Scan.Close was not cancelled
}

func (o *org) open(ctx context.Context) (source.Source, error) {
	if err := o.at(ctx, "open"); err != nil {
		return nil, err
	}
	return o, nil
}

func (o *org) Table(ctx context.Context, _ string) (source.Table, error) {
	return table{o}, o.at(ctx, "table")
}

func (o *org) Identity(context.Context) (string, error) { return "00D000000000001AAA", nil }

func (o *org) Host() string { return "acme.example.com" }

func (o *org) Usage() source.Usage { return source.Usage{Calls: 7, Bytes: 700} }

func (o *org) Close() error { o.closed++; return o.at(context.Background(), "close") }

type table struct{ *org }

var schema = arrow.NewSchema([]arrow.Field{{Name: "Id", Type: arrow.PrimitiveTypes.Int64}}, nil)

func (table) Name() string          { return "BigThing" }
func (table) Schema() *arrow.Schema { return schema }
func (table) Key() []string         { return []string{"Id"} }
func (t table) Strategy() string    { return t.strategy }
func (table) CursorKey() string     { return "SystemModstamp" }
func (table) DeletedKey() string    { return "IsDeleted" }
func (table) Derived() []string     { return nil }

func (t table) Scan(ctx context.Context, r source.Request) (source.Scan, error) {
	if err := t.at(ctx, "scan"); err != nil {
		return nil, err
	}
	r.Observe(source.Event{Phase: "waiting for Bulk job 750"})
	r.Observe(source.Event{Warning: "field X is left out"})
	return &scan{org: t.org}, nil
}

func (t table) Estimate(_ context.Context, r source.Request) (source.Estimate, error) {
	query := "SELECT Id FROM BigThing"
	if !r.From.IsZero() {
		query += " WHERE SystemModstamp >= " + r.From.Format(time.RFC3339)
	}
	return source.Estimate{Plan: source.Plan{API: "rest", Reason: "3 rows", Rows: 3}, Query: query, Calls: 2}, nil
}

func (t table) Totals(context.Context, source.Request) (source.Totals, error) {
	return source.Totals{Months: []source.Total{{Rows: 3}}}, nil
}

type scan struct {
	*org
	next int
}

func (s *scan) Plan() source.Plan { return source.Plan{API: "rest", Reason: "3 rows", Rows: 3} }

func (s *scan) Next(ctx context.Context) (source.Part, error) {
	if err := s.at(ctx, "next"); err != nil {
		return nil, err
	}
	if s.next == len(s.parts) {
		return nil, io.EOF
	}
	s.next++
	return part{s.org, s.next - 1}, nil
}

func (s *scan) Token() string { return s.token }

func (s *scan) Keep() { s.kept = true }

func (s *scan) Logged() bool       { return true }
func (s *scan) Began() time.Time   { return time.Time{} }
func (s *scan) Horizon() time.Time { return time.Time{} }

func (s *scan) Gone(context.Context, func(arrow.RecordBatch) error) error { return nil }

func (s *scan) Verify() error { return s.lies }

func (s *scan) Close(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended++
	s.endedAlive = ctx.Err() == nil
	return s.at(ctx, "end")
}

type part struct {
	*org
	n int
}

func (p part) Name() string { return fmt.Sprintf("page %d", p.n) }

func (p part) Read(ctx context.Context, emit func(arrow.RecordBatch) error) error {
	if err := p.at(ctx, "request"); err != nil {
		return err
	}
	for _, numbers := range p.parts[p.n] {
		b := batch(numbers)
		err := emit(b)
		b.Release()
		if err != nil {
			return fmt.Errorf("read %s: %w", p.Name(), err)
		}
		if err := p.at(ctx, "read"); err != nil {
			return err
		}
	}
	return nil
}

func batch(numbers []int64) arrow.RecordBatch {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	b.AppendValues(numbers, nil)
	column := b.NewArray()
	defer column.Release()
	return array.NewRecordBatch(schema, []arrow.Array{column}, int64(len(numbers)))
}

// database is a destination in memory.
type database struct {
	hooks
	writtenOff int64 // added to what it says it wrote

	mu                      sync.Mutex
	spec                    destination.Spec
	rows, staged            []int64
	stages, dropped, aborts int
	left                    int // times that a load was left to the next run
	abortedAlive            bool
}

func (d *database) Begin(ctx context.Context, s destination.Spec) (destination.Load, error) {
	d.spec = s
	if err := d.at(ctx, "begin"); err != nil {
		return nil, err
	}
	return &load{database: d}, nil
}

func (d *database) Look(_ context.Context, t destination.TableName, _ []string, _ map[string]string) (destination.Table, error) {
	return nil, destination.NoTable(t)
}

func (d *database) States() state.Store { return nil }

func (d *database) Close() error { return nil }

type load struct {
	*database
	committed bool
}

func (l *load) Prepare(string) {}

func (l *load) StageKept(context.Context) (destination.Stage, error) {
	return nil, errors.New("no keys are compared in these tests")
}

func (l *load) Leave(context.Context) error {
	l.left++
	return nil
}

func (l *load) Stage(ctx context.Context, _ string) (destination.Stage, error) {
	if err := l.at(ctx, "stage"); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stages++
	return &stage{load: l}, nil
}

func (l *load) StageGone(context.Context) (destination.Stage, error) {
	return nil, errors.New("no rows are gone in these tests")
}

func (l *load) Found() destination.Found { return destination.Found{} }

func (l *load) Commit(ctx context.Context, _ *state.State) (destination.Result, error) {
	if err := l.at(ctx, "commit"); err != nil {
		return destination.Result{}, err
	}
	if l.spec.Mode == destination.Replace {
		l.rows = nil
	}
	l.rows = append(l.rows, l.staged...)
	l.committed = true
	return destination.Result{Written: int64(len(l.staged)) + l.writtenOff, Created: true}, nil
}

func (l *load) Abort(ctx context.Context) error {
	l.aborts++
	l.abortedAlive = ctx.Err() == nil
	if l.committed {
		return nil
	}
	l.staged = nil
	return l.at(ctx, "abort")
}

type stage struct {
	*load
	rows []int64
}

func (s *stage) Write(ctx context.Context, b arrow.RecordBatch) error {
	s.rows = append(s.rows, b.Column(0).(*array.Int64).Int64Values()...)
	return s.at(ctx, "write")
}

func (s *stage) Close(ctx context.Context) error {
	if err := s.at(ctx, "stage close"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.staged = append(s.staged, s.rows...)
	return nil
}

func (s *stage) Abort(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped++
	return s.at(ctx, "stage abort")
}

// world is an org of 6 rows in 3 parts and a database that holds an old row.
func world() (*org, *database) {
	return &org{hooks: hooks{}, parts: [][][]int64{{{1, 2}, {3}}, {{4, 5}}, {{6}}}, strategy: "replace"},
		&database{hooks: hooks{}, rows: []int64{99}}
}

func jobFor(o *org, d *database) Job {
	return Job{Open: o.open, SourceTable: "big_thing", Destination: d}
}

func sorted(rows []int64) []int64 {
	out := append([]int64(nil), rows...)
	sort.Slice(out, func(i, j int) bool { return out[i] < out[j] })
	return out
}

var errBoom = errors.New("boom")

// again is an error that may go away, after a wait that the source asks for.
type again struct{ after time.Duration }

func (again) Error() string               { return "connection reset" }
func (again) Retryable() bool             { return true }
func (a again) RetryAfter() time.Duration { return a.after }

// times returns err for the first n calls and nil from then on.
func times(n int, err error) func(context.Context) error {
	var mu sync.Mutex
	return func(context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		if n--; n >= 0 {
			return err
		}
		return nil
	}
}
