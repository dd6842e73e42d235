package fakeorg_test

import (
	"strings"
	"testing"
	"time"

	"sluice/source/salesforce/fakeorg"
)

const allAccounts = "SELECT Id FROM Account"

func TestBulkJobGoesThroughItsStates(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	id := a.createJob(allAccounts)
	var job struct {
		State                  string
		NumberRecordsProcessed int
	}
	for _, want := range []string{"InProgress", "JobComplete", "JobComplete"} {
		a.get(200, v60+"/jobs/query/"+id, &job)
		if job.State != want {
			t.Errorf("state is %s, want %s", job.State, want)
		}
	}
	if want := a.org.Count("Account"); job.NumberRecordsProcessed != want {
		t.Errorf("numberRecordsProcessed is %d, want %d", job.NumberRecordsProcessed, want)
	}
}

func TestBulkJobFailsAbortsAndHangsAsScripted(t *testing.T) {
	for name, tt := range map[string]struct {
		script  fakeorg.JobScript
		state   string
		message string
	}{
		"fail":  {fakeorg.JobScript{Fail: "InternalServerError : Retried more than 15 times"}, "Failed", "InternalServerError : Retried more than 15 times"},
		"abort": {fakeorg.JobScript{Abort: true}, "Aborted", ""},
		"never": {fakeorg.JobScript{Never: true}, "InProgress", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, fakeorg.Config{})
			a.org.Script(tt.script)
			id := a.createJob(allAccounts)
			var job struct{ State, ErrorMessage string }
			for range 5 {
				a.get(200, v60+"/jobs/query/"+id, &job)
			}
			if job.State != tt.state || job.ErrorMessage != tt.message {
				t.Errorf("job is %+v, want %s %q", job, tt.state, tt.message)
			}
		})
	}
}

func TestBulkJobRunsByTheOrgsClock(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	a.org.Script(fakeorg.JobScript{After: 40 * time.Minute, Polls: -1})
	id := a.createJob(allAccounts)
	var job struct{ State string }
	a.get(200, v60+"/jobs/query/"+id, &job)
	if job.State != "InProgress" {
		t.Errorf("state is %s before its time", job.State)
	}
	a.org.Advance(41 * time.Minute)
	a.get(200, v60+"/jobs/query/"+id, &job)
	if job.State != "JobComplete" {
		t.Errorf("state is %s after its time", job.State)
	}
}

func TestBulkJobLies(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	want := a.org.Count("Account")
	a.org.Script(fakeorg.JobScript{Lose: 7})
	id := a.createJob(allAccounts)
	if got := a.waitFor(id).NumberRecordsProcessed; got != want {
		t.Errorf("numberRecordsProcessed is %d, want %d", got, want)
	}
	_, body := a.do("GET", v60+"/jobs/query/"+id+"/results", "")
	if got := len(parseCSV(t, body)) - 1; got != want-7 {
		t.Errorf("%d rows came, want %d", got, want-7)
	}
}

func TestBulkCreationIsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		body, code, message string
		script              fakeorg.JobScript
	}{
		"scripted":     {`{"operation":"query","query":"SELECT Id FROM Account"}`, "API_ERROR", "Max bulk v2 query jobs", fakeorg.JobScript{RefuseStatus: 400, RefuseCode: "API_ERROR", RefuseMessage: "Max bulk v2 query jobs"}},
		"operation":    {`{"operation":"insert","query":"SELECT Id FROM Account"}`, "INVALIDJOB", "Unsupported operation: insert", fakeorg.JobScript{}},
		"no query":     {`{"operation":"query"}`, "INVALIDJOB", "No query was provided", fakeorg.JobScript{}},
		"content type": {`{"operation":"query","query":"SELECT Id FROM Account","contentType":"JSON"}`, "INVALIDJOB", "Unsupported content type: JSON", fakeorg.JobScript{}},
		"unknown key":  {`{"operation":"query","qeury":"x"}`, "INVALIDJOB", `Unable to parse Job: unknown field "qeury"`, fakeorg.JobScript{}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, fakeorg.Config{})
			if tt.script.RefuseStatus != 0 {
				a.org.Script(tt.script)
			}
			if got := a.wantError(400, tt.code, "POST", v60+"/jobs/query", tt.body); got != tt.message {
				t.Errorf("message is %q, want %q", got, tt.message)
			}
			if jobs := a.org.Jobs(); len(jobs) != 0 {
				t.Errorf("a job was made: %v", jobs)
			}
		})
	}
}

func TestBulkResultsBelongToAFinishedJobOfTheSameVersion(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	id := a.createJob(allAccounts)
	results := "/jobs/query/" + id + "/results"
	a.wantError(400, "INVALIDJOBSTATE", "GET", v60+results, "")
	a.org.Set(func(k *fakeorg.Knobs) { k.NoContentBeforeComplete = true })
	a.get(204, v60+results, nil)
	a.waitFor(id)
	a.wantError(409, "API_ERROR", "GET", "/services/data/v61.0"+results, "")
	a.wantError(400, "INVALID_QUERY_LOCATOR", "GET", v60+results+"?locator=nonsense", "")
	a.wantError(404, "NOT_FOUND", "GET", v60+"/jobs/query/750fk0000000099AAA/results", "")
}

func TestBulkResultPagesCoverTheResult(t *testing.T) {
	a := newAPI(t, fakeorg.Config{Rows: map[string]int{"Account": 1234}, Knobs: fakeorg.Knobs{BulkPageSize: 100}})
	id := a.createJob(allAccounts)
	a.waitFor(id)
	seen := map[string]bool{}
	for next := v60 + "/jobs/query/" + id + "/resultPages"; next != ""; {
		var answer struct {
			ResultPages    []struct{ ResultURL string }
			NextRecordsURL string
			Done           bool
		}
		a.get(200, next, &answer)
		if len(answer.ResultPages) > 5 || answer.Done != (answer.NextRecordsURL == "") {
			t.Fatalf("answer is %+v", answer)
		}
		for _, p := range answer.ResultPages {
			_, body := a.do("GET", p.ResultURL, "")
			for _, row := range parseCSV(t, body)[1:] {
				if seen[row[0]] {
					t.Errorf("%s came twice", row[0])
				}
				seen[row[0]] = true
			}
		}
		next = answer.NextRecordsURL
	}
	if want := a.org.Count("Account"); len(seen) != want {
		t.Errorf("%d rows, want %d", len(seen), want)
	}
}

func TestBulkResultStaysWhileTheOrgChanges(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	id := a.createJob("SELECT Id, Name FROM Account")
	a.waitFor(id)
	_, before := a.do("GET", v60+"/jobs/query/"+id+"/results", "")
	for r := range a.org.Rows("Account") {
		a.org.Update("Account", r.ID(), fakeorg.Values{"Name": "Changed"})
	}
	_, after := a.do("GET", v60+"/jobs/query/"+id+"/results", "")
	if string(before) != string(after) {
		t.Error("the result changed after the job was complete")
	}
}

func TestBulkAbortAndDelete(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	a.org.Script(fakeorg.JobScript{Never: true})
	id := a.createJob(allAccounts)
	path := v60 + "/jobs/query/" + id
	a.wantError(400, "API_ERROR", "DELETE", path, "")
	a.call(200, "PATCH", path, `{"state":"Aborted"}`, nil)
	a.wantError(400, "INVALIDJOBSTATE", "PATCH", path, `{"state":"Aborted"}`)
	if jobs := a.org.Jobs(); jobs[0].State != "Aborted" {
		t.Errorf("the org does not know of the abort: %+v", jobs)
	}
	a.call(204, "DELETE", path, "", nil)
	a.wantError(404, "NOT_FOUND", "GET", path, "")
}

func TestBulkDialects(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	var job struct{ ID string }
	a.call(200, "POST", v60+"/jobs/query", `{"operation":"query","query":"SELECT Id, Name FROM Organization","columnDelimiter":"PIPE","lineEnding":"CRLF"}`, &job)
	a.waitFor(job.ID)
	_, body := a.do("GET", v60+"/jobs/query/"+job.ID+"/results", "")
	if !strings.HasPrefix(string(body), "\"Id\"|\"Name\"\r\n") {
		t.Errorf("body starts %.40q", body)
	}
}

func TestBulkResultOfNothing(t *testing.T) {
	a := newAPI(t, fakeorg.Config{Rows: map[string]int{"Account": 0}})
	id := a.createJob(allAccounts)
	a.waitFor(id)
	res, body := a.do("GET", v60+"/jobs/query/"+id+"/results", "")
	if string(body) != "\"Id\"\n" || res.Header.Get("Sforce-NumberOfRecords") != "0" || res.Header.Get("Sforce-Locator") != "null" {
		t.Errorf("body %q, headers %v", body, res.Header)
	}
	a.org.Set(func(k *fakeorg.Knobs) { k.EmptyBodyForZeroRows = true })
	if _, body = a.do("GET", v60+"/jobs/query/"+id+"/results", ""); len(body) != 0 {
		t.Errorf("body is %q, want none", body)
	}
}
