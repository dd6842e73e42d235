package main

import (
	"database/sql"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/source/salesforce/fakeorg"
)

// The ways in which other tools lost or doubled rows between two runs.

func TestRowsThatAppearLateWithAnOlderStampAreNotLost(t *testing.T) {
	t.Parallel()
	s := newSite(t, fakeorg.Config{Rows: map[string]int{"Account": 100}})
	s.org.Advance(time.Hour)
	s.org.Update("Account", accountIDs(s.org)[0], fakeorg.Values{"Name": "Newest"})
	s.loads()
	s.org.RevealLate("Account", s.org.Now().Add(-5*time.Minute), fakeorg.Values{"Name": "Late"})
	s.org.Advance(time.Minute)
	s.loads()
	s.exact()
}

func TestAFirstRunHasNoStartDate(t *testing.T) {
	t.Parallel()
	s := newSite(t, fakeorg.Config{Rows: map[string]int{"Account": 50}})
	s.org.RevealLate("Account", time.Date(1999, 3, 1, 0, 0, 0, 0, time.UTC), fakeorg.Values{"Name": "Old"})
	s.loads()
	s.exact()
}

// TestRowsOfOneStampAreNotLostAtPageBorders changes many rows in one
// transaction's instant, some before a run and some after it.
func TestRowsOfOneStampAreNotLostAtPageBorders(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"api=rest", "api=bulk"} {
		s := newSite(t, fakeorg.Config{Rows: map[string]int{"Account": 900}, Knobs: fakeorg.Knobs{PageSize: 100, BulkPageSize: 100}})
		s.loads(api)
		s.org.Advance(time.Hour)
		tied := s.org.Now()
		ids := accountIDs(s.org)
		for _, id := range ids[:400] {
			s.org.Update("Account", id, fakeorg.Values{"Name": "Tied"})
		}
		s.loads(api, "--lookback", "0s")
		for range 300 { // committed late, with the stamp that the cursor is at
			s.org.RevealLate("Account", tied, fakeorg.Values{"Name": "Tied, late"})
		}
		s.org.Advance(time.Minute)
		s.loads(api)
		s.exact()
	}
}

func TestACursorThatNoQueryMayFilterOnGivesWay(t *testing.T) {
	t.Parallel()
	s := newSite(t, fakeorg.Config{Rows: map[string]int{"Account": 100}})
	s.org.Unfilter("Account", "SystemModstamp")
	s.loads()
	s.org.Advance(time.Hour)
	s.org.Update("Account", accountIDs(s.org)[0], fakeorg.Values{"Name": "Changed"})
	s.org.Advance(time.Hour)
	if got := s.loads(); got.Strategy != "merge" || got.RowsRead > 50 {
		t.Errorf("%+v", got)
	}
	s.exact()
}

func TestAFieldDroppedAndMadeAgainIsRightInAllRows(t *testing.T) {
	t.Parallel()
	s := newSite(t, fakeorg.Config{Rows: map[string]int{"Account": 100}})
	s.org.AddField("Account", "Motto__c str:80 null=200")
	s.loads()
	s.org.RemoveField("Account", "Motto__c")
	s.org.Advance(time.Hour)
	s.loads()
	s.keepsColumn("motto__c")
	s.org.AddField("Account", "Motto__c str:80 null=200")
	s.org.Advance(time.Hour)
	s.loads("--backfill-new-columns")
	s.exact()
}

// keepsColumn wants a column that the org no longer has.
func (s *site) keepsColumn(column string) {
	s.Helper()
	if n := s.value("SELECT count(*) FROM duckdb_columns() WHERE table_name = 't' AND column_name = '" + column + "'"); n != int64(1) {
		s.Errorf("column %s is gone", column)
	}
}

func TestDeletedErasedAndRestoredRows(t *testing.T) {
	t.Parallel()
	s := newSite(t, fakeorg.Config{Rows: map[string]int{"Account": 100}})
	s.loads()
	ids := accountIDs(s.org)
	step := func(do func()) {
		t.Helper()
		s.org.Advance(time.Hour)
		do()
		s.org.Advance(time.Hour)
		s.loads()
		s.exact()
	}
	step(func() { s.org.Delete("Account", ids[1]) })
	step(func() { s.org.Undelete("Account", ids[1]) })
	step(func() { s.org.Delete("Account", ids[1], ids[2]) })
	step(s.org.EmptyBin)
	step(func() { s.org.Merge("Account", ids[3], ids[4]) })
	step(func() { s.org.HardDelete("Account", ids[5]) })
}

// TestTheClientsClockDoesNotMatter has orgs whose clocks are before and behind
// the machine's, and rows that change while it is read.
func TestTheClientsClockDoesNotMatter(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-10 * time.Minute, 10 * time.Minute} {
		s := newSite(t, fakeorg.Config{Rows: map[string]int{"Account": 300}, Now: func() time.Time { return time.Now().Add(skew) }})
		s.loads()
		ids := accountIDs(s.org)
		for run := range 2 {
			s.org.Inject(fakeorg.Fault{Path: "/services/data/*/query", Do: func() { s.org.Update("Account", ids[run], fakeorg.Values{"Name": "While"}) }})
			s.org.Update("Account", ids[100+run], fakeorg.Values{"Name": "Before"})
			s.loads("--lookback", "0s")
			s.org.Advance(time.Hour)
			s.loads("--lookback", "0s")
			s.exact()
		}
	}
}

func TestRowsWithoutACursorValueAreNotLost(t *testing.T) {
	t.Parallel()
	s := newSite(t, fakeorg.Config{Rows: map[string]int{"Account": 300}})
	flags := []string{"--incremental-strategy", "merge", "--incremental-key", "onboarded_on__c"}
	s.loads(flags...)
	s.exact()
	s.org.Insert("Account", fakeorg.Values{"Name": "Never"})
	late := s.org.Insert("Account", fakeorg.Values{"Name": "Not yet"})
	s.loads(flags...)
	s.exact()
	s.org.Advance(time.Hour)
	s.org.Update("Account", late, fakeorg.Values{"Onboarded_On__c": s.org.Now()})
	s.loads(flags...)
	s.exact()
}

// TestATableOfNullCursorsIsReadAgain has nothing that a cursor could be made of.
func TestATableOfNullCursorsIsReadAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, fakeorg.Config{Rows: map[string]int{"Account": 50}})
	for _, id := range accountIDs(s.org) {
		s.org.Touch("Account", id, fakeorg.Values{"Onboarded_On__c": nil})
	}
	for range 2 {
		s.loads("--incremental-strategy", "merge", "--incremental-key", "onboarded_on__c")
		s.exact()
		s.org.Insert("Account", fakeorg.Values{"Name": "More"})
	}
}

// TestTheSecondOfTwoRunsStopsBeforeItWrites lets a run of the same table begin
// and commit while another one waits for its rows.
func TestTheSecondOfTwoRunsStopsBeforeItWrites(t *testing.T) {
	t.Parallel()
	s := newSite(t, fakeorg.Config{Rows: map[string]int{"Account": 100}})
	s.loads()
	s.org.Advance(time.Hour)
	s.org.Update("Account", accountIDs(s.org)[0], fakeorg.Values{"Name": "First"})
	s.org.Inject(fakeorg.Fault{Path: "/services/data/*/query*", Query: "FROM Account", Do: func() { s.loads() }})
	slow := s.run(5)
	if slow.Error.Message != "commit t: another run has loaded the table meanwhile" &&
		slow.Error.Message != "commit public.t: another run has loaded the table meanwhile" || slow.Error.Hint == "" {
		t.Errorf("%+v", slow.Error)
	}
	s.exact()
	s.loads()
	s.exact()
}

func TestAStateOfANewerSluiceIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, fakeorg.Config{Rows: map[string]int{"Account": 20}})
	s.loads()
	db, err := sql.Open("duckdb", s.file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = db.ExecContext(t.Context(), `UPDATE _sluice.state SET state = '{"version":99,"cursor":"2026-01-01T00:00:00Z"}'`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	calls := len(s.org.Calls())
	if o := s.run(5); !strings.Contains(o.Error.Message, "format 99") || !strings.Contains(o.Error.Hint, "--full-refresh") {
		t.Errorf("%+v", o.Error)
	}
	for _, c := range s.org.Calls()[calls:] {
		if strings.Contains(c.Path, "/query") || c.Method == "POST" {
			t.Errorf("rows were asked for: %s %s", c.Method, c.Path)
		}
	}
	s.loads("--full-refresh")
	s.exact()
}

// TestRowsThatNoLongerMeetTheConditionLeave changes rows so that --where begins
// and ends to hold for them: a merge leaves what a replace would (P5).
func TestRowsThatNoLongerMeetTheConditionLeave(t *testing.T) {
	t.Parallel()
	s := newSite(t, fakeorg.Config{Rows: map[string]int{"Account": 200}})
	ids := accountIDs(s.org)
	for _, id := range ids[:20] {
		s.org.Update("Account", id, fakeorg.Values{"Site": "in"})
	}
	where := []string{"--where", "Site = 'in'"}
	has := func(want ...string) {
		t.Helper()
		list := "SELECT coalesce(string_agg(id, ' ' ORDER BY id), '') FROM public.t"
		slices.Sort(want)
		if got := s.value(list); got != strings.Join(want, " ") {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
	}
	s.loads(where...)
	has(slices.Clone(ids[:20])...)
	s.org.Advance(time.Hour)
	s.org.Update("Account", ids[3], fakeorg.Values{"Site": "out"})
	s.org.Update("Account", ids[4], fakeorg.Values{"Name": "Still in"})
	s.org.Update("Account", ids[30], fakeorg.Values{"Site": "in"})
	s.org.Delete("Account", ids[5])
	s.org.Advance(time.Second)
	if got := s.loads(where...); got.Strategy != "merge" || got.RowsDeleted != 2 {
		t.Errorf("%+v", got)
	}
	has(append(slices.Delete(slices.Clone(ids[:20]), 3, 4)[:4:4], append(slices.Clone(ids[6:20]), ids[30])...)...)
}
