package cli

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/pipeline"
)

func render(t *testing.T, o outcome) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run.html")
	p := &program{Env: Env{Version: "v1"}}
	if err := p.writeReport(path, o); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("beside the page there are %v, %v", left, err)
	}
	return string(text)
}

// words is a page without its markup and style.
func words(page string) string {
	_, page, _ = strings.Cut(page, "<body>")
	page = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, " ")
	return strings.Join(strings.Fields(page), " ")
}

func TestThePageTellsTheRun(t *testing.T) {
	o := exampleOutcome()
	o.reports[0].Host, o.reports[0].Reading, o.reports[0].Writing = "acme.my.salesforce.com", 2*time.Second, time.Second
	o.reports[0].MonthsOf, o.reports[0].Months = "CreatedDate", map[string]int64{"2025-11": 5, "2026-01": 15_995, "": 1}
	text := words(render(t, o))
	for _, part := range []string{
		"5 tables, 3 loaded, 2 not", "Done in part in 1 min 8 s; 40,000 rows written, 12 deleted", "Org acme.my.salesforce.com", "Destination duckdb:///crm.db",
		"Started 2026-03-01 02:15:00 UTC", "Ended 2026-03-01 02:16:08 UTC", "Exit code 3: some of several tables failed", "Command sluice ingest, version v1",
		"nosuch: describe nosuch: the org has &lt;b&gt;no&lt;/b&gt; such object", "Task: stopped, as another table failed",
		"Account ok, 1 schema change, 1 warning 20,000 0 1 min 7 s 14 20,000 24.1 MB bulk replace public.account",
		"Total 40,000 12 1 min 8 s 32 40,000 48.3 MB",
		"the workers waited 2.0 s for the org and 1.0 s for the database",
		"Account 12 ms 0.1 s 1 min 5 s 2.3 s 90 ms 1 min 7 s 2.0 s 1.0 s",
		"Rows read, by their CreatedDate in UTC; the highest column is 15,995. 1 row without a date. 4,000 rows from an earlier run",
		"2025-11 5 2025-12 0 2026-01 15,995",
		"32 API calls, 48.3 MB received. Of its 100,000 calls a day the org has 99,886 left; the bar shows what all its clients have used.",
		"Account: field Photo is left out: binary", "public.account: added column billing_city (VARCHAR)",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("the page lacks %q:\n%s", part, text)
		}
	}
}

// The bar of the API calls grows with their use: a new day's is empty, not full.
func TestTheBarOfAPICallsShowsWhatIsUsed(t *testing.T) {
	o := exampleOutcome()
	for i := range o.reports {
		o.reports[i].LimitUsed, o.reports[i].LimitMax = 25_000, 100_000
	}
	page := render(t, o)
	if want := `aria-label="25000 of 100,000 calls used"><rect width="250.0"`; !strings.Contains(page, strings.Replace(want, "25000", "25,000", 1)) {
		t.Errorf("the page lacks %s", want)
	}
}

// TestThePageIsWholeAndInert: it needs nothing from elsewhere, runs nothing, and
// is well-formed whatever texts are in it.
func TestThePageIsWholeAndInert(t *testing.T) {
	o := exampleOutcome()
	evil := `"><script>alert(1)</script><img src=x onerror=alert(1)>{{.}}` + "\x00\u2028"
	o.reports[0].SourceTable, o.reports[0].DestTable, o.reports[0].Strategy, o.reports[0].API, o.reports[0].Host = evil, evil, evil, evil, evil
	o.reports[0].Warnings, o.reports[0].SchemaChanges = []string{evil}, []string{evil}
	o.reports[0].Months, o.reports[0].MonthsOf = map[string]int64{"2026-01": 1}, evil
	o.failures[3], o.to, o.command = errors.New(evil), evil, evil
	for name, o := range map[string]outcome{"tables": o, "none": {started: time.Now(), ended: time.Now(), err: errors.New(evil)}} {
		page := render(t, o)
		for _, bad := range []string{"<script", "<img", "<link", "<iframe", "src=", "href=", "@import", "url(", "onerror=alert(1)>{{"} {
			if strings.Contains(strings.ReplaceAll(page, "&lt;", ""), bad) && strings.Contains(page, bad) {
				if bad == "src=" && !regexp.MustCompile(`<[^>]* src=`).MatchString(page) {
					continue // in an escaped text
				}
				t.Errorf("%s: the page has %s", name, bad)
			}
		}
		d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(page, "<!DOCTYPE html>\n")))
		d.Strict, d.AutoClose, d.Entity = false, []string{"meta"}, xml.HTMLEntity
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: the page is not well-formed: %v", name, err)
			}
		}
	}
}

func TestARunThatDidNotGetToTablesHasAPage(t *testing.T) {
	started := time.Now()
	text := words(render(t, outcome{command: "run", from: "acme.my.salesforce.com", started: started, ended: started, err: &usageError{"the org has no object like zzz", "see sluice objects"}}))
	for _, part := range []string{"Nothing loaded", "Not done", "the org has no object like zzz", "What mends it: see sluice objects", "Exit code 2: the command line", "Org acme.my.salesforce.com"} {
		if !strings.Contains(text, part) {
			t.Errorf("the page lacks %q:\n%s", part, text)
		}
	}
}

func TestManyMonthsAreShownByYear(t *testing.T) {
	r := pipeline.Report{MonthsOf: "CreatedDate", Months: map[string]int64{"1999-12": 3, "2010-01": 1, "2010-12": 1}}
	c := newMonthChart([]pipeline.Report{r})
	var got []string
	for _, b := range c.Bars {
		got = append(got, b.Name)
	}
	want := []string{"1999", "2000", "2001", "2002", "2003", "2004", "2005", "2006", "2007", "2008", "2009", "2010"}
	if diff := cmp.Diff(want, got); diff != "" || c.By != "year" || c.Bars[11].Rows != 2 || c.Most != 3 {
		t.Errorf("by %s, most %d, %v (-want +got):\n%s", c.By, c.Most, c.Bars, diff)
	}
	if want := "Rows by year, from 1999 to 2010; most, 3, in 1999."; c.Summary() != want {
		t.Errorf("%q, want %q", c.Summary(), want)
	}
	if got := c.Axis(); !cmp.Equal(got, []string{"1999", "2004", "2010"}) {
		t.Errorf("the axis has %v", got)
	}
	// A wrong date far away draws no thousand columns.
	c = newMonthChart([]pipeline.Report{{MonthsOf: "CreatedDate", Months: map[string]int64{"0202-01": 1, "2026-01": 1}}})
	if len(c.Bars) != maxMonths {
		t.Errorf("%d columns", len(c.Bars))
	}
	if c := newMonthChart([]pipeline.Report{{Months: map[string]int64{"": 7}}}); c != nil {
		t.Errorf("rows without a date have a chart: %v", c)
	}
}

func TestAFileIsReplacedWholeOrNotAtAll(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "run.html")
	for _, content := range []string{"first", "second"} {
		if err := checkReport(path); err != nil {
			t.Fatal(err)
		}
		if err := replaceFile(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, []byte(content)) {
			t.Errorf("%q, %v", got, err)
		}
	}
	for _, bad := range []string{folder, filepath.Join(folder, "none", "run.html"), filepath.Join(path, "run.html")} {
		if err := checkReport(bad); exitCode(err) != exitUsage {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if err := replaceFile(folder, []byte("x")); err == nil {
		t.Error("a folder was replaced by a file")
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
		t.Errorf("%v are left, %v", left, err)
	}
}
