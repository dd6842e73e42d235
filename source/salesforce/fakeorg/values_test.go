package fakeorg_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/source/salesforce/fakeorg"
)

// api is a bare client for tests: no retries, no conveniences.
type api struct {
	t     *testing.T
	org   *fakeorg.Org
	token string
}

func newAPI(t *testing.T, c fakeorg.Config) *api {
	t.Helper()
	org, _ := start(t, c)
	return &api{t, org, org.AccessToken()}
}

// with is the same client for a subtest.
func (a *api) with(t *testing.T) *api { return &api{t, a.org, a.token} }

const v60 = "/services/data/v60.0"

// do sends one request and reads the whole answer.
func (a *api) do(method, path, body string, header ...string) (*http.Response, []byte) {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.org.InstanceURL()+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return res, b
}

// get decodes a JSON answer that must have the given status.
func (a *api) get(status int, path string, into any) *http.Response {
	a.t.Helper()
	return a.call(status, "GET", path, "", into)
}

func (a *api) call(status int, method, path, body string, into any) *http.Response {
	a.t.Helper()
	res, b := a.do(method, path, body)
	if res.StatusCode != status {
		a.t.Fatalf("%s %s: %s, want %d: %.600s", method, path, res.Status, status, b)
	}
	if into != nil {
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.UseNumber()
		if err := dec.Decode(into); err != nil {
			a.t.Fatalf("%s %s: %v in %.600s", method, path, err, b)
		}
	}
	return res
}

type page struct {
	TotalSize      int
	Done           bool
	NextRecordsURL string `json:"nextRecordsUrl"`
	Records        []map[string]any
}

// query reads all pages.
func (a *api) query(resource, soql string) []map[string]any {
	a.t.Helper()
	var all []map[string]any
	path := v60 + "/" + resource + "?q=" + url.QueryEscape(soql)
	for path != "" {
		var p page
		a.get(200, path, &p)
		all = append(all, p.Records...)
		path = p.NextRecordsURL
	}
	return all
}

// bulk runs a job and reads all sets of its results.
func (a *api) bulk(soql string) (header []string, rows [][]string) {
	a.t.Helper()
	id := a.createJob(soql)
	a.waitFor(id)
	for locator := ""; locator != "null"; {
		res, b := a.do("GET", v60+"/jobs/query/"+id+"/results?locator="+url.QueryEscape(locator), "")
		if res.StatusCode != 200 {
			a.t.Fatalf("results: %s: %s", res.Status, b)
		}
		records := parseCSV(a.t, b)
		if n := res.Header.Get("Sforce-NumberOfRecords"); n != strconv.Itoa(len(records)-1) {
			a.t.Fatalf("Sforce-NumberOfRecords is %s, the set has %d", n, len(records)-1)
		}
		header, rows = records[0], append(rows, records[1:]...)
		locator = res.Header.Get("Sforce-Locator")
	}
	return header, rows
}

func (a *api) createJob(soql string) string {
	a.t.Helper()
	body, err := json.Marshal(map[string]string{"operation": "query", "query": soql})
	if err != nil {
		a.t.Fatal(err)
	}
	var job struct{ ID string }
	a.call(200, "POST", v60+"/jobs/query", string(body), &job)
	return job.ID
}

func (a *api) waitFor(id string) (job struct {
	State, ErrorMessage    string
	NumberRecordsProcessed int
},
) {
	a.t.Helper()
	for range 10 {
		a.get(200, v60+"/jobs/query/"+id, &job)
		if job.State != "UploadComplete" && job.State != "InProgress" {
			return job
		}
	}
	a.t.Fatalf("job %s is still %s", id, job.State)
	return job
}

// parseCSV is strict: every value in quotes, commas, LF. encoding/csv will not
// do, it turns CRLF into LF.
func parseCSV(t *testing.T, b []byte) [][]string {
	t.Helper()
	var rows [][]string
	var row []string
	for len(b) > 0 {
		if b[0] != '"' {
			t.Fatalf("value without a quote at %.40q", b)
		}
		var v []byte
		for b = b[1:]; ; {
			i := bytes.IndexByte(b, '"')
			if i < 0 {
				t.Fatal("value without an end")
			}
			v = append(v, b[:i]...)
			b = b[i+1:]
			if len(b) == 0 || b[0] != '"' {
				break
			}
			v, b = append(v, '"'), b[1:]
		}
		row = append(row, string(v))
		if len(b) == 0 || b[0] != ',' && b[0] != '\n' {
			t.Fatalf("no delimiter at %.40q", b)
		}
		if b[0] == '\n' {
			rows, row = append(rows, row), nil
		}
		b = b[1:]
	}
	return rows
}

// restForm is how REST has a value of the org.
func restForm(v any) any {
	switch v := v.(type) {
	case fakeorg.Date:
		return v.Format(time.DateOnly)
	case time.Time:
		return v.Format("2006-01-02T15:04:05.000-0700")
	case time.Duration:
		return time.Time{}.Add(v).Format("15:04:05.000Z")
	case int64:
		return json.Number(strconv.FormatInt(v, 10))
	default:
		return v
	}
}

// numeric compares numbers by their value, whatever their form.
func numeric(t *testing.T, got any) any {
	t.Helper()
	n, ok := got.(json.Number)
	if !ok {
		return got
	}
	f, err := n.Float64()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func csvForm(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case fakeorg.Date:
		return v.Format(time.DateOnly)
	case time.Time:
		return v.Format("2006-01-02T15:04:05.000Z")
	case time.Duration:
		return time.Time{}.Add(v).Format("15:04:05.000Z")
	default:
		return fmt.Sprint(v)
	}
}

// bulkFields are the fields that Bulk can select.
func bulkFields(o *fakeorg.Object) (names []string, fields []*fakeorg.Field) {
	for _, f := range o.Readable() {
		if f.Type != "base64" {
			names, fields = append(names, f.Name), append(fields, f)
		}
	}
	return names, fields
}

func TestRESTAndBulkGiveWhatTheOrgHolds(t *testing.T) {
	a := newAPI(t, fakeorg.Config{Nasty: 100, NUL: true})
	for _, name := range a.org.Objects() {
		o := a.org.Object(name)
		if !o.Queryable || !o.Bulk || name == "Wide__c" || name == "Ghost__c" || o.Restricted != nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			a := a.with(t)
			names, fields := bulkFields(o)
			soql := "SELECT " + strings.Join(names, ", ") + " FROM " + name
			records := a.query("query", soql)
			header, rows := a.bulk(soql)
			if diff := cmp.Diff(names, header); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			i := 0
			for truth := range a.org.Rows(name) {
				if i >= len(records) || i >= len(rows) {
					t.Fatalf("%d records by REST and %d by Bulk, want %d", len(records), len(rows), a.org.Count(name))
				}
				compareRow(t, truth, fields, records[i], rows[i])
				i++
			}
			if i != len(records) || i != len(rows) {
				t.Errorf("%d records by REST and %d by Bulk, want %d", len(records), len(rows), i)
			}
		})
	}
}

func compareRow(t *testing.T, truth fakeorg.Row, fields []*fakeorg.Field, record map[string]any, row []string) {
	t.Helper()
	for k, f := range fields {
		want := truth.Value(f.Name)
		got, byBulk := record[f.Name], row[k]
		if n, ok := want.(float64); ok {
			parsed, err := strconv.ParseFloat(byBulk, 64)
			if numeric(t, got) != n || err != nil || parsed != n {
				t.Errorf("%s.%s is %v by REST and %q by Bulk, want %v", truth.ID(), f.Name, got, byBulk, want)
			}
			continue
		}
		if got != restForm(want) {
			t.Errorf("%s.%s is %.200q by REST, want %.200q", truth.ID(), f.Name, got, want)
		}
		if byBulk != csvForm(want) {
			t.Errorf("%s.%s is %.200q by Bulk, want %.200q", truth.ID(), f.Name, byBulk, want)
		}
	}
}
