package fakeorg

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// bulkPage is the number of rows in a set of results when the client does not
// say.
const bulkPage = 50_000

// pagesAtOnce is how many addresses one answer of resultPages holds.
const pagesAtOnce = 5

func (c *call) jobResults(id, what string) *apiError {
	if err := c.only("GET"); err != nil {
		return err
	}
	o := c.org
	o.mu.Lock()
	j := o.jobs[id]
	var state string
	if j != nil && !j.gone {
		state = j.state
	}
	size := o.knobs.BulkPageSize
	early := o.knobs.NoContentBeforeComplete
	o.mu.Unlock()
	if size <= 0 {
		size = bulkPage
	}
	pages := strings.EqualFold(what, "resultPages") && c.version >= 58
	switch {
	case state == "", what != "results" && !pages:
		return errNotFound
	case j.version != c.version:
		return &apiError{http.StatusConflict, "API_ERROR", fmt.Sprintf("The job was created with API version %d.0", j.version), nil}
	case state != stateComplete && early:
		return c.noContent()
	case state != stateComplete:
		return badRequest("INVALIDJOBSTATE", "Results are not available for a job in state "+state)
	case pages:
		return c.resultPages(j, size)
	default:
		return c.results(j, size)
	}
}

// A locator is opaque to clients: the row that a set starts with, and the job.
func (j *job) locator(start int) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(start) + ":" + j.id[9:15]))
}

func (j *job) locate(locator string) (int, bool) {
	text, err := base64.RawURLEncoding.DecodeString(locator)
	if err != nil {
		return 0, false
	}
	digits, owner, _ := strings.Cut(string(text), ":")
	start, err := strconv.Atoi(digits)
	return start, err == nil && owner == j.id[9:15] && start >= 0 && start <= len(j.results())
}

// start finds the row that a request begins with.
func (c *call) start(j *job) (int, *apiError) {
	locator := c.r.URL.Query().Get("locator")
	if locator == "" {
		return 0, nil
	}
	start, ok := j.locate(locator)
	if !ok {
		return 0, badRequest("INVALID_QUERY_LOCATOR", "invalid query locator")
	}
	return start, nil
}

// results sends one set of rows as CSV.
func (c *call) results(j *job, size int) *apiError {
	start, err := c.start(j)
	if err != nil {
		return err
	}
	if text := c.r.URL.Query().Get("maxRecords"); text != "" {
		n, bad := strconv.Atoi(text)
		if bad != nil || n <= 0 {
			return badRequest("INVALIDJOB", "maxRecords must be a positive number")
		}
		size = n
	}
	rows := j.results()
	end := min(start+size, len(rows))
	c.headers()
	h := c.w.Header()
	h.Set("Content-Type", "text/csv")
	h.Set("Transfer-Encoding", "chunked")
	h.Set("Sforce-NumberOfRecords", strconv.Itoa(end-start+j.script.Records))
	h.Set("Sforce-Locator", "null")
	if end < len(rows) {
		h.Set("Sforce-Locator", j.locator(end))
	}
	if c.org.knob().NoRowCount {
		h.Del("Sforce-NumberOfRecords")
		if end == len(rows) {
			h.Del("Sforce-Locator")
		}
	}
	if end == start && c.org.knob().EmptyBodyForZeroRows {
		c.w.WriteHeader(http.StatusOK)
		return nil
	}
	c.send(j, start, end)
	return nil
}

// send writes the rows, compressed when the client asked for it.
func (c *call) send(j *job, start, end int) {
	var out io.Writer = c.w
	if c.wantsGzip() {
		c.w.Header().Set("Content-Encoding", "gzip")
		z := gzipWriter(c.w)
		defer releaseGzip(z)
		defer func() { _ = z.Close() }() // the client has gone
		out = z
	}
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method == http.MethodHead {
		return
	}
	_ = render(out, j, start, end)
}

// flushAt is how much CSV is gathered before it is sent.
const flushAt = 256 << 10

// render writes a header and the rows from start to end. It stops when the
// client has gone.
func render(out io.Writer, j *job, start, end int) error {
	buf := make([]byte, 0, flushAt+64<<10)
	buf = j.dialect.header(buf, j.plan.names())
	for _, row := range j.results()[start:end] {
		buf = j.dialect.row(buf, j.plan.view, row, j.plan.columns)
		if len(buf) >= flushAt {
			if _, err := out.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	_, err := out.Write(buf)
	return err
}

// resultPages lists the addresses of sets that may be read side by side.
func (c *call) resultPages(j *job, size int) *apiError {
	start, err := c.start(j)
	if err != nil {
		return err
	}
	base, total := c.base()+"/jobs/query/"+j.id, len(j.results())
	pages := []ordered{}
	for len(pages) < pagesAtOnce && (start < total || len(pages) == 0 && total == 0) {
		pages = append(pages, ordered{{"resultUrl", base + "/results?locator=" + url.QueryEscape(j.locator(start))}})
		start += size
	}
	answer := ordered{{"resultPages", pages}, {"nextRecordsUrl", nil}, {"done", start >= total}}
	if start < total {
		answer[1].value = base + "/resultpages?locator=" + url.QueryEscape(j.locator(start))
	} else {
		answer = ordered{answer[0], answer[2]}
	}
	return c.json(http.StatusOK, answer)
}
