package cli

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
)

// exampleOutcome is a run in which everything that can become of a table does.
func exampleOutcome() outcome {
	second := exampleReport()
	second.SourceTable, second.DestTable, second.Created, second.Warnings, second.SchemaChanges = "My__Community_Group__c", "public.my__community_group__c", true, nil, nil
	second.RowsDeleted = 12
	none := pipeline.Report{SourceTable: "Lead", DestTable: "public.lead", Strategy: "merge", API: "rest", Calls: 4, Took: map[pipeline.Phase]time.Duration{pipeline.Plan: time.Second}}
	started := time.Date(2026, 3, 1, 2, 15, 0, 0, time.UTC)
	return outcome{
		command: "ingest", from: "login.salesforce.com", to: "duckdb:///crm.db", started: started, ended: started.Add(68 * time.Second),
		jobs:     make([]pipeline.Job, 5),
		reports:  []pipeline.Report{exampleReport(), second, none, {SourceTable: "nosuch"}, {SourceTable: "Task"}},
		failures: []error{nil, nil, nil, errors.New("describe nosuch: the org has <b>no</b> such object, or hides it from this user"), errStopped},
		err:      &someError{failed: []string{"nosuch", "Task"}, tables: 5, code: exitSome},
	}
}

func TestResultsFitTheTerminal(t *testing.T) {
	for width, want := range map[int]string{
		80: `
TABLE                   WRITTEN  DELETED       TIME  CALLS  OUTCOME
Account                  20,000        0  1 min 7 s     14  ok, 1 schema change…
My__Community_Group__c   20,000       12  1 min 7 s     14  created
Lead                          0        0      1.0 s      4  nothing changed
nosuch                        0        0       0 ms      0  failed: the org has…
Task                          0        0       0 ms      0  not loaded: another…
5 tables                 40,000       12  1 min 8 s     32  3 loaded, 2 not
API calls: 99,886 of 100,000 left in the org today
public.account: added column billing_city (VARCHAR)
warning: Account: field Photo is left out: binary
`,
		160: `
TABLE                   INTO                           MODE     WRITTEN  DELETED  RECEIVED       TIME  CALLS  READ BY       OUTCOME
Account                 public.account                 replace   20,000        0   24.1 MB  1 min 7 s     14  Bulk API 2.0  ok, 1 schema change, 1 warning
My__Community_Group__c  public.my__community_group__c  replace   20,000       12   24.1 MB  1 min 7 s     14  Bulk API 2.0  created
Lead                    public.lead                    merge          0        0       0 B      1.0 s      4  REST API      nothing changed
nosuch                  -                              -              0        0       0 B       0 ms      0  -             failed: the org has <b>no</b> such …
Task                    -                              -              0        0       0 B       0 ms      0  -             not loaded: another table failed
5 tables                                                         40,000       12   48.3 MB  1 min 8 s     32                3 loaded, 2 not
API calls: 99,886 of 100,000 left in the org today
public.account: added column billing_city (VARCHAR)
warning: Account: field Photo is left out: binary
`,
	} {
		var b bytes.Buffer
		if err := printResults(&b, exampleOutcome(), width, paint{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), b.String()); diff != "" {
			t.Errorf("%d columns (-want +got):\n%s", width, diff)
		}
	}
	for width := 72; width < 220; width++ {
		var b bytes.Buffer
		if err := printResults(&b, exampleOutcome(), width, paint{}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(b.String(), "\n") {
			if n := utf8.RuneCountInString(line); n > width {
				t.Errorf("%d columns: %d are written: %q", width, n, line)
			}
		}
	}
	if err := printResults(closed{}, exampleOutcome(), 80, paint{}); err == nil {
		t.Error("the missing table went unnoticed")
	}
}

func TestAWarningOfSeveralTablesIsToldOnce(t *testing.T) {
	about := func(table string, texts ...string) pipeline.Report {
		return pipeline.Report{SourceTable: table, Warnings: texts}
	}
	some := []pipeline.Report{about("Account", "slow", "Account is odd"), about("Contact"), about("Lead", "late", "slow"), about("Task", "slow")}
	all := append(some[:1:1], about("Contact", "slow"), about("Lead", "slow"), about("Task", "slow"))
	for want, reports := range map[string][]pipeline.Report{
		"Account, Lead, Task: slow\nAccount is odd\nLead: late\n": some,
		"all 4 tables: slow\nAccount is odd\n":                    all,
		"Account: slow\nAccount is odd\n":                         some[:1],
	} {
		var b strings.Builder
		for _, n := range warnings(reports) {
			fmt.Fprintln(&b, n)
		}
		if got := b.String(); got != want {
			t.Errorf("%q is told, want %q", got, want)
		}
	}
}

func TestColoursAreThoseOfTheOutcomeAlone(t *testing.T) {
	var plain, coloured bytes.Buffer
	for b, c := range map[*bytes.Buffer]paint{&plain: {}, &coloured: {true}} {
		if err := printResults(b, exampleOutcome(), 160, c); err != nil {
			t.Fatal(err)
		}
	}
	text := coloured.String()
	for _, part := range []string{"\x1b[31mfailed: ", "\x1b[32mcreated\x1b[0m\n", "\x1b[2mnothing changed\x1b[0m\n", "\x1b[1m3 loaded, 2 not\x1b[0m\n", "\x1b[33mwarning:\x1b[0m Account"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %q", part, text)
		}
	}
	for _, code := range []string{bold, dim, red, green, yellow, "0"} {
		text = strings.ReplaceAll(text, "\x1b["+code+"m", "")
	}
	if text != plain.String() {
		t.Errorf("colours change the text: %q", text)
	}
	for value, want := range map[string]bool{"": true, "1": false, "0": false} {
		p := &program{Env: Env{Getenv: func(string) string { return value }}}
		if got := p.paint().on; got != want {
			t.Errorf("NO_COLOR=%q: colours %v", value, got)
		}
	}
}

func TestTheTotalOfALog(t *testing.T) {
	if got, want := totalLine(exampleOutcome()), "5 tables, 3 loaded, 2 not: 40,000 rows in 1 min 8 s, 32 API calls"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
