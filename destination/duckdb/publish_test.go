package duckdb

import (
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"sluice/destination"
)

var account = destination.TableName{Schema: "public", Table: "account"}

// TestReplaceKeepsWhatHangsOnTheTable makes a table, hangs something on it,
// replaces its rows and looks at both (P4).
func TestReplaceKeepsWhatHangsOnTheTable(t *testing.T) {
	for _, tt := range []struct {
		name  string
		table string // makes the table; the first load makes it when empty
		hang  []string
		way   way
		look  string
		want  [][]any
	}{
		{name: "nothing", way: swap, look: "SELECT 1", want: [][]any{{int32(1)}}},
		{
			name: "view", way: swap, hang: []string{"CREATE VIEW public.v AS SELECT min(generation) AS g FROM public.account"},
			look: "SELECT g FROM public.v", want: [][]any{{int64(2)}},
		},
		{
			name: "unique index", way: swap, hang: []string{"CREATE UNIQUE INDEX by_id ON public.account (id)"},
			look: "SELECT index_name, is_unique FROM duckdb_indexes()", want: [][]any{{"by_id", true}},
		},
		{
			name: "comments", way: swap, hang: []string{"COMMENT ON TABLE public.account IS 'all'", "COMMENT ON COLUMN public.account.id IS 'key'"},
			look: "SELECT comment FROM duckdb_tables() UNION ALL SELECT comment FROM duckdb_columns() WHERE comment IS NOT NULL AND NOT internal",
			want: [][]any{{"all"}, {"key"}},
		},
		{
			name: "primary key, check, default and a column of the user's", way: fill,
			table: `CREATE TABLE public.account (generation BIGINT CHECK (generation > 0), filler VARCHAR,
				id BIGINT PRIMARY KEY, mark VARCHAR DEFAULT 'new')`,
			look: "SELECT constraint_type FROM duckdb_constraints() WHERE constraint_type <> 'NOT NULL' UNION ALL SELECT DISTINCT mark FROM public.account ORDER BY ALL",
			want: [][]any{{"CHECK"}, {"PRIMARY KEY"}, {"new"}},
		},
		{
			name: "order of columns", way: swap, table: `CREATE TABLE public.account (filler VARCHAR, generation BIGINT, id BIGINT)`,
			look: "SELECT column_name FROM duckdb_columns() WHERE table_name = 'account' ORDER BY column_index",
			want: [][]any{{"filler"}, {"generation"}, {"id"}},
		},
		{
			name: "foreign key", way: upsert,
			table: `CREATE TABLE public.account (id BIGINT PRIMARY KEY, generation BIGINT, filler VARCHAR)`,
			hang:  []string{"CREATE TABLE public.contact (account_id BIGINT REFERENCES public.account (id))", "INSERT INTO public.contact VALUES (7)"},
			look:  "SELECT account_id, generation FROM public.contact JOIN public.account ON id = account_id", want: [][]any{{int64(7), int64(2)}},
		},
		{
			name: "wider column", way: fill, table: `CREATE TABLE public.account (id HUGEINT, generation BIGINT, filler JSON)`,
			look: "SELECT data_type FROM duckdb_columns() WHERE table_name = 'account' ORDER BY column_index", hang: nil,
			want: [][]any{{"HUGEINT"}, {"BIGINT"}, {"JSON"}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := open(t, t.TempDir()+"/crm.db")
			defer d.Close()
			execute(t, d, "CREATE SCHEMA public")
			if tt.table != "" {
				execute(t, d, tt.table)
			}
			batches := func(n int64) arrow.RecordBatch {
				b := generationBatch(n, 0, 10)
				defer b.Release()
				return jsonFiller(b)
			}
			mustLoad(t, d, account, destination.Replace, batches(1))
			for _, s := range tt.hang {
				execute(t, d, s)
			}
			if got := planned(t, d, generation, destination.Replace); got.way != tt.way {
				t.Errorf("way %d, want %d", got.way, tt.way)
			}
			mustLoad(t, d, account, destination.Replace, batches(2))
			if diff := cmp.Diff(tt.want, ask(t, d, tt.look)); diff != "" {
				t.Error(diff)
			}
			want := [][]any{{int64(10), int64(2), int64(2)}}
			if diff := cmp.Diff(want, ask(t, d, "SELECT count(*), min(generation), max(generation) FROM public.account")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// jsonFiller makes the filler a JSON text, so that it fits each of the tables.
func jsonFiller(b arrow.RecordBatch) arrow.RecordBatch {
	f := array.NewStringBuilder(memory.DefaultAllocator)
	defer f.Release()
	for range b.NumRows() {
		f.Append("{}")
	}
	column := f.NewArray()
	defer column.Release()
	return array.NewRecordBatch(b.Schema(), []arrow.Array{b.Column(0), b.Column(1), column}, b.NumRows())
}

func TestRowsThatForeignKeysNeedStay(t *testing.T) {
	d := open(t, t.TempDir()+"/crm.db")
	defer d.Close()
	execute(t, d, "CREATE SCHEMA public")
	execute(t, d, "CREATE TABLE public.account (id BIGINT PRIMARY KEY, generation BIGINT, filler VARCHAR)")
	mustLoad(t, d, account, destination.Replace, generationBatch(1, 0, 10))
	execute(t, d, "CREATE TABLE public.contact (account_id BIGINT REFERENCES public.account (id))")
	execute(t, d, "INSERT INTO public.contact VALUES (7)")
	err := tryLoad(t, d, account, destination.Replace, generationBatch(2, 0, 5))
	if err == nil || !strings.Contains(err.Error(), "foreign key") {
		t.Fatalf("got %v", err)
	}
	want := [][]any{{int64(10), int64(1), int64(1)}}
	if diff := cmp.Diff(want, ask(t, d, "SELECT count(*), min(generation), max(generation) FROM public.account")); diff != "" {
		t.Error(diff)
	}
	if left := staging(t, d); len(left) > 0 {
		t.Errorf("staging is left: %v", left)
	}
}

func TestValueThatAColumnCannotHoldNamesTheRecord(t *testing.T) {
	d := open(t, t.TempDir()+"/crm.db")
	defer d.Close()
	execute(t, d, "CREATE SCHEMA public")
	execute(t, d, "CREATE TABLE public.account (id VARCHAR, amount DECIMAL(6,2))")
	for _, tt := range []struct {
		amount float64
		fits   bool
	}{{12.25, true}, {-9999.99, true}, {12.345, false}, {10000, false}} {
		err := tryLoad(t, d, account, destination.Replace, amounts("001A", tt.amount))
		if tt.fits {
			must(t, err)
			continue
		}
		for _, part := range []string{"001A", "Amount", "amount", "DECIMAL(6,2)"} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%v: got %v, want it to name %s", tt.amount, err, part)
			}
		}
	}
	want := [][]any{{"001A", -9999.99}}
	if diff := cmp.Diff(want, ask(t, d, "SELECT id, CAST(amount AS DOUBLE) FROM public.account")); diff != "" {
		t.Error(diff)
	}
}

func TestNarrowColumnIsWidened(t *testing.T) {
	d := open(t, t.TempDir()+"/crm.db")
	defer d.Close()
	execute(t, d, "CREATE SCHEMA public")
	execute(t, d, "CREATE TABLE public.account (id VARCHAR, amount INTEGER)")
	execute(t, d, "INSERT INTO public.account VALUES ('0', 7)")
	mustLoad(t, d, account, destination.Append, amounts("1", 0.5))
	want := [][]any{{"0", 7.0}, {"1", 0.5}}
	if diff := cmp.Diff(want, ask(t, d, "FROM public.account ORDER BY id")); diff != "" {
		t.Error(diff)
	}
	mustLoad(t, d, account, destination.Replace, amounts("2", 1.5))
	if diff := cmp.Diff([][]any{{"2", 1.5}}, ask(t, d, "FROM public.account")); diff != "" {
		t.Error(diff)
	}
}

func amounts(id string, amount float64) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{
		{Name: "Id", Type: arrow.BinaryTypes.String}, {Name: "Amount", Type: arrow.PrimitiveTypes.Float64},
	}, nil))
	defer b.Release()
	b.Field(0).(*array.StringBuilder).Append(id)
	b.Field(1).(*array.Float64Builder).Append(amount)
	return b.NewRecordBatch()
}

func TestWhatCannotBeIsRefusedAtBegin(t *testing.T) {
	for name, tt := range map[string]struct{ sql, want string }{
		"view":         {"CREATE VIEW public.account AS SELECT 1", "is a view"},
		"type":         {"CREATE TABLE public.account (id DATE)", "column id is DATE"},
		"list":         {"CREATE TABLE public.account (filler INTEGER[])", "column filler is INTEGER[]"},
		"not null":     {"CREATE TABLE public.account (id BIGINT, mine VARCHAR NOT NULL)", "column mine is NOT NULL"},
		"indexed type": {"CREATE TABLE public.account (id BIGINT, generation INTEGER, mine INTEGER); CREATE INDEX i ON public.account (id)", "table with i"},
		"unique index": {"CREATE TABLE public.account (id BIGINT, mine INTEGER); CREATE UNIQUE INDEX i ON public.account (id)", "index i is unique"},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, t.TempDir()+"/crm.db")
			defer d.Close()
			execute(t, d, "CREATE SCHEMA public")
			execute(t, d, tt.sql)
			_, err := d.Begin(t.Context(), spec(account, generation, destination.Replace))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func spec(table destination.TableName, schema *arrow.Schema, mode destination.Mode) destination.Spec {
	return destination.Spec{
		Table: table, Source: "Account", Schema: schema, Key: []string{schema.Field(0).Name}, Mode: mode, Run: "run",
	}
}

func mustLoad(t testing.TB, d *Destination, table destination.TableName, mode destination.Mode, b arrow.RecordBatch) {
	t.Helper()
	must(t, tryLoad(t, d, table, mode, b))
}

// tryLoad loads b, which it releases, and aborts what does not work.
func tryLoad(t testing.TB, d *Destination, table destination.TableName, mode destination.Mode, b arrow.RecordBatch) error {
	t.Helper()
	defer b.Release()
	l, err := d.Begin(t.Context(), spec(table, b.Schema(), mode))
	if err != nil {
		return err
	}
	defer func() { must(t, l.Abort(t.Context())) }()
	s, err := l.Stage(t.Context(), "part")
	if err != nil {
		return err
	}
	if err = s.Write(t.Context(), b); err != nil {
		must(t, s.Abort(t.Context()))
		return err
	}
	if err = s.Close(t.Context()); err != nil {
		return err
	}
	_, err = l.Commit(t.Context(), nil)
	return err
}

func planned(t testing.TB, d *Destination, schema *arrow.Schema, mode destination.Mode) plan {
	t.Helper()
	db, err := d.file.acquire(t.Context(), 1)
	must(t, err)
	defer d.file.release(t.Context(), true, false)
	p, err := d.plan(t.Context(), db, spec(account, schema, mode))
	must(t, err)
	return p
}

// ask is query with the file as the default catalog.
func ask(t testing.TB, d *Destination, text string) [][]any {
	t.Helper()
	db, err := d.file.acquire(t.Context(), 1)
	must(t, err)
	defer d.file.release(t.Context(), true, false)
	_, err = db.ExecContext(t.Context(), "USE "+quote(d.file.name)+".main")
	must(t, err)
	_, rows := query(t, d, text)
	_, err = db.ExecContext(t.Context(), "USE memory.main")
	must(t, err)
	return rows
}
