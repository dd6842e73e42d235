package salesforce

import (
	"context"
	"time"

	"sluice/source"
)

// What requests take at an org that is not busy. They are guesses to plan by,
// of the right order at best: nothing depends on them.
const (
	callTime  = 250 * time.Millisecond
	pageTime  = time.Second // of a REST page, which the org makes while we wait
	queueTime = 10 * time.Second
	bulkRate  = 15_000 // rows a second, from the org to us
)

// Estimate implements [source.Table]. It counts as Scan does, and starts
// nothing.
func (t *table) Estimate(ctx context.Context, r source.Request) (source.Estimate, error) {
	q, err := t.query(r)
	if err != nil {
		return source.Estimate{}, err
	}
	s := &scan{t: t, q: q, observe: func(source.Event) {}}
	if r.Observe != nil {
		s.observe = r.Observe
	}
	t.warnUnknown(s.observe)
	e := source.Estimate{Query: q.soql()}
	if e.Rows, err = s.count(ctx); err != nil {
		return e, stale(err)
	}
	if r.Limit > 0 && e.Rows > r.Limit {
		e.Rows = r.Limit
	}
	e.Calls = 1 // describe
	if r.Track && t.obj.Replicateable {
		e.Calls++ // the log of deletions
	}
	switch part := len(q.where) > 0; {
	case r.Limit > 0:
		e.API, e.Reason = "rest", reasonOfLimit(r.Limit)
	case t.src.mode != "auto":
		e.API, e.Reason = t.src.mode, "asked for"
	default:
		e.API, e.Reason = choose(e.Rows, t.pageRows())
		if !part || e.API == "bulk" {
			e.Calls++ // the count, or the REST query that found the part too large
		}
	}
	e.Time = time.Duration(e.Calls) * callTime
	rows := max(0, e.Rows)
	if e.API == "bulk" {
		e.Jobs = 1
		e.Calls += bulkCalls + pagesOf(rows, bulkPageRows)
		e.Time += bulkCalls*callTime + queueTime + time.Duration(rows)*time.Second/bulkRate
		return e, nil
	}
	pages := pagesOf(rows, t.pageRows())
	if chunks := int64(len(q.split(t, maxAddress))); chunks > 1 {
		pages = pages*chunks + 1 // and a count
	}
	e.Calls += pages
	e.Time += time.Duration(pages) * pageTime
	return e, nil
}

// pagesOf is how many pages rows take; a page without rows is one, too.
func pagesOf(rows, pageRows int64) int64 { return max(1, (rows+pageRows-1)/pageRows) }
