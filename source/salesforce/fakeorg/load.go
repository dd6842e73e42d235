package fakeorg

import (
	"net/http"
	"strings"
)

// Load is the most that an org had to do at one moment.
type Load struct {
	// Requests counts all that were under way, ForRows those of them whose
	// answers are rows: the ones that may take long.
	Requests, ForRows int
	// Jobs counts the Bulk jobs that were not finished.
	Jobs int
}

// Peak tells the most of each so far, not all at the same moment.
func (o *Org) Peak() Load {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.load
}

// Underway tells how many requests for rows are being answered.
func (o *Org) Underway() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.underway.forRows
}

// busy counts a request until the func it returns is called.
func (o *Org) busy(forRows bool) (done func()) {
	one := 0
	if forRows {
		one = 1
	}
	add := func(sign int) {
		o.mu.Lock()
		defer o.mu.Unlock()
		u := &o.underway
		u.requests, u.forRows = u.requests+sign, u.forRows+sign*one
		o.load.Requests, o.load.ForRows = max(o.load.Requests, u.requests), max(o.load.ForRows, u.forRows)
	}
	add(1)
	return func() { add(-1) }
}

// sendsRows says whether rows are asked for: by a query, one of its pages or a
// set of Bulk results.
func sendsRows(r *http.Request) bool {
	segments := splitPath(strings.TrimPrefix(r.URL.Path, "/services/data"))
	if r.Method != http.MethodGet || len(segments) < 2 {
		return false
	}
	return segments[1] == "query" || segments[1] == "queryAll" || segments[len(segments)-1] == "results"
}

// unfinished counts jobs. The caller holds mu.
func (o *Org) unfinished() (n int) {
	for _, j := range o.jobs {
		if (j.state == stateUploadComplete || j.state == stateInProgress) && !j.gone {
			n++
		}
	}
	return n
}
