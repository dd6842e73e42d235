package duckdb

import (
	"database/sql"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/go-cmp/cmp"

	"sluice/destination"
)

// TestSQL compares what is sent for each way of publishing with the golden
// file. UPDATE=1 rewrites it.
func TestSQL(t *testing.T) {
	columns := []column{
		{field: "Id", name: "id", kind: "VARCHAR", target: "VARCHAR", notNull: true},
		{field: "Odd", name: `o"dd`, kind: "BIGINT", target: "BIGINT"},
		{field: "Amount", name: "amount", kind: "DOUBLE", target: "DECIMAL(18,2)"},
	}
	table := destination.TableName{Schema: "public", Table: `my "account"`}
	staging := destination.TableName{Schema: "public", Table: stagingPrefix + "account_run1"}
	old := tableState{comment: "it's ours", indexes: []index{{sql: "CREATE INDEX i ON public.account(id);"}}}
	key := []string{"id", `o"dd`}
	var b strings.Builder
	section := func(name string, statements ...string) {
		b.WriteString("-- " + name + "\n" + strings.Join(statements, ";\n") + ";\n\n")
	}
	section("open", append(settings(defaultMemory, 0), tempDirectory("/data/it's.db.sluice.tmp"), attach("/data/it's.db", "it's", false, false, blockBytes))...)
	section("open a new file", attach("/data/it's.db", "it's", false, true, blockBytes))
	section("open to look", attach("/data/it's.db", "it's", true, false, blockBytes))
	section("stage", createSchema("crm", "public"), createTable("crm", staging, columns), insertView("crm", staging, columns, "v1"), dropView("v1"))
	parts := beside(staging, partsSuffix)
	section("go on", createParts("crm", parts), insertPart("crm", parts), selectParts("crm", parts), selectBegun("crm", parts), selectNewest("crm", staging, "system_modstamp"))
	section("sift", hasDoubles("crm", staging, key), dropOlder("crm", staging, key, "system_modstamp"), dropKnown("crm", table, staging, key, "system_modstamp"), dropDead("crm", staging, "is_deleted"))
	section("states", createStates("crm"), selectState("crm"), selectStates("crm"), deleteState("crm"), insertState("crm"))
	section("count", countRows("crm", staging), countGone("crm", table, staging, []string{"id"}))
	section("misfits", misfits("crm", staging, columns[2], []string{"id", `o"dd`}), misfits("crm", staging, columns[2], nil))
	march := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	section("add up", selectTotals("crm", table, destination.Outline{}),
		selectTotals("crm", table, destination.Outline{Clock: `o"dd`, Bounds: []time.Time{march, march.AddDate(0, 1, 0)}, Cursor: "system_modstamp", Sums: []string{"amount"}, Deleted: "is_deleted"}))
	section("read", selectTexts("crm", table, destination.Selection{Columns: []string{"id"}}),
		selectTexts("crm", table, destination.Selection{
			Columns: []string{"id", `o"dd`}, Clock: "created_date", Key: "id", Keys: []string{"it's", "1"},
			Spans: []destination.Span{{To: march}, {From: march, To: march.AddDate(0, 1, 0)}, {From: march}, {}},
		}))
	section("write Parquet", copyParquet("it's.parquet", arrow.NewSchema([]arrow.Field{{Name: "Id", Type: arrow.BinaryTypes.String}, {Name: `o"dd`, Type: arrow.BinaryTypes.String}}, nil)))
	for _, p := range []struct {
		name  string
		plan  plan
		keeps bool
	}{
		{name: "create", plan: plan{way: swap, created: true}},
		{name: "swap", plan: plan{way: swap}},
		{name: "fill", plan: plan{way: fill, columns: columns, added: columns[1:2], widened: columns[2:]}},
		{name: "add", plan: plan{way: add, columns: columns}},
		{name: "upsert", plan: plan{way: upsert, columns: columns, conflict: []string{"id"}, vanished: []string{"gone"}}},
		{name: "upsert of keys", plan: plan{way: upsert, columns: columns[:1], conflict: []string{"id"}}},
		{name: "merge", plan: plan{way: merge, columns: columns, key: key, deleted: "is_deleted"}},
		{name: "merge with the keys of all rows", plan: plan{way: merge, columns: columns, key: key}, keeps: true},
		{name: "merge where foreign keys point at", plan: plan{way: mergeUpsert, columns: columns, key: key, conflict: key}},
		{name: "delete+insert", plan: plan{way: window, columns: columns, cursor: "system_modstamp", spec: destination.Spec{From: time.Unix(0, 0)}}},
		{name: "update", plan: plan{way: update, columns: columns, key: key}},
	} {
		if !p.plan.created {
			p.plan.old = old
		}
		section(p.name, texts(p.plan.statements("crm", table, staging, p.keeps))...)
	}
	const golden = "testdata/statements.sql"
	if os.Getenv("UPDATE") != "" {
		must(t, os.WriteFile(golden, []byte(b.String()), 0o600))
	}
	want, err := os.ReadFile(golden)
	must(t, err)
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Error(diff)
	}
}

func texts(steps []step) []string {
	list := make([]string, len(steps))
	for i, s := range steps {
		list[i] = s.sql
	}
	return list
}

// FuzzQuote sends any name and any text through DuckDB and back.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{`a"b`, `it's`, "select", "--", "😀", `\`, "a;b", "\x01", "a.b"} {
		f.Add(s)
	}
	db, err := sql.Open("duckdb", "")
	must(f, err)
	f.Cleanup(func() { _ = db.Close() })
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\x00", "")
		if s == "" {
			return
		}
		var text, column string
		must(t, db.QueryRow("SELECT "+literal(s)).Scan(&text))
		rows, err := db.Query("SELECT 1 AS " + quote(s))
		must(t, err)
		defer rows.Close()
		columns, err := rows.Columns()
		must(t, errors.Join(err, rows.Err()))
		column = columns[0]
		if text != s || column != s {
			t.Errorf("%q came back as %q and %q", s, text, column)
		}
	})
}

func TestColumnTypesThatMeet(t *testing.T) {
	for _, tt := range []struct {
		have, want, target string
		mode               destination.Mode
	}{
		{"VARCHAR", "DOUBLE", "VARCHAR", destination.Replace},
		{"DOUBLE", "VARCHAR", "VARCHAR", destination.Replace},
		{"ENUM('a', 'b')", "VARCHAR", "ENUM('a', 'b')", destination.Replace},
		{"INTEGER", "BIGINT", "BIGINT", destination.Append},
		{"DOUBLE", "BIGINT", "DOUBLE", destination.Append},
		{"BIGINT", "DOUBLE", "DOUBLE", destination.Replace},
		{"BIGINT", "DOUBLE", "", destination.Append},
		{"INTEGER", "DOUBLE", "DOUBLE", destination.Append},
		{"DECIMAL(18,2)", "DOUBLE", "DECIMAL(18,2)", destination.Append},
		{"DECIMAL(6,2)", "DECIMAL(18,4)", "DECIMAL(18,4)", destination.Append},
		{"DECIMAL(18,0)", "DECIMAL(18,18)", "DECIMAL(36,18)", destination.Append},
		{"DECIMAL(38,0)", "DECIMAL(18,18)", "", destination.Append},
		{"TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP", destination.Append},
		{"DATE", "TIMESTAMP WITH TIME ZONE", "", destination.Replace},
		{"BLOB", "VARCHAR", "", destination.Replace},
		{"INTEGER[]", "VARCHAR", "", destination.Replace},
		{"VARCHAR", "BLOB", "", destination.Replace},
		{"BOOLEAN", "BIGINT", "", destination.Replace},
	} {
		got, ok := target(tt.have, tt.want, tt.mode)
		if got != tt.target && ok || ok != (tt.target != "") {
			t.Errorf("%s into a column of %s, %s: %q %v, want %q", tt.want, tt.have, tt.mode, got, ok, tt.target)
		}
	}
}
