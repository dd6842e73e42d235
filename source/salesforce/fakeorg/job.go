package fakeorg

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// The states of a Bulk API 2.0 query job.
const (
	stateUploadComplete = "UploadComplete"
	stateInProgress     = "InProgress"
	stateComplete       = "JobComplete"
	stateFailed         = "Failed"
	stateAborted        = "Aborted"
)

// maxQueryJobs is how many query jobs an org takes in 24 hours.
const maxQueryJobs = 10_000

// JobScript says how Bulk jobs go. Its zero value is a job that is in progress
// at the first poll and complete at the second.
type JobScript struct {
	// Object limits the script to jobs about one object; "" is any.
	Object string
	// Times is how many jobs it serves; 0 means one, less than 0 all.
	Times int

	// Polls is how many polls see the job unfinished; 0 means one, less than 0
	// none.
	Polls int
	// After is how long the job runs at least, by the org's clock.
	After time.Duration
	// Never keeps the job in progress for ever.
	Never bool
	// Fail ends the job in the state Failed with this message.
	Fail string
	// Abort ends the job as if somebody else had aborted it.
	Abort bool
	// Lose drops that many rows from the end of the results, without a word.
	Lose int
	// Processed is added to numberRecordsProcessed.
	Processed int
	// Records is added to Sforce-NumberOfRecords of every set.
	Records int
	// RefuseStatus refuses the creation with RefuseCode and RefuseMessage.
	RefuseStatus              int
	RefuseCode, RefuseMessage string
}

// Script lets coming Bulk jobs go as s says. The first script that matches a
// job serves it.
func (o *Org) Script(s JobScript) {
	if s.Times == 0 {
		s.Times = 1
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.scripts = append(o.scripts, s)
}

// scriptFor takes the script of a new job. The caller holds mu.
func (o *Org) scriptFor(object string) JobScript {
	for i := range o.scripts {
		s := &o.scripts[i]
		if s.Times == 0 || s.Object != "" && s.Object != object {
			continue
		}
		s.Times--
		return *s
	}
	return JobScript{}
}

// Job is a Bulk job as a test may see it.
type Job struct {
	ID, Object, Operation, Query, State string
	Polls                               int // how often its state was asked for
	Rows                                int
	Deleted                             bool
}

// Jobs lists all Bulk query jobs in the order of their creation, deleted ones
// included.
func (o *Org) Jobs() []Job {
	o.mu.Lock()
	defer o.mu.Unlock()
	var list []Job
	for _, id := range o.jobOrder {
		j := o.jobs[id]
		list = append(list, Job{
			ID: j.id, Object: j.object, Operation: j.operation, Query: j.query, State: j.state, Polls: j.polls, Rows: len(j.rows), Deleted: j.gone,
		})
	}
	return list
}

// job is one Bulk API 2.0 query job. Its result is fixed when it is made. The
// Org's mutex guards state, polls and gone.
type job struct {
	id, object, operation, query string
	version                      int
	created                      time.Time
	delimiter, lineEnd           string
	dialect                      csvDialect
	plan                         *plan
	rows                         []uint32
	script                       JobScript
	failure                      string

	state string
	polls int
	gone  bool
}

// advance moves the job on by one look at it. The caller holds mu.
func (j *job) advance(now time.Time) {
	if j.state != stateUploadComplete && j.state != stateInProgress {
		return
	}
	polls := j.script.Polls
	if polls == 0 {
		polls = 1
	}
	j.polls++
	switch {
	case j.script.Never, j.polls <= polls, now.Sub(j.created) < j.script.After:
		j.state = stateInProgress
	case j.failure != "":
		j.state = stateFailed
	case j.script.Abort:
		j.state = stateAborted
	default:
		j.state = stateComplete
	}
}

// processed is numberRecordsProcessed, which grows while the job runs.
func (j *job) processed() int {
	switch j.state {
	case stateUploadComplete, stateFailed:
		return 0
	case stateInProgress:
		return min(len(j.rows), j.polls*10_000)
	default:
		return len(j.rows) + j.script.Processed
	}
}

// results are the rows that the job hands out.
func (j *job) results() []uint32 { return j.rows[:max(0, len(j.rows)-j.script.Lose)] }

// describe is the job's JSON: what the creation answers, and with full what a
// poll does. The caller holds mu.
func (j *job) describe(userID string, full bool) ordered {
	stamp := string(appendStamp(nil, j.created.UnixMilli(), "+0000"))
	out := ordered{
		{"id", j.id},
		{"operation", j.operation},
		{"object", j.object},
		{"createdById", userID},
		{"createdDate", stamp},
		{"systemModstamp", stamp},
		{"state", j.state},
		{"concurrencyMode", "Parallel"},
		{"contentType", "CSV"},
		{"apiVersion", decimal(j.version)},
	}
	if full {
		out = append(out, ordered{{"jobType", "V2Query"}}...)
	}
	out = append(out, ordered{{"lineEnding", j.lineEnd}, {"columnDelimiter", j.delimiter}}...)
	if full {
		out = append(out, ordered{{"numberRecordsProcessed", j.processed()}, {"retries", 0}, {"totalProcessingTime", 334 * j.polls}, {"isPkChunkingSupported", true}}...)
		if j.state == stateFailed {
			out = append(out, pair{"errorMessage", j.failure})
		}
	}
	return out
}

// decimal is a version as a JSON number with its fraction.
type decimal int

// MarshalJSON writes 60.0.
func (d decimal) MarshalJSON() ([]byte, error) {
	return append(strconv.AppendInt(nil, int64(d), 10), ".0"...), nil
}

// jobs answers everything under /jobs. Only queries are served.
func (c *call) jobs() *apiError {
	if len(c.segments) < 2 || c.segments[1] != "query" || c.version < 47 {
		return errNotFound
	}
	if c.org.knob().NoBulk {
		return &apiError{http.StatusForbidden, "API_DISABLED_FOR_ORG", "Bulk API is not enabled for this organization", nil}
	}
	switch rest := c.segments[2:]; len(rest) {
	case 0:
		return c.jobCollection()
	case 1:
		return c.oneJob(rest[0])
	case 2:
		return c.jobResults(rest[0], rest[1])
	default:
		return errNotFound
	}
}

func (c *call) jobCollection() *apiError {
	if err := c.only("GET", "POST"); err != nil {
		return err
	}
	if c.r.Method == http.MethodPost {
		return c.createJob()
	}
	return c.listJobs()
}

const jobsPerPage = 1000

func (c *call) listJobs() *apiError {
	o := c.org
	start, _ := strconv.Atoi(c.r.URL.Query().Get("queryLocator"))
	o.mu.Lock()
	records := []ordered{}
	for _, id := range slices.Backward(o.jobOrder) {
		if j := o.jobs[id]; !j.gone {
			records = append(records, j.describe(o.UserID(), false))
		}
	}
	o.mu.Unlock()
	start = min(max(start, 0), len(records))
	end := min(start+jobsPerPage, len(records))
	answer := ordered{{"done", end == len(records)}, {"records", records[start:end]}, {"nextRecordsUrl", nil}}
	if end < len(records) {
		answer[2].value = fmt.Sprintf("%s/jobs/query?queryLocator=%d", c.base(), end)
	}
	return c.json(http.StatusOK, answer)
}

// oneJob polls, aborts and deletes.
func (c *call) oneJob(id string) *apiError {
	if err := c.only("GET", "PATCH", "DELETE"); err != nil {
		return err
	}
	var patch struct{ State string }
	if c.r.Method == http.MethodPatch {
		if err := c.decode(&patch); err != nil {
			return err
		}
	}
	o := c.org
	o.mu.Lock()
	answer, refused := c.actOn(o.jobs[id], patch.State)
	o.mu.Unlock()
	switch {
	case refused != nil:
		return refused
	case answer == nil:
		return c.noContent()
	default:
		return c.json(http.StatusOK, answer)
	}
}

// actOn carries out a request on a job. The caller holds mu. No answer means
// 204.
func (c *call) actOn(j *job, state string) (ordered, *apiError) {
	if j == nil || j.gone {
		return nil, errNotFound
	}
	done := j.state == stateComplete || j.state == stateFailed || j.state == stateAborted
	switch c.r.Method {
	case http.MethodPatch:
		switch {
		case state != stateAborted:
			return nil, badRequest("INVALIDJOB", "Unsupported state: "+state)
		case done:
			return nil, badRequest("INVALIDJOBSTATE", "Aborting already Completed Job not allowed")
		}
		j.state = stateAborted
		return j.describe(c.org.UserID(), false), nil
	case http.MethodDelete:
		if !done {
			return nil, badRequest("API_ERROR", "Error encountered when deleting the job because the job is not terminated")
		}
		j.gone = true
		return nil, nil
	default:
		j.advance(c.org.clock.Now())
		return j.describe(c.org.UserID(), true), nil
	}
}
