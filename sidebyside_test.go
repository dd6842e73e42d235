package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/source/salesforce/fakeorg"
)

// TestTablesSideBySideKeepWithinWhatAnOrgAnswers: production orgs run 25 long
// requests at a time and refuse the next. The org holds back all answers with
// rows until as many are asked for as may be, and a little longer, so that one
// too many would show.
func TestTablesSideBySideKeepWithinWhatAnOrgAnswers(t *testing.T) {
	objects := []string{"Account", "Contact", "Lead", "Opportunity", "OpportunityContactRole", "OpportunityLineItem", "Campaign", "CampaignMember", "Task", "Event", "Product2", "User", "UserRole"}
	for _, tt := range []struct {
		parallelism    int
		tables, atOnce int
	}{{1, 12, 12}, {2, 12, 24}, {3, 12, 25}, {25, 12, 25}} {
		t.Run(fmt.Sprintf("%d parts of a table", tt.parallelism), func(t *testing.T) {
			rows := map[string]int{}
			for _, o := range objects {
				rows[o] = 600
			}
			org := fakeorg.New(fakeorg.Config{Rows: rows, Knobs: fakeorg.Knobs{BulkPageSize: 10}})
			signIn, stop := org.Start()
			t.Cleanup(stop)
			full, overdue := make(chan struct{}), time.After(deadline/2)
			open := sync.OnceFunc(func() { close(full) })
			org.Inject(fakeorg.Fault{Method: "GET", Path: "/services/data/*/jobs/query/*/results", Times: -1, Do: func() {
				if org.Underway() >= tt.atOnce {
					time.AfterFunc(200*time.Millisecond, open)
				}
				select {
				case <-full:
				case <-overdue:
					open()
				}
			}})
			got := hurry(t, "ingest", "--source-uri", signIns(org, signIn)["credentials"]+"&api=bulk", "--source-table", strings.Join(objects, ","),
				"--dest-uri", "discard:", "--extract-parallelism", fmt.Sprint(tt.parallelism), "--json")
			if got.Code != 0 || len(got.Tables) != len(objects) {
				t.Fatalf("exit code %d: %s", got.Code, got.stdout)
			}
			peak := org.Peak()
			if peak.ForRows != tt.atOnce {
				t.Errorf("%d requests for rows at once, want %d", peak.ForRows, tt.atOnce)
			}
			if peak.Requests > 25 {
				t.Errorf("%d requests at once", peak.Requests)
			}
			if peak.Jobs > tt.tables {
				t.Errorf("%d Bulk jobs at once, want at most %d", peak.Jobs, tt.tables)
			}
		})
	}
}
