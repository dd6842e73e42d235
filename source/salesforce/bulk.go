package salesforce

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/source"
)

// bulkReader reads a query by a Bulk API 2.0 job. Its result pages are parts
// that can be read side by side and again.
type bulkReader struct {
	*scan
	job      bulkJob
	path     string           // of the job
	pages    []string         // addresses of pages listed and not yet handed out
	listing  string           // address of the next list of pages, "" when complete
	parallel bool             // the org lists pages; else each names the next
	next1    *openPage        // sequential: the page to hand out next
	places   chan struct{}    // of pages that are decoded
	slow     atomic.Bool      // a page has waited too long for one
	mu       sync.Mutex       // guards what follows
	got      map[string]int64 // rows of each page read to its end
	unread   map[*openPage]bool
}

// bulkJob is the job as the org tells it.
type bulkJob struct {
	ID           string `json:"id"`
	State        string `json:"state"`
	ErrorMessage string `json:"errorMessage"`
	// Processed counts the rows of the result; it grows while the job runs.
	Processed *int64 `json:"numberRecordsProcessed"`
}

// The states of a job that has ended.
const (
	jobComplete = "JobComplete"
	jobFailed   = "Failed"
	jobAborted  = "Aborted"
)

func (j bulkJob) ended() bool {
	return j.State == jobComplete || j.State == jobFailed || j.State == jobAborted
}

// bulkRefusedError says that the Bulk API will not run a query which REST may.
type bulkRefusedError struct{ err error }

func (e *bulkRefusedError) Error() string { return e.err.Error() }
func (e *bulkRefusedError) Unwrap() error { return e.err }

// maxSOQL is how long a statement may be (SOQL and SOSL Reference, API 66).
const maxSOQL = 100_000

func newBulkReader(s *scan) *bulkReader {
	return &bulkReader{scan: s, got: map[string]int64{}, places: make(chan struct{}, decoders)}
}

// startBulk creates the job; the org runs it while nobody waits.
func startBulk(ctx context.Context, s *scan) (reader, error) {
	operation := "query"
	if s.q.all {
		operation = "queryAll"
	}
	soql := s.q.soql()
	if len(soql) > maxSOQL {
		return nil, &bulkRefusedError{fmt.Errorf("the query is longer than %d characters", maxSOQL)}
	}
	b := newBulkReader(s)
	op := "create Bulk job for " + s.q.object
	err := s.t.src.api.sendJSON(ctx, op, http.MethodPost, s.t.src.api.path("jobs/query"), map[string]string{
		"operation": operation, "query": soql, "contentType": "CSV", "columnDelimiter": "COMMA", "lineEnding": "LF",
	}, &b.job)
	var fault *apiError
	if errors.As(err, &fault) && judge(fault).do == byREST {
		return nil, &bulkRefusedError{fault}
	}
	if err != nil {
		return nil, err
	}
	if !validName("j" + b.job.ID) {
		return nil, &source.Error{Op: op, Err: fmt.Errorf("the org gave %q as a job id", excerpt([]byte(b.job.ID)))}
	}
	b.path = s.t.src.api.path("jobs/query/" + b.job.ID)
	return b, nil
}

func (b *bulkReader) rows() int64 {
	if b.job.State == jobComplete && b.job.Processed != nil {
		return *b.job.Processed
	}
	return b.plan.Rows
}

// next waits for the job at the first call and then hands out its pages.
func (b *bulkReader) next(ctx context.Context) (source.Part, error) {
	if !b.job.ended() {
		if err := b.wait(ctx); err != nil {
			return nil, err
		}
		if err := b.list(ctx); err != nil {
			return nil, err
		}
	}
	if b.parallel {
		return b.listed(ctx)
	}
	return b.following(ctx)
}

// Looks at a job come after a tenth of the time it has run so far, so that its
// end is seen no later than that: some sixty for a job of ten minutes, and 110
// for one of an hour.
const (
	firstLook   = 500 * time.Millisecond
	longestLook = time.Minute
)

// wait looks at the job until it has ended.
func (b *bulkReader) wait(ctx context.Context) error {
	op := "Bulk job " + b.job.ID + " for " + b.q.object
	lost := 0
	for waited := time.Duration(0); ; {
		b.observe(source.Event{Phase: b.phase()})
		pause := min(max(firstLook, waited/10), longestLook)
		if err := b.t.src.opt.Sleep(ctx, pause); err != nil {
			return err
		}
		waited += pause
		err := b.t.src.api.getJSON(ctx, op, b.path, &b.job)
		// A job that was just made may not be known everywhere yet.
		if isStatus(err, http.StatusNotFound) && lost < 3 {
			lost++
			continue
		}
		if err != nil {
			return err
		}
		switch b.job.State {
		case jobComplete:
			b.observe(source.Event{Phase: "copying"})
			return nil
		case jobFailed:
			return b.failed(op)
		case jobAborted:
			return &source.Error{Op: op, Err: errors.New("somebody aborted the job in the org"), Mend: "see Setup, Bulk Data Load Jobs, and run again"}
		}
		if waited > b.t.src.opt.JobTimeout {
			return &source.Error{
				Op: op, Kind: source.TryLater, Err: fmt.Errorf("the job is still %s after %s", b.job.State, waited.Round(time.Second)),
				Mend: "see Setup, Bulk Data Load Jobs; the job is aborted now",
			}
		}
	}
}

// phase is what a person who waits wants to know about the job.
func (b *bulkReader) phase() string {
	text := "waiting for Bulk job: " + b.job.State
	if b.job.Processed != nil && *b.job.Processed > 0 {
		text += ", " + countOf(*b.job.Processed) + " so far"
	}
	return text + " (" + b.job.ID + ")" // last, as a narrow screen cuts it
}

// failed is the error for a failed job, with the org's own words.
func (b *bulkReader) failed(op string) error {
	message := first(oneLine(b.job.ErrorMessage), "the org does not say why")
	code, text, _ := strings.Cut(strings.TrimPrefix(message, "InvalidBatch : Failed to process query: "), ":")
	fault := &apiError{Call: callJob, Status: http.StatusBadRequest, Code: strings.TrimSpace(code), Message: first(strings.TrimSpace(text), message)}
	r := judge(fault)
	if r.do == byREST {
		return &bulkRefusedError{errors.New(message)}
	}
	fault.Message = message
	return &source.Error{
		Op: op, Kind: r.kind, Code: fault.Code, Err: &jobFailedError{fault},
		Mend: first(r.mend, "see Setup, Bulk Data Load Jobs"),
	}
}

// jobFailedError is a job that the org gave up.
type jobFailedError struct{ fault *apiError }

func (e *jobFailedError) Error() string { return "the job failed: " + e.fault.Message }
func (e *jobFailedError) Unwrap() error { return e.fault }

// parallelSince is the first API version that lists result pages.
const parallelSince = 58

// list learns where the result is: a list of pages, or where the org has no
// such list a chain of them.
func (b *bulkReader) list(ctx context.Context) error {
	if versionNumber(b.t.src.api.version.String()) < parallelSince {
		return nil
	}
	b.listing = b.path + "/resultPages"
	err := b.more(ctx)
	if remedyOf(err) == chain {
		b.listing = ""
		return nil
	}
	b.parallel = err == nil
	return err
}

// more reads the next list of pages.
func (b *bulkReader) more(ctx context.Context) error {
	var list struct {
		Pages []struct {
			URL  string `json:"resultUrl"`
			Link string `json:"resultLink"` // its name in older texts
		} `json:"resultPages"`
		Next    string `json:"nextRecordsUrl"`
		NextOld string `json:"nextRecordUrl"`
		Done    bool   `json:"done"`
	}
	op := "list results of Bulk job " + b.job.ID
	if err := b.t.src.api.getJSON(ctx, op, b.listing, &list); err != nil {
		return err
	}
	for _, p := range list.Pages {
		path, err := b.resultPath(first(p.URL, p.Link))
		if err != nil {
			return err
		}
		b.pages = append(b.pages, path)
	}
	b.listing = ""
	if next := first(list.Next, list.NextOld); !list.Done && next != "" {
		path, err := b.resultPath(next)
		b.listing = path
		return err
	}
	return nil
}

// resultPath makes a path of the job's own out of what the org gave: some
// leave the version out, and the token must go nowhere else.
func (b *bulkReader) resultPath(given string) (string, error) {
	u, err := url.Parse(given)
	if err == nil {
		low := strings.ToLower(u.Path)
		if i := strings.Index(low, strings.ToLower("/jobs/query/"+b.job.ID+"/")); i >= 0 {
			path := b.path + u.Path[i+len("/jobs/query/"+b.job.ID):]
			if u.RawQuery != "" {
				path += "?" + u.RawQuery
			}
			return path, nil
		}
	}
	return "", &source.Error{Op: "list results of Bulk job " + b.job.ID, Err: fmt.Errorf("the org gave %q as the address of a page", excerpt([]byte(given)))}
}

// listed hands out the next page of the list.
func (b *bulkReader) listed(ctx context.Context) (source.Part, error) {
	for len(b.pages) == 0 {
		if b.listing == "" {
			return nil, io.EOF
		}
		if err := b.more(ctx); err != nil {
			return nil, err
		}
	}
	page := &bulkPage{bulkReader: b, path: b.pages[0]}
	b.pages = b.pages[1:]
	return page, nil
}

// following hands out the first page, or the one that the page before named.
// Its request is sent here, since its answer names the page after it.
func (b *bulkReader) following(ctx context.Context) (source.Part, error) {
	path := b.path + "/results"
	if b.next1 != nil {
		if b.next1.locator == "" {
			return nil, io.EOF
		}
		path += "?locator=" + url.QueryEscape(b.next1.locator)
	}
	open, err := b.open(ctx, path)
	if err != nil {
		return nil, err
	}
	b.next1 = open
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.unread == nil {
		b.unread = map[*openPage]bool{}
	}
	b.unread[open] = true
	return &bulkPage{bulkReader: b, path: path, opened: open}, nil
}

// openPage is a result page whose body has not been read.
type openPage struct {
	body    io.ReadCloser
	rows    int64  // announced, -1 when not
	locator string // of the page after it, "" for the last
	whole   bool   // the answer tells where it ends
}

// open asks for a page.
func (b *bulkReader) open(ctx context.Context, path string) (*openPage, error) {
	resp, err := b.t.src.api.send(streaming(ctx), b.op(), http.MethodGet, path, nil) //nolint:bodyclose // the page's Read closes it
	if err != nil {
		return nil, err
	}
	p := &openPage{body: resp.Body, rows: -1, locator: resp.Header.Get("Sforce-Locator")}
	p.whole = resp.ProtoMajor > 1 || resp.ContentLength >= 0 || slices.Contains(resp.TransferEncoding, "chunked")
	if p.locator == "null" {
		p.locator = ""
	}
	if n, err := strconv.ParseInt(resp.Header.Get("Sforce-NumberOfRecords"), 10, 64); err == nil {
		p.rows = n
	}
	return p, nil
}

func (b *bulkReader) op() string { return "download Bulk job " + b.job.ID + " for " + b.q.object }

// bulkPage is one page of a result. It stays the same while the job exists, so
// that it can be read again.
type bulkPage struct {
	*bulkReader
	path   string
	opened *openPage // sequential: sent for already, for the first reading
}

func (p *bulkPage) Name() string { return p.path[len(p.bulkReader.path):] }

func (p *bulkPage) Read(ctx context.Context, emit func(arrow.RecordBatch) error) error {
	page, leave, err := p.begin(ctx)
	if err != nil {
		return err
	}
	defer leave()
	defer page.body.Close()
	b := newBatcher(p.q.object, p.schema, p.t.src.opt.Alloc, atMost(page.rows, p.op(), emit))
	defer b.release()
	rows, err := decodeCSV(page.body, page.whole, b)
	if err == nil {
		err = b.flush()
	}
	if err != nil {
		return p.broken(err, page.body)
	}
	// P2: a page that was cut between two rows is not taken for a whole one.
	if page.rows >= 0 && rows != page.rows {
		return countError(p.op(), rows, page.rows)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got[p.Name()] = rows
	return nil
}

// decoders is how many pages of a job are decoded at once. Others are sent for
// meanwhile, as the org takes half a second and more to begin with one: they take
// a connection, and no memory. 1,000,000 rows from an org that does came in 8.8 s
// by five requests, of which three were decoded, and in 10.9 s by three.
const decoders = 3

// begin opens the page and takes a place among those that are decoded, which
// leave gives back. A page that waited too long for one is sent for again, and
// those after it when they have theirs: whoever writes the rows is slower than
// the org. A page that has no place waits for nobody who waits for its request.
func (p *bulkPage) begin(ctx context.Context) (page *openPage, leave func(), err error) {
	if page = p.opened; page != nil {
		p.opened = nil
		p.mu.Lock()
		delete(p.unread, page)
		p.mu.Unlock()
	} else if !p.slow.Load() {
		if page, err = p.open(ctx, p.path); err != nil {
			return nil, nil, err
		}
	}
	leave = func() { <-p.places }
	if page != nil {
		// Whoever is in between gives up a connection that nobody reads from.
		overdue := time.NewTimer(p.t.src.opt.IdleTimeout / 8)
		defer overdue.Stop()
		select {
		case p.places <- struct{}{}:
			return page, leave, nil
		case <-overdue.C:
			p.slow.Store(true)
		case <-ctx.Done():
		}
		page.body.Close()
	}
	select {
	case p.places <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	if page, err = p.open(ctx, p.path); err != nil {
		leave()
		return nil, nil, err
	}
	return page, leave, nil
}

// atMost ends a page that goes on past the rows it announced: it may have no
// end.
func atMost(rows int64, op string, emit func(arrow.RecordBatch) error) func(arrow.RecordBatch) error {
	got := int64(0)
	return func(rec arrow.RecordBatch) error {
		if got += rec.NumRows(); rows >= 0 && got > rows {
			return countError(op, got, rows)
		}
		return emit(rec)
	}
}

// broken tells a download that broke off, and may be read again, from rows
// that cannot be read. Damage of a compressed body may show as such rows before
// the checksum at its end tells, so the rest is looked at first.
func (p *bulkPage) broken(err error, rest io.Reader) error {
	var taker *emitError
	if errors.As(err, &taker) {
		return taker.err
	}
	if _, damage := io.Copy(io.Discard, io.LimitReader(rest, maxAnswer)); damage != nil {
		err = damage
	}
	if retryableNetwork(err) {
		return &source.Error{Op: p.op(), Kind: source.TryLater, Err: networkCause(err), Again: true, Mend: "check the network and run again"}
	}
	return named(p.op(), err)
}

// verify compares the rows of all pages with what the job says it made.
func (b *bulkReader) verify() error {
	if b.job.Processed == nil {
		return nil
	}
	total := int64(0)
	for _, rows := range b.got {
		total += rows
	}
	if total != *b.job.Processed {
		return countError("Bulk job "+b.job.ID+" for "+b.q.object, total, *b.job.Processed)
	}
	return nil
}

// close aborts a job that nobody waits for any more. A result that was not
// read to its end is deleted: the org would keep it for a week.
func (b *bulkReader) close(ctx context.Context) error {
	for page := range b.unread { // their requests are under way until then
		page.body.Close()
	}
	if b.kept && b.parallel && b.job.State == jobComplete {
		return nil
	}
	if b.job.State == jobFailed || b.job.State == jobAborted || b.job.State == jobComplete && b.verify() == nil {
		return nil
	}
	op := "abort Bulk job " + b.job.ID
	err := b.t.src.api.sendJSON(ctx, op, http.MethodPatch, b.path, map[string]string{"state": jobAborted}, nil)
	if !isStatus(err, http.StatusBadRequest) {
		return err
	}
	resp, err := b.t.src.api.send(ctx, "delete Bulk job "+b.job.ID, http.MethodDelete, b.path, nil)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
