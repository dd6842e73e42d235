package postgres

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/destination"
)

// TestSQL compares what is sent for each way of publishing with the golden
// file. UPDATE=1 rewrites it.
func TestSQL(t *testing.T) {
	columns := []column{
		{field: "Id", name: "id", kind: text, target: text, notNull: true, collation: `"C"`},
		{field: "Odd", name: `o"dd`, kind: bigint, target: bigint},
		{field: "Amount", name: "amount", kind: float, target: "numeric(18,2)"},
		{field: "IsDeleted", name: "is_deleted", kind: boolean, target: boolean},
		{field: "SystemModstamp", name: "system_modstamp", kind: timestamp, target: timestamp},
	}
	table := destination.TableName{Schema: "public", Table: `my "account"`}
	staging := stagingName(destination.TableName{Schema: "public", Table: "account"}, "run1")
	var b strings.Builder
	section := func(name string, statements ...string) {
		b.WriteString("-- " + name + "\n" + strings.Join(statements, ";\n") + ";\n\n")
	}
	section("transactions", begin, beginReading, lockTimeout(time.Second), beginCommit)
	section("catalog", selectSchema, selectRelation, selectColumns, selectReferrers, selectReferred, selectPinned, selectStaging, selectReplicated, selectServer, selectHolder)
	section("locks", lockName(-1), tryLockName, shareLockName(1), tryLockTable, unlockTable, unlockAll, isFree)
	section("states", hasStates, createStates, selectState, lockStates, lockState, selectStates, deleteState, updateState, insertState)
	section("stage", createSchema("public"), createStaging(staging, columns, false), comment(staging, `it's a \ label`), createParts(beside(staging, partsSuffix), true), identifyRows(staging),
		copyIn(staging, columns), insertPart(beside(staging, partsSuffix)))
	section("keys", keepTable(staging), createStaging(beside(staging, goneSuffix), columns[:1], false))
	section("go on", selectParts(beside(staging, partsSuffix)), newestRow(staging, "system_modstamp"))
	section("misfits", misfits(staging, columns[2], []string{"id", `o"dd`}), misfits(staging, columns[2], nil), nulls(staging, columns[1], []string{"id"}),
		castable(staging, columns[2]), rowAt(staging, columns[2], []string{"id"}), lastBlock(staging))
	march := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	section("add up", selectTotals(table, destination.Outline{}),
		selectTotals(table, destination.Outline{Clock: `o"dd`, Bounds: []time.Time{march, march.AddDate(0, 1, 0)}, Cursor: "system_modstamp", Sums: []string{"amount"}, Deleted: "is_deleted"}))
	section("read", selectTexts(table, destination.Selection{Columns: []string{"id"}}),
		selectTexts(table, destination.Selection{
			Columns: []string{"id", `o"dd`}, Clock: "created_date", Key: "id", Keys: []string{"it's", "1"},
			Spans: []destination.Span{{To: march}, {From: march, To: march.AddDate(0, 1, 0)}, {From: march}, {}},
		}))
	whole := plan{columns: columns, key: []string{"id"}, cursor: "system_modstamp", deleted: "is_deleted"}
	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, p := range []struct {
		name  string
		way   way
		spec  destination.Spec
		keeps bool
		more  func(*plan)
	}{
		{"create", create, destination.Spec{Mode: destination.Merge}, false, nil},
		{"fill", fill, destination.Spec{Mode: destination.Replace}, false, func(p *plan) { p.key = nil }},
		{"replace by key", match, destination.Spec{Mode: destination.Replace}, false, func(p *plan) {
			p.vanished, p.added, p.widened = []string{"gone"}, columns[1:2], columns[2:3]
		}},
		{"merge", match, destination.Spec{Mode: destination.Merge}, true, nil},
		{"window by key", match, destination.Spec{Mode: destination.DeleteInsert, From: noon, To: noon.Add(time.Hour)}, false, nil},
		{"window", window, destination.Spec{Mode: destination.DeleteInsert, From: noon}, false, func(p *plan) { p.key = nil }},
		{"append", add, destination.Spec{Mode: destination.Append}, true, nil},
		{"update", update, destination.Spec{Mode: destination.Update}, false, nil},
	} {
		plan := whole
		plan.way, plan.spec = p.way, p.spec
		plan.spec.Table = table
		if p.more != nil {
			p.more(&plan)
		}
		list := []string{countStaged(staging, &plan), plan.lockTable()}
		for _, s := range plan.steps(staging, p.keeps) {
			list = append(list, reasons[s.when]+s.sql)
		}
		section(p.name, list...)
	}
	const golden = "testdata/statements.sql"
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Error(diff)
	}
}

// reasons tell in the golden file when a step is needed.
var reasons = map[need]string{
	older: "/* older */ ", dead: "/* dead */ ", doubles: "/* doubles */ ", differing: "/* differing */ ", missing: "/* missing */ ", erased: "/* erased */ ",
}

func TestStagingNamesFitAndStayApart(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range []string{"account", strings.Repeat("é", 31), strings.Repeat("long", 15), strings.Repeat("long", 15) + "x"} {
		staging := stagingName(destination.TableName{Schema: "public", Table: name}, "abcdefghij")
		if longest := beside(staging, partsSuffix).Table; len(longest) > maxName || seen[staging.Table] {
			t.Errorf("%s is staged in %s", name, longest)
		}
		seen[staging.Table] = true
	}
}

func TestColumnTypesThatMeet(t *testing.T) {
	for _, tt := range []struct {
		have, want, target string
		mode               destination.Mode
	}{
		{text, float, text, destination.Replace},
		{float, text, text, destination.Replace},
		{"integer", bigint, bigint, destination.Append},
		{float, bigint, float, destination.Append},
		{bigint, float, float, destination.Replace},
		{bigint, float, "", destination.Append},
		{"integer", float, float, destination.Append},
		{"numeric(18,2)", float, "numeric(18,2)", destination.Append},
		{"numeric(6,2)", "numeric(18,4)", "numeric(18,4)", destination.Append},
		{"numeric(18,0)", "numeric(18,18)", "numeric(36,18)", destination.Append},
		{"numeric", "numeric(18,18)", "numeric", destination.Append},
		{bigint, "numeric(18,2)", "numeric(21,2)", destination.Append},
		{"timestamp without time zone", timestamp, "timestamp without time zone", destination.Append},
		{date, timestamp, "", destination.Replace},
		{bytea, text, "", destination.Replace},
		{"integer[]", text, "", destination.Replace},
		{text, bytea, "", destination.Replace},
		{boolean, bigint, "", destination.Replace},
		{"time with time zone", clock, "", destination.Replace},
		{"time(0) without time zone", clock, "time(0) without time zone", destination.Replace},
	} {
		got, ok := target(existing{kind: tt.have, declared: tt.have}, tt.want, tt.mode)
		if got != tt.target && ok || ok != (tt.target != "") {
			t.Errorf("%s into a column of %s, %s: %q %v, want %q", tt.want, tt.have, tt.mode, got, ok, tt.target)
		}
	}
}
