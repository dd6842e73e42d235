package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
	"sluice/source"
)

func exampleReport() pipeline.Report {
	return pipeline.Report{
		Run: "abc", SourceTable: "Account", DestTable: "public.account", API: "bulk", Reason: "20,000 rows",
		Asked: "merge", Strategy: "replace", RowsRead: 20000, RowsWritten: 20000, Bytes: 24_134_567, Calls: 14,
		LimitUsed: 114, LimitMax: 100_000, Retries: 1, PartsReused: 2, RowsReused: 4000, RowsRefreshed: 7, Refreshed: []string{"Score__c"}, SchemaChanges: []string{"added column billing_city (VARCHAR)"},
		Took: map[pipeline.Phase]time.Duration{
			pipeline.Connect: 12 * time.Millisecond, pipeline.Plan: 150 * time.Millisecond,
			pipeline.Wait: 65 * time.Second, pipeline.Copy: 2300 * time.Millisecond, pipeline.Commit: 90 * time.Millisecond,
		},
		Warnings: []string{"field Photo is left out: binary"},
	}
}

func TestSummary(t *testing.T) {
	var b bytes.Buffer
	if err := printSummary(&b, exampleReport()); err != nil {
		t.Fatal(err)
	}
	want := `Account -> public.account: 20,000 rows in 1 min 7 s
  table     replaced
  read by   Bulk API 2.0 (20,000 rows)
  received  24.1 MB in 14 API calls; 99,886 of 100,000 left in the org today
  time      connect 12 ms, plan 0.1 s, wait 1 min 5 s, copy 2.3 s, commit 90 ms
  resumed   2 pages with 4,000 rows were there from an earlier run
  refreshed 7 rows differed in Score__c
  retries   1 part broke off and came whole when read again
  schema    added column billing_city (VARCHAR)
  warning   field Photo is left out: binary
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}

func TestJSONTellsEverything(t *testing.T) {
	var b bytes.Buffer
	p := &program{Env: Env{Stdout: &b, Version: "v1"}}
	err := &source.Error{Op: "poll", Kind: source.TryLater, Err: errors.New("HTTP 503 <html>"), Mend: "try later"}
	if err := p.printJSON([]pipeline.Report{exampleReport(), {SourceTable: "lead", RowsRead: 1, Calls: 2}}, []error{nil, err}, err); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	tables := got["tables"].([]any)
	delete(got, "tables")
	seconds := map[string]any{"connect": 0.012, "plan": 0.15, "wait": 65.0, "copy": 2.3, "commit": 0.09, "total": 67.552}
	want := map[string]any{
		"rows_read": 20001.0, "rows_written": 20000.0, "rows_deleted": 0.0, "bytes": 24134567.0,
		"api_calls": 16.0, "api_limit_remaining": 99886.0, "seconds": seconds,
		"warnings":  []any{"field Photo is left out: binary"},
		"error":     map[string]any{"message": "poll: HTTP 503 <html>", "hint": "try later"},
		"exit_code": 75.0, "version": "v1",
	}
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-6 })
	if diff := cmp.Diff(want, got, near); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	first := map[string]any{
		"source_table": "Account", "dest_table": "public.account", "api": "bulk", "api_reason": "20,000 rows",
		"strategy_asked": "merge", "strategy": "replace", "created": false, "part_retries": 1.0, "run": "abc",
		"schema_changes": []any{"added column billing_city (VARCHAR)"},
		"rows_read":      20000.0, "rows_written": 20000.0, "rows_deleted": 0.0, "bytes": 24134567.0,
		"parts_reused": 2.0, "rows_reused": 4000.0, "rows_refreshed": 7.0,
		"api_calls": 14.0, "api_limit_remaining": 99886.0, "cursor_before": nil, "cursor_after": nil,
		"seconds": seconds, "warnings": []any{"field Photo is left out: binary"}, "error": nil,
	}
	if diff := cmp.Diff(first, tables[0], near); diff != "" {
		t.Errorf("first table (-want +got):\n%s", diff)
	}
	if second := tables[1].(map[string]any); second["api_limit_remaining"] != nil || second["warnings"] == nil {
		t.Errorf("an org that tells no limit gives %v; no warnings are %v, want []", second["api_limit_remaining"], second["warnings"])
	} else if diff := cmp.Diff(want["error"], second["error"]); diff != "" {
		t.Errorf("error of the table that failed (-want +got):\n%s", diff)
	}
}

func TestNumbersReadWell(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{count(0), "0"},
		{count(999), "999"},
		{count(1000), "1,000"},
		{count(1234567), "1,234,567"},
		{count(-1234), "-1,234"},
		{plural(1, "row"), "1 row"},
		{plural(0, "row"), "0 rows"},
		{size(999), "999 B"},
		{size(1000), "1.0 kB"},
		{size(12_345_678), "12.3 MB"},
		{size(1_500_000_000), "1.50 GB"},
		{duration(0), "0 ms"},
		{duration(99 * time.Millisecond), "99 ms"},
		{duration(59 * time.Second), "59.0 s"},
		{duration(61 * time.Second), "1 min 1 s"},
		{duration(2*time.Hour + 3*time.Minute), "2 h 3 min"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestAResultThatCannotBePrintedIsAnError(t *testing.T) {
	p := &program{Env: Env{Stdout: closed{}}}
	if err := p.printJSON(nil, nil, nil); err == nil {
		t.Error("a script would take the missing answer for success")
	}
	if err := printSummary(closed{}, exampleReport()); err == nil {
		t.Error("the missing summary went unnoticed")
	}
}

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }
