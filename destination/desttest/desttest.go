// Package desttest holds the contract that every destination passes.
package desttest

import (
	"context"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"sluice/destination"
)

// Subject is an empty database and the ways to look at it from outside.
type Subject struct {
	// Open returns a destination for the database, as a new run would. The
	// suite closes it.
	Open func(t *testing.T) destination.Destination
	// Rows reads a table as any other reader of the database sees it at the
	// moment, also while d is loading it: its columns, and its rows sorted by
	// the first. Values are nil, bool, int64, float64, string, []byte or
	// time.Time (dates and timestamps, in UTC); a decimal or a time of day is
	// a string. A table that is not there has no columns.
	Rows func(t *testing.T, d destination.Destination, table destination.TableName) (columns []string, rows [][]any)
	// Exec runs SQL while no load is under way.
	Exec func(t *testing.T, d destination.Destination, sql string)
	// Tables lists all tables of the database, staging included.
	Tables func(t *testing.T, d destination.Destination) []string
	// NoNUL leaves out texts with a NUL character, which the database cannot
	// hold; it has to refuse them.
	NoNUL bool
	// Skip names the tests that the database cannot pass, each with the
	// reason.
	Skip map[string]string
}

// Run holds a destination to its contract. open makes a new Subject for each
// test.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	for _, tt := range []struct {
		name string
		test func(*check)
	}{
		{"every type keeps every value", everyType},
		{"odd names stay apart", oddNames},
		{"replace leaves the loaded rows alone", replace},
		{"append keeps the old rows", appendRows},
		{"stages may be written side by side", sideBySide},
		{"an aborted stage leaves no row", abortedStage},
		{"a stage that is wrong leaves no row", wrongBatch},
		{"text that is not UTF-8 is refused", brokenText},
		{"an aborted load leaves nothing", abortedLoad},
		{"a load that wrote nothing can be aborted", abortedEarly},
		{"a commit with an open stage is refused", openStage},
		{"a cancelled commit leaves the old table", cancelledCommit},
		{"a cancelled write leaves the old table", cancelledWrite},
		{"no rows make a table of columns", noRows},
		{"a replace by no rows empties the table", replaceByNoRows},
		{"the old table is there until the commit", readersSeeOld},
		{"a new field adds a column", newField},
		{"a vanished field keeps its column", vanishedField},
		{"a type that does not fit is refused at once", wrongType},
		{"an unknown mode is refused", wrongMode},
		{"two loads of one table are refused", twoLoads},
		{"two tables load at once", twoTables},
		{"views go on working", views},
		{"a merge replaces and adds by key", mergeRows},
		{"a merge may be repeated", mergeAgain},
		{"a merge takes the newest row of a key", mergeNewest},
		{"a merge removes what is deleted or gone", mergeDeleted},
		{"a merge keeps deleted rows when asked to", mergeKeepsDeleted},
		{"a merge makes a table that is not there", mergeIntoNothing},
		{"a merge of nothing changes nothing", mergeNothing},
		{"a merge adds a column for a new field", mergeNewField},
		{"a merge without a key is refused", mergeWithoutKey},
		{"a merge shows nothing before its commit", mergeShowsNothingEarly},
		{"an append adds no row twice", appendTwice},
		{"delete+insert replaces a window", deleteInsert},
		{"the state is committed with the rows", stateWithRows},
		{"states can be listed, set and deleted", stateStore},
		{"the state of a table that is gone is none", stateOfNoTable},
		{"a state that changed meanwhile stops the commit", stateChangedMeanwhile},
		{"a state kept elsewhere tells the columns", columnsOfElsewhere},
		{"a load that was left goes on", goesOn},
		{"a load that was left may lack nothing", goesOnWithNothingLeft},
		{"a load of another token starts over", startsOver},
		{"a load of another shape does not go on", anotherShape},
		{"a load without a token leaves nothing", leftWithoutToken},
		{"rows whose keys are not kept go", keptKeys},
		{"too many rows do not go", guarded},
		{"an update changes what differs", updates},
		{"an update of nothing is refused", updateOfNothing},
		{"changes of the table are told before", foundChanges},
		{"a new table takes the names asked for", directNames},
		{"totals of a table are those of its rows", totals},
		{"rows of a table are read as text", texts},
		{"a table tells the columns of fields", namesOfColumns},
		{"a look at no table is refused", lookAtNothing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t)
			if why, ok := s.Skip[tt.name]; ok {
				t.Logf("declared gap: %s", why)
				return
			}
			leaks := goleak.IgnoreCurrent()
			mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
			c := &check{T: t, s: s, mem: mem, table: destination.TableName{Schema: "public", Table: "account"}}
			c.d = s.Open(t)
			tt.test(c)
			if err := c.d.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			mem.AssertSize(t, 0)
			goleak.VerifyNone(t, leaks)
		})
	}
}

// check is one test under way.
type check struct {
	*testing.T
	s     Subject
	d     destination.Destination
	mem   *memory.CheckedAllocator
	table destination.TableName
}

// people is the schema of most tests.
var people = arrow.NewSchema([]arrow.Field{
	{Name: "Id", Type: arrow.BinaryTypes.String},
	{Name: "FirstName", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "Age", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
}, nil)

type person struct {
	id, name string
	age      int64
}

func (c *check) people(list ...person) arrow.RecordBatch {
	b := array.NewRecordBuilder(c.mem, people)
	defer b.Release()
	for _, p := range list {
		b.Field(0).(*array.StringBuilder).Append(p.id)
		b.Field(1).(*array.StringBuilder).Append(p.name)
		b.Field(2).(*array.Int64Builder).Append(p.age)
	}
	return b.NewRecordBatch()
}

func (c *check) spec(schema *arrow.Schema, mode destination.Mode) destination.Spec {
	return destination.Spec{
		Table: c.table, Source: "Account", Schema: schema, Key: []string{schema.Field(0).Name}, Mode: mode, Run: "run1",
	}
}

func (c *check) begin(s destination.Spec) destination.Load {
	c.Helper()
	l, err := c.d.Begin(c.Context(), s)
	if err != nil {
		c.Fatalf("begin: %v", err)
	}
	return l
}

func (c *check) stage(l destination.Load) destination.Stage {
	c.Helper()
	s, err := l.Stage(c.Context(), "part")
	if err != nil {
		c.Fatalf("stage: %v", err)
	}
	return s
}

// write writes b and releases it.
func (c *check) write(s destination.Stage, b arrow.RecordBatch) {
	c.Helper()
	defer b.Release()
	if err := s.Write(c.Context(), b); err != nil {
		c.Fatalf("write: %v", err)
	}
}

func (c *check) ok(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *check) fails(err error) {
	c.Helper()
	if err == nil {
		c.Fatal("no error")
	}
}

// load does a whole load of one batch.
func (c *check) load(s destination.Spec, b arrow.RecordBatch) destination.Result {
	c.Helper()
	l := c.begin(s)
	st := c.stage(l)
	c.write(st, b)
	c.ok(st.Close(c.Context()))
	return c.commit(l)
}

func (c *check) commit(l destination.Load) destination.Result {
	c.Helper()
	r, err := l.Commit(c.Context(), nil)
	if err != nil {
		c.Fatalf("commit: %v", err)
	}
	c.ok(l.Abort(c.Context())) // does nothing after a commit
	return r
}

// has compares the table with want.
func (c *check) has(columns []string, want ...[]any) {
	c.Helper()
	got, rows := c.s.Rows(c.T, c.d, c.table)
	if diff := cmp.Diff(columns, got); diff != "" {
		c.Errorf("columns: %s", diff)
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		c.Errorf("rows: %s", diff)
	}
}

func (c *check) tables(want ...string) {
	c.Helper()
	got := c.s.Tables(c.T, c.d)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		c.Errorf("tables %q, want %q", got, want)
	}
}

var peopleColumns = []string{"id", "first_name", "age"}

func cancelled(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}
