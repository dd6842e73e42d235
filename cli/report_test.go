package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
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

func TestProgressLines(t *testing.T) {
	start := time.Now()
	m := newMeter(start)
	usage := func(bytes, calls int64) source.Usage { return source.Usage{Bytes: bytes, Calls: calls} }
	for _, tt := range []struct {
		at   time.Duration
		s    pipeline.Snapshot
		want string
	}{
		{0, pipeline.Snapshot{Phase: pipeline.Connect, Expected: -1}, "logging in, 0 ms"},
		{time.Second, pipeline.Snapshot{Phase: pipeline.Plan, Expected: -1, Usage: usage(0, 3)}, "planning, 0 ms, 3 API calls"},
		{2 * time.Second, pipeline.Snapshot{Phase: pipeline.Wait, Doing: "waiting for Bulk job 750", Expected: -1, Usage: usage(0, 4)}, "waiting for Bulk job 750, 0 ms, 4 API calls"},
		{14 * time.Second, pipeline.Snapshot{Phase: pipeline.Wait, Doing: "waiting for Bulk job 750", Expected: -1, Usage: usage(0, 9)}, "waiting for Bulk job 750, 12.0 s, 9 API calls"},
		{20 * time.Second, pipeline.Snapshot{Phase: pipeline.Copy, Rows: 0, Expected: 40000, Usage: usage(1000, 10)}, "0 of 40,000 rows (0%), 10 API calls"},
		{30 * time.Second, pipeline.Snapshot{Phase: pipeline.Copy, Rows: 10000, Expected: 40000, Usage: usage(20_001_000, 12)}, "10,000 of 40,000 rows (25%), 1,000 rows/s, 2.0 MB/s, 12 API calls"},
		{31 * time.Second, pipeline.Snapshot{Phase: pipeline.Commit, Rows: 40000, Expected: 40000}, "committing 40,000 rows, 0 ms"},
	} {
		if got := m.line(tt.s, start.Add(tt.at)); got != tt.want {
			t.Errorf("after %s:\n got %q\nwant %q", tt.at, got, tt.want)
		}
	}
}

func TestTheLiveLineNeverWrapsNorMixesWithTheLog(t *testing.T) {
	var b bytes.Buffer
	l := &liveLine{out: &b, width: func() int { return 10 }}
	l.set("0123456789abc")
	if _, err := l.Write([]byte("a log line\n")); err != nil {
		t.Fatal(err)
	}
	want := clearLine + "01234567…" + clearLine + "a log line\n01234567…"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("terminal (-want +got):\n%s", diff)
	}
}

func TestDisplayStopsWhenTheRunDoes(t *testing.T) {
	var b bytes.Buffer
	d := display{out: &b, every: time.Millisecond}
	stop := d.start(t.Context(), "account", new(pipeline.Progress))
	stop()
	before := b.Len()
	if text := b.String(); strings.Contains(text, "interrupted") || b.Len() != before {
		t.Errorf("printed %q", text)
	}
}
