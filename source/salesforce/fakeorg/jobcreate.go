package fakeorg

import (
	"encoding/json"
	"net/http"
	"strings"
)

// jobRequest is the body of a job's creation. Unknown keys are refused, as
// Salesforce does.
type jobRequest struct {
	Operation       string `json:"operation"`
	Query           string `json:"query"`
	ContentType     string `json:"contentType"`
	ColumnDelimiter string `json:"columnDelimiter"`
	LineEnding      string `json:"lineEnding"`
}

func (c *call) createJob() *apiError {
	body, err := c.body()
	if err != nil {
		return err
	}
	var in jobRequest
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.DisallowUnknownFields()
	if bad := dec.Decode(&in); bad != nil {
		return badRequest("INVALIDJOB", "Unable to parse Job: "+strings.TrimPrefix(bad.Error(), "json: "))
	}
	j, err := in.job()
	if err != nil {
		return err
	}
	j.version = c.version
	if err := c.prepare(j); err != nil {
		return err
	}
	return c.register(j)
}

// job checks the settings of a request and fills in what they default to.
func (in *jobRequest) job() (*job, *apiError) {
	orDefault := func(s, d string) string {
		if s == "" {
			return d
		}
		return s
	}
	j := &job{
		operation: in.Operation, query: in.Query, state: stateUploadComplete,
		delimiter: orDefault(in.ColumnDelimiter, "COMMA"), lineEnd: orDefault(in.LineEnding, "LF"),
	}
	comma, okComma := delimiters[j.delimiter]
	end, okEnd := lineEnds[j.lineEnd]
	switch {
	case in.Operation != "query" && in.Operation != "queryAll":
		return nil, badRequest("INVALIDJOB", "Unsupported operation: "+in.Operation)
	case in.Query == "":
		return nil, badRequest("INVALIDJOB", "No query was provided")
	case in.ContentType != "" && in.ContentType != "CSV":
		return nil, badRequest("INVALIDJOB", "Unsupported content type: "+in.ContentType)
	case !okComma:
		return nil, badRequest("INVALIDJOB", "Unsupported column delimiter: "+in.ColumnDelimiter)
	case !okEnd:
		return nil, badRequest("INVALIDJOB", "Unsupported line ending: "+in.LineEnding)
	}
	j.dialect = csvDialect{comma, end}
	return j, nil
}

// prepare understands the query and finds its rows. With LateQueryErrors a
// wrong query fails the job later.
func (c *call) prepare(j *job) *apiError {
	p, err := c.org.planBulk(j.query, j.operation == "queryAll")
	if err != nil {
		if !c.org.knob().LateQueryErrors {
			return err
		}
		j.failure = "InvalidBatch : Failed to process query: " + err.code + ": " + err.message
		return nil
	}
	j.plan, j.rows, j.object = p, p.rows(), p.view.object.Name
	if most := c.org.knob().MaxQueryRows; most > 0 && len(j.rows) > most {
		j.failure = "InternalServerError : Retried more than fifteen times"
	}
	return nil
}

// register takes the job in, unless the day's number is used up or its script
// refuses it.
func (c *call) register(j *job) *apiError {
	o := c.org
	o.mu.Lock()
	if len(o.jobs) >= maxQueryJobs {
		o.mu.Unlock()
		return badRequest("API_ERROR", "Max bulk v2 query jobs (10000) per 24 hrs has been reached")
	}
	j.script = o.scriptFor(j.object)
	if j.script.RefuseStatus != 0 {
		o.mu.Unlock()
		return &apiError{j.script.RefuseStatus, j.script.RefuseCode, j.script.RefuseMessage, nil}
	}
	if j.script.Fail != "" {
		j.failure = j.script.Fail
	}
	j.id, j.created = formatID("750", uint32(o.next())), o.clock.Now()
	o.jobs[j.id] = j
	o.jobOrder = append(o.jobOrder, j.id)
	o.load.Jobs = max(o.load.Jobs, o.unfinished())
	answer := j.describe(o.UserID(), false)
	o.mu.Unlock()
	return c.json(http.StatusOK, answer)
}
