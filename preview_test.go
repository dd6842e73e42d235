package main

import (
	"encoding/json"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/source/salesforce/fakeorg"
)

// TestAPlanLeavesWhatARunThatDiedHasStaged asks for a plan between a kill and
// the run that goes on (P9).
func TestAPlanLeavesWhatARunThatDiedHasStaged(t *testing.T) {
	s := tenPages(t)
	flags := []string{"api=bulk", "--extract-parallelism", "1"}
	s.stopAt(7, syscall.SIGKILL, flags...)
	s.run(0, append(slices.Clone(flags), "--plan")...)
	if got := s.loads(flags...); got.PartsReused != 6 {
		t.Errorf("%+v", got)
	}
	s.exact()
}

// TestAPlanTellsTheDDLThatARunCarriesOut compares the columns that a plan names
// with those that the table has afterwards, on both destinations.
func TestAPlanTellsTheDDLThatARunCarriesOut(t *testing.T) {
	for name, open := range ends {
		t.Run(name, func(t *testing.T) {
			e := open(t)
			org := fakeorg.New(fakeorg.Config{Rows: map[string]int{small: 50}})
			signIn, stop := org.Start()
			t.Cleanup(stop)
			args := []string{
				"ingest", "--source-uri", signIns(org, signIn)["token"], "--source-table", small, "--dest-uri", e.address(), "--dest-table", "t",
				"--json", "--progress", "none",
			}
			plan := func() string {
				t.Helper()
				got := hurry(t, append(slices.Clone(args), "--plan")...)
				var p struct {
					Tables []struct{ DDL []string }
				}
				if err := json.Unmarshal([]byte(got.stdout), &p); err != nil || got.Code != 0 {
					t.Fatalf("%v: %s%s", err, got.stdout, got.stderr)
				}
				return strings.Join(p.Tables[0].DDL, "\n")
			}
			for _, change := range []func(){func() {}, func() { org.AddField(small, "Nickname__c str:80") }} {
				change()
				before, ddl := e.digest(t), plan()
				if e.digest(t) != before {
					t.Fatal("the plan changed the database")
				}
				had := map[string]any{}
				if before != "" {
					had = anyRow(e.rows(t, "t"))
				}
				if got := hurry(t, args...); got.Code != 0 {
					t.Fatal(got.stdout)
				}
				for column := range anyRow(e.rows(t, "t")) {
					if _, old := had[column]; strings.Contains(ddl, `"`+column+`"`) == old {
						t.Errorf("column %s: old %t, and the DDL was\n%s", column, old, ddl)
					}
				}
				if ddl := plan(); ddl != "" {
					t.Errorf("after the run there is still to do\n%s", ddl)
				}
			}
		})
	}
}

func anyRow(rows map[string]map[string]any) map[string]any {
	for _, row := range rows {
		return row
	}
	return nil
}

// TestAPlanCountsTheCallsOfEveryReading compares what a plan says with what the
// same command then takes: all that is read beside the changed rows, by other
// conditions, and for several tables.
func TestAPlanCountsTheCallsOfEveryReading(t *testing.T) {
	for name, tt := range map[string]struct {
		tables string
		always []string // flags of all runs
		flags  []string // flags of the last
		passes int
	}{
		"changes":            {"contact", nil, nil, 0},
		"reconcile":          {"contact", nil, []string{"--reconcile"}, 1},
		"formulas":           {"account", nil, []string{"--refresh-formulas"}, 1},
		"new columns":        {"contact", nil, []string{"--backfill-new-columns"}, 1},
		"both":               {"contact", nil, []string{"--reconcile", "--backfill-new-columns"}, 2},
		"a condition":        {"contact", []string{"--where", "LastName != null"}, nil, 1},
		"a new condition":    {"contact", nil, []string{"--where", "LastName != null"}, 0},
		"a limit":            {"contact", nil, []string{"--sql-limit", "150", "--incremental-strategy", "replace"}, 0},
		"several":            {"contact,account,opportunity", nil, nil, 0},
		"several, reconcile": {"contact,account", nil, []string{"--reconcile"}, 1},
	} {
		for _, api := range []string{"rest", "bulk"} {
			if api == "bulk" && tt.passes != 2 && name != "a condition" {
				continue // the passes are the same
			}
			t.Run(name+" "+api, func(t *testing.T) {
				e := ends["duckdb"](t)
				org := fakeorg.New(fakeorg.Config{Rows: map[string]int{"Account": 300, "Contact": 900, "Opportunity": 300}, Knobs: fakeorg.Knobs{BulkPageSize: 300}})
				signIn, stop := org.Start()
				t.Cleanup(stop)
				run := append([]string{
					"ingest", "--source-uri", signIns(org, signIn)["token"] + "&api=" + api, "--source-table", tt.tables, "--dest-uri", e.address(), "--json", "--progress", "none", "--incremental-strategy", "merge",
				}, tt.always...)
				if got := hurry(t, run...); got.Code != 0 {
					t.Fatal(got.stdout)
				}
				n := 0
				for row := range org.Rows("Contact") {
					if n++; n > 20 {
						break
					}
					org.Update("Contact", row.ID(), fakeorg.Values{"LastName": "Changed"})
				}
				org.Advance(time.Hour)
				org.AddField("Contact", "Nickname__c str:80")
				if slices.Contains(tt.flags, "--incremental-strategy") {
					run = run[:len(run)-2]
				}
				run = append(run, tt.flags...)
				var plan, done struct {
					Tables []struct {
						SourceTable string `json:"source_table"`
						Estimated   int    `json:"estimated_calls"`
						Calls       int    `json:"api_calls"`
						Passes      []struct{ Why, SOQL string }
					}
				}
				for _, of := range []struct {
					args []string
					to   any
				}{{append(slices.Clone(run), "--plan"), &plan}, {run, &done}} {
					got := hurry(t, of.args...)
					if err := json.Unmarshal([]byte(got.stdout), of.to); err != nil || got.Code != 0 {
						t.Fatalf("%v: %s%s", err, got.stdout, got.stderr)
					}
				}
				if len(plan.Tables) != len(done.Tables) || len(done.Tables) == 0 {
					t.Fatalf("%d tables planned, %d loaded", len(plan.Tables), len(done.Tables))
				}
				for i, p := range plan.Tables {
					d := done.Tables[i]
					t.Logf("%s: %d calls planned, %d made, %d passes", p.SourceTable, p.Estimated, d.Calls, len(p.Passes))
					slack := 0
					if api == "bulk" { // a job is looked at once or twice, and its pages are listed or not
						slack = 2 * (1 + tt.passes)
					}
					if p.SourceTable != d.SourceTable || p.Estimated > d.Calls+slack || d.Calls > p.Estimated+slack {
						t.Errorf("%s: %d calls planned, %d made", p.SourceTable, p.Estimated, d.Calls)
					}
					if len(p.Passes) != tt.passes {
						t.Errorf("%s: passes %v, want %d", p.SourceTable, p.Passes, tt.passes)
					}
				}
			})
		}
	}
}
