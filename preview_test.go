package main

import (
	"encoding/json"
	"slices"
	"strings"
	"syscall"
	"testing"

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
