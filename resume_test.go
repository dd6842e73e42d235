package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/source/salesforce/fakeorg"
)

// outcome is what a test looks at of the JSON of a run.
type outcome struct {
	Tables []struct {
		Strategy      string   `json:"strategy"`
		RowsRead      int64    `json:"rows_read"`
		RowsWritten   int64    `json:"rows_written"`
		RowsDeleted   int64    `json:"rows_deleted"`
		RowsRefreshed int64    `json:"rows_refreshed"`
		PartsReused   int      `json:"parts_reused"`
		RowsReused    int64    `json:"rows_reused"`
		SchemaChanges []string `json:"schema_changes"`
		Warnings      []string `json:"warnings"`
	} `json:"tables"`
	Error *struct {
		Message, Hint string
	} `json:"error"`
	Code int `json:"exit_code"`
}

// site is an org and a file beside it, loaded by sluice processes.
type site struct {
	*testing.T
	org  *fakeorg.Org
	file string
}

func newSite(t *testing.T, c fakeorg.Config) *site {
	t.Helper()
	org := fakeorg.New(c)
	_, stop := org.Start()
	t.Cleanup(stop)
	return &site{t, org, filepath.Join(t.TempDir(), "crm.db")}
}

// command is a sluice that loads accounts into table t, with more flags.
func (s *site) command(ctx context.Context, flags ...string) *exec.Cmd {
	s.Helper()
	bin, err := exec.LookPath("sluice")
	if err != nil {
		s.Fatal(err)
	}
	api := "auto"
	if len(flags) > 0 && strings.HasPrefix(flags[0], "api=") {
		api, flags = flags[0][4:], flags[1:]
	}
	c := exec.CommandContext(ctx, bin, append([]string{
		"ingest", "--source-uri", "salesforce://?access_token=" + url.QueryEscape(s.org.AccessToken()) + "&domain=" + s.org.InstanceURL() + "&api=" + api,
		"--source-table", "account", "--dest-uri", "duckdb:///" + s.file, "--dest-table", "t", "--json", "--progress", "none",
	}, flags...)...)
	c.Dir = filepath.Dir(s.file)
	return c
}

// run loads once and wants that exit code.
func (s *site) run(code int, flags ...string) outcome {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	text, _ := s.command(ctx, flags...).Output() // the exit code is in the JSON
	var o outcome
	if err := json.Unmarshal(text, &o); err != nil {
		s.Fatalf("%v: %s", err, text)
	}
	if o.Code != code {
		s.Fatalf("exit code %d, want %d: %s", o.Code, code, text)
	}
	return o
}

// loads is run for a load that succeeds; it gives the report of its table.
func (s *site) loads(flags ...string) (table struct {
	RowsRead, RowsWritten, RowsDeleted, RowsRefreshed, RowsReused int64
	PartsReused                                                   int
	Strategy, Warnings                                            string
},
) {
	s.Helper()
	t := s.run(0, flags...).Tables[0]
	table.RowsRead, table.RowsWritten, table.RowsDeleted, table.RowsRefreshed = t.RowsRead, t.RowsWritten, t.RowsDeleted, t.RowsRefreshed
	table.PartsReused, table.RowsReused = t.PartsReused, t.RowsReused
	table.Strategy, table.Warnings = t.Strategy, strings.Join(t.Warnings, "\n")
	return table
}

// exact compares the whole table with the org, and wants no staging left.
func (s *site) exact() {
	s.Helper()
	compare(s.T, s.org, "Account", s.file)
	if left := s.value("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE '\\_sluice\\_%' ESCAPE '\\'"); left != int64(0) {
		s.Errorf("%v staging tables are left", left)
	}
}

// value is the only value of a query.
func (s *site) value(query string) (v any) {
	s.Helper()
	db, err := sql.Open("duckdb", s.file+"?access_mode=read_only")
	if err != nil {
		s.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(context.Background(), query).Scan(&v); err != nil {
		s.Fatal(err)
	}
	return v
}

// pages counts the result pages that the org was asked for.
func (s *site) pages() int { return requests(s.org, moments["downloading"]) }

// stallAt lets the org fall silent in a result page, counted from now.
func (s *site) stallAt(page int) {
	s.org.Inject(fakeorg.Fault{Path: "/services/data/*/jobs/query/*/results", Nth: page, Times: -1, StallAfterBytes: 1000})
}

// stopAt runs until the org was asked for that many pages, and sends a signal.
func (s *site) stopAt(page int, signal syscall.Signal, flags ...string) {
	s.Helper()
	s.stallAt(page)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := s.command(ctx, flags...)
	before := s.pages()
	if err := c.Start(); err != nil {
		s.Fatal(err)
	}
	if err := until(func() bool { return s.pages() >= before+page }); err != nil {
		s.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // the page before is being committed
	if err := c.Process.Signal(signal); err != nil {
		s.Fatal(err)
	}
	_ = c.Wait()
	s.org.Heal()
}

func tenPages(t *testing.T) *site {
	t.Helper()
	s := newSite(t, fakeorg.Config{Rows: map[string]int{"Account": 1000}})
	page := (s.org.Count("Account") + 9) / 10
	s.org.Set(func(k *fakeorg.Knobs) { k.BulkPageSize = page })
	return s
}

// TestARunThatDiedGoesOnWithTheNextPage is killed after page 6 of 10: the next
// run fetches 4 (P9).
func TestARunThatDiedGoesOnWithTheNextPage(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT} {
		for _, strategy := range []string{"merge", "replace"} {
			t.Run(fmt.Sprint(signal, " ", strategy), func(t *testing.T) {
				s := tenPages(t)
				flags := []string{"api=bulk", "--extract-parallelism", "1", "--incremental-strategy", strategy}
				s.stopAt(7, signal, flags...)
				before := s.pages()
				got := s.loads(flags...)
				if got.PartsReused != 6 || s.pages()-before != 4 || got.RowsRead+got.RowsReused != int64(s.org.Count("Account")) {
					t.Errorf("%d pages fetched, %+v", s.pages()-before, got)
				}
				s.exact()
				// What changed since the job was made comes with the next run.
				if strategy == "merge" {
					s.org.Update("Account", accountIDs(s.org)[0], fakeorg.Values{"Name": "Later"})
					s.org.Advance(time.Hour)
					s.loads()
					s.exact()
				}
			})
		}
	}
}

// TestWhatChangedAfterTheJobIsNotLostByGoingOn changes rows between the kill
// and the run that goes on: its cursor is that of the job (P6).
func TestWhatChangedAfterTheJobIsNotLostByGoingOn(t *testing.T) {
	t.Parallel()
	s := tenPages(t)
	flags := []string{"api=bulk", "--extract-parallelism", "1"}
	s.stopAt(7, syscall.SIGKILL, flags...)
	s.org.Advance(3 * time.Hour)
	ids := accountIDs(s.org)
	for _, id := range ids[:50] {
		s.org.Update("Account", id, fakeorg.Values{"Name": "Changed after the job"})
	}
	s.org.Delete("Account", ids[60])
	s.org.HardDelete("Account", ids[61])
	s.org.Insert("Account", fakeorg.Values{"Name": "New after the job"})
	s.org.Advance(3 * time.Hour)
	if got := s.loads(flags...); got.PartsReused != 6 {
		t.Errorf("%+v", got)
	}
	s.loads()
	s.exact()
}

// TestAJobThatIsGoneIsMadeAgain: the org forgot the job, or its query is no
// longer the same.
func TestAJobThatIsGoneIsMadeAgain(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(s *site){
		"deleted": func(s *site) {
			for _, j := range s.org.Jobs() {
				s.org.Inject(fakeorg.Fault{Path: "/services/data/*/jobs/query/" + j.ID, Status: 404, Body: `[{"errorCode":"NOT_FOUND","message":"gone"}]`})
			}
		},
		"another query": func(s *site) { s.org.AddField("Account", "Nickname__c str:80 null=200") },
	} {
		t.Run(name, func(t *testing.T) {
			s := tenPages(t)
			flags := []string{"api=bulk", "--extract-parallelism", "1"}
			s.stopAt(7, syscall.SIGKILL, flags...)
			change(s)
			if got := s.loads(flags...); got.PartsReused != 0 {
				t.Errorf("%+v", got)
			}
			s.org.Heal()
			s.exact()
		})
	}
}

// TestAnOrgThatThrottlesIsNotAskedAgainForWhatItGave stops by the org's own
// doing, and goes on.
func TestAnOrgThatThrottlesIsNotAskedAgainForWhatItGave(t *testing.T) {
	t.Parallel()
	s := tenPages(t)
	flags := []string{"api=bulk", "--extract-parallelism", "1"}
	s.org.Inject(fakeorg.Fault{Path: "/services/data/*/jobs/query/*/results", Nth: 5, Times: -1, Status: 403, Body: `[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]`})
	s.run(6, flags...)
	s.org.Heal()
	if got := s.loads(flags...); got.PartsReused != 4 {
		t.Errorf("%+v", got)
	}
	s.exact()
}

func TestReconcileFindsRowsThatNoLogTellsOf(t *testing.T) {
	t.Parallel()
	s := newSite(t, fakeorg.Config{Rows: map[string]int{"Account": 400}})
	s.loads()
	ids := accountIDs(s.org)
	s.org.HardDelete("Account", ids[:5]...)
	s.org.Advance(20 * 24 * time.Hour)
	if got := s.loads(); !strings.Contains(got.Warnings, "--reconcile") {
		t.Errorf("the pause is longer than the log, and nobody says so: %+v", got)
	}
	if got := s.loads("--reconcile"); got.RowsDeleted == 0 {
		t.Errorf("%+v", got)
	}
	s.exact()
	// More than a tenth needs --force.
	s.org.HardDelete("Account", ids[5:205]...)
	s.org.Advance(20 * 24 * time.Hour)
	had := s.value("SELECT count(*) FROM public.t")
	if o := s.run(5, "--reconcile"); !strings.Contains(o.Error.Hint, "--force") {
		t.Errorf("%+v", o.Error)
	}
	if now := s.value("SELECT count(*) FROM public.t"); now != had {
		t.Errorf("%v rows, %v before", now, had)
	}
	s.loads("--reconcile", "--force")
	s.exact()
	s.run(2, "--force")
	s.run(2, "--reconcile", "--deleted", "keep")
	s.run(2, "--reconcile", "--incremental-strategy", "append")
}

func TestFormulasAreRefreshedInRowsThatDidNotChange(t *testing.T) {
	t.Parallel()
	s := newSite(t, fakeorg.Config{Rows: map[string]int{"Account": 400}})
	s.loads()
	s.org.Recalculate("Account", "Owner_Region__c")
	s.org.Advance(time.Hour)
	s.loads()
	if got := s.loads("--refresh-formulas"); got.RowsRefreshed == 0 {
		t.Errorf("%+v", got)
	}
	s.exact()
	if got := s.loads("--refresh-formulas"); got.RowsRefreshed != 0 {
		t.Errorf("the second time: %+v", got)
	}
}

func TestANewFieldIsFilledInOldRowsWhenAsked(t *testing.T) {
	t.Parallel()
	for name, states := range map[string][]string{
		"with the rows": nil, "file": {"--state-uri", "file://./state.json"}, "database": {"--state-uri", "duckdb:///state.db"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, fakeorg.Config{Rows: map[string]int{"Account": 400}})
			s.loads(states...)
			s.org.AddField("Account", "Nickname__c str:80 null=200")
			s.org.Update("Account", accountIDs(s.org)[0], fakeorg.Values{"Name": "Changed"})
			s.org.Advance(time.Hour)
			if got := s.loads(states...); !strings.Contains(got.Warnings, "Nickname__c") || !strings.Contains(got.Warnings, "--backfill-new-columns") {
				t.Errorf("%+v", got)
			}
			// A later run knows still what is to be filled.
			if got := s.loads(append(states, "--backfill-new-columns")...); got.RowsRefreshed == 0 {
				t.Errorf("%+v", got)
			}
			s.exact()
			if got := s.loads(append(states, "--backfill-new-columns")...); got.RowsRefreshed != 0 {
				t.Errorf("the second time: %+v", got)
			}
			s.org.AddField("Account", "Motto__c str:80 null=200")
			if got := s.loads(append(states, "--backfill-new-columns")...); got.RowsRefreshed == 0 || strings.Contains(got.Warnings, "Motto__c") {
				t.Errorf("in one run: %+v", got)
			}
			s.exact()
		})
	}
}

func TestTheSchemaContractHolds(t *testing.T) {
	t.Parallel()
	s := newSite(t, fakeorg.Config{Rows: map[string]int{"Account": 100}})
	s.loads()
	s.org.AddField("Account", "Nickname__c str:80")
	s.org.Advance(time.Hour)
	s.org.Update("Account", accountIDs(s.org)[0], fakeorg.Values{"Name": "Changed"})
	s.org.Advance(time.Hour)
	if o := s.run(5, "--schema-contract", "freeze"); !strings.Contains(o.Error.Message, "Nickname__c") || o.Error.Hint == "" {
		t.Errorf("%+v", o.Error)
	}
	for _, more := range [][]string{nil, {"--full-refresh"}} {
		if got := s.loads(append(more, "--schema-contract", "discard_value")...); !strings.Contains(got.Warnings, "Nickname__c") {
			t.Errorf("%+v", got)
		}
	}
	if n := s.value("SELECT count(*) FROM duckdb_columns() WHERE column_name = 'nickname__c'"); n != int64(0) {
		t.Error("the column was added")
	}
	if n := s.value("SELECT count(*) FROM public.t WHERE name = 'Changed'"); n != int64(1) {
		t.Error("the changed row did not come")
	}
	s.loads("--full-refresh")
	s.exact()
	s.run(2, "--schema-contract", "melt")
}

func TestNewTablesTakeSalesforcesNamesWhenAsked(t *testing.T) {
	t.Parallel()
	s := newSite(t, fakeorg.Config{Rows: map[string]int{"Account": 20}})
	s.loads("--schema-naming", "direct")
	s.value(`SELECT max("SystemModstamp") FROM public.t`)
	if n := s.value("SELECT count(*) FROM duckdb_columns() WHERE column_name = 'SystemModstamp'"); n != int64(1) {
		t.Errorf("%v columns SystemModstamp", n)
	}
	s.org.Advance(time.Hour)
	s.loads("--schema-naming", "snake_case", "--full-refresh")
	if n := s.value("SELECT count(*) FROM duckdb_columns() WHERE column_name = 'SystemModstamp'"); n != int64(1) {
		t.Error("the table did not keep its names")
	}
}

// TestAStateKeptElsewhereIsReplaySafe loses the state after a commit, and
// drops the table under a state that stayed.
func TestAStateKeptElsewhereIsReplaySafe(t *testing.T) {
	t.Parallel()
	for name, states := range map[string][]string{
		"file": {"--state-uri", "file://./state.json"}, "database": {"--state-uri", "duckdb:///state.db"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, fakeorg.Config{Rows: map[string]int{"Account": 200}})
			s.loads(states...)
			file := filepath.Join(filepath.Dir(s.file), map[string]string{"file": "state.json", "database": "state.db"}[name])
			old, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			ids := accountIDs(s.org)
			s.org.Update("Account", ids[0], fakeorg.Values{"Name": "Changed"})
			s.org.HardDelete("Account", ids[1])
			s.org.Advance(time.Hour)
			if got := s.loads(states...); got.Strategy != "merge" {
				t.Errorf("%+v", got)
			}
			s.exact()
			// As after a crash between the commit and the state.
			if err := os.WriteFile(file, old, 0o600); err != nil {
				t.Fatal(err)
			}
			if got := s.loads(states...); got.Strategy != "merge" {
				t.Errorf("%+v", got)
			}
			s.exact()
			if n := s.value("SELECT count(*) FROM duckdb_tables() WHERE schema_name = '_sluice'"); n != int64(0) {
				t.Error("the destination keeps a state, too")
			}
			if err := os.Remove(s.file); err != nil {
				t.Fatal(err)
			}
			if got := s.loads(states...); got.Strategy != "replace" {
				t.Errorf("the table is gone, and the run read a window: %+v", got)
			}
			s.exact()
		})
	}
}

// TestAFieldThatVanishesBeforeTheQueryIsNoError: describe still had it, the
// query does not know it; the run describes again.
func TestAFieldThatVanishesBeforeTheQueryIsNoError(t *testing.T) {
	t.Parallel()
	for _, api := range []string{"rest", "bulk"} {
		t.Run(api, func(t *testing.T) {
			s := newSite(t, fakeorg.Config{Rows: map[string]int{"Account": 100}})
			s.loads("api=" + api)
			s.org.Inject(fakeorg.Fault{Path: "/services/data/*/sobjects/Account/describe", Delay: 300 * time.Millisecond})
			body := `[{"message":"No such column 'Fax' on entity 'Account'","errorCode":"INVALID_FIELD"}]`
			s.org.Inject(fakeorg.Fault{Path: "/services/data/*/query*", Query: "SELECT", Status: 400, Body: body})
			s.org.Inject(fakeorg.Fault{Method: "POST", Path: "/services/data/*/jobs/query", Status: 400, Body: body})
			s.org.RemoveField("Account", "Fax")
			s.org.Advance(time.Hour)
			s.loads("api="+api, "--full-refresh")
		})
	}
}
