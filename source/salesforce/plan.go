package salesforce

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/source"
)

// restPages is how many REST pages auto still prefers to a Bulk job. A job
// takes about that many calls (create, poll, list pages, fetch) and seconds in
// the org's queue.
const restPages = 5

// scan is one pass over a table by the API that the plan picked. Bulk may turn
// out to refuse the query; then, before any part is out, REST takes over.
type scan struct {
	t         *table
	q         query
	schema    *arrow.Schema // of the columns of q
	observe   func(source.Event)
	plan      source.Plan
	by        reader
	tentative bool // another API takes over what this one finds too large
	started   bool // a part is out
	log       changeLog
	resumed   string // the token of the scan that this one goes on with
	kept      bool   // close leaves the job to another scan
}

// reader is one of the two APIs.
type reader interface {
	next(ctx context.Context) (source.Part, error)
	verify() error
	close(ctx context.Context) error
	rows() int64 // expected, -1 when unknown
}

// Scan reads the change log if asked to, counts where the choice of API depends
// on it, and starts the query.
func (t *table) Scan(ctx context.Context, r source.Request) (source.Scan, error) {
	q, err := t.query(r)
	if err != nil {
		return nil, err
	}
	s := &scan{t: t, q: q, schema: t.subset(q.fields, q.texts), observe: r.Observe, plan: source.Plan{Rows: -1}}
	if s.observe == nil {
		s.observe = func(source.Event) {}
	}
	t.warnUnknown(s.observe)
	if r.Track {
		if err := s.log.read(ctx, s, r.GoneSince); err != nil {
			return nil, err
		}
	}
	if goesOn, err := s.goOn(ctx, r.Resume); err != nil || goesOn {
		return s, err
	}
	switch {
	case r.Limit > 0: // Bulk would read the object in one piece
		err = s.start(ctx, "rest", reasonOfLimit(r.Limit))
	case t.src.mode != "auto":
		err = s.start(ctx, t.src.mode, "asked for")
	case len(q.where) > 0:
		err = s.startPart(ctx)
	default:
		err = s.startWhole(ctx)
	}
	if err != nil {
		return nil, stale(err)
	}
	return s, nil
}

// stale marks errors that say that the object is not as it was described: a
// field went away between describe and query.
func stale(err error) error {
	var e *source.Error
	if !errors.As(err, &e) || !strings.EqualFold(strings.ReplaceAll(e.Code, "_", ""), "INVALIDFIELD") {
		return err
	}
	s := *e
	s.Stale = true
	return &s
}

// startWhole reads a whole table: the org's own record count tells by which
// API.
func (s *scan) startWhole(ctx context.Context) error {
	rows, err := s.count(ctx)
	if err != nil {
		return err
	}
	s.plan.Rows = rows
	api, reason := choose(rows, s.t.pageRows())
	return s.start(ctx, api, reason)
}

// startPart reads part of a table, most likely a small one: a REST query's
// first page tells its size, and when it is small no call was wasted.
func (s *scan) startPart(ctx context.Context) error {
	s.tentative = true
	err := s.start(ctx, "rest", "a part of the table")
	s.tentative = false
	if err != nil && remedyOf(err) != split {
		return err
	}
	rows := int64(-1)
	if err == nil {
		rows = s.by.rows()
	}
	api, reason := choose(rows, s.t.pageRows())
	if api == "rest" {
		s.plan.Reason = reason
		return nil
	}
	return s.start(ctx, api, reason)
}

func reasonOfLimit(rows int64) string { return "no more than " + countOf(rows) }

// countOf is a number of rows for people: 1,234 rows.
func countOf(rows int64) string {
	digits := strconv.FormatInt(rows, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if rows == 1 {
		return digits + " row"
	}
	return digits + " rows"
}

// choose is the rule of auto: rows is -1 when the org would not count.
func choose(rows, pageRows int64) (api, reason string) {
	switch {
	case rows < 0:
		return "bulk", "the org does not tell the number of rows"
	case rows <= restPages*pageRows:
		return "rest", fmt.Sprintf("about %s, %d or fewer pages", countOf(rows), restPages)
	default:
		return "bulk", "about " + countOf(rows)
	}
}

// pageRows is how many rows a REST page is likely to have: 2,000, or 200 when
// two or more long text areas are among the columns (SOQL and SOSL Reference,
// API 66).
func (t *table) pageRows() int64 {
	long := 0
	for _, f := range t.obj.Fields {
		if f.Type == "textarea" && f.Length > 255 && f.Custom {
			long++
		}
	}
	if long >= 2 {
		return 200
	}
	return 2000
}

// count asks how many rows the query has, cheaply: the org's own record count
// for a whole table, COUNT() otherwise. It is -1 when the org takes too long
// to count; other errors are errors of the query itself.
func (s *scan) count(ctx context.Context) (int64, error) {
	api := s.t.src.api
	if len(s.q.where) == 0 {
		var counts struct {
			SObjects []struct {
				Name  string `json:"name"`
				Count int64  `json:"count"`
			} `json:"sObjects"`
		}
		err := api.getJSON(ctx, "count "+s.q.object, api.path("limits/recordCount?sObjects="+s.q.object), &counts)
		if err != nil && ctx.Err() != nil {
			return 0, err
		}
		for _, c := range counts.SObjects {
			if err == nil && strings.EqualFold(c.Name, s.q.object) {
				return c.Count, nil
			}
		}
	}
	body, err := api.get(ctx, "count "+s.q.object, s.q.path(api, s.q.countSOQL()))
	if err != nil {
		// What is wrong with the user's own condition is told at once.
		if remedyOf(err) == split || len(s.q.where) == 0 && withheld(err) {
			return -1, nil
		}
		return 0, err
	}
	page, err := parsePage(body)
	if err != nil {
		return 0, &source.Error{Op: "count " + s.q.object, Err: err}
	}
	return page.Total, nil
}

// withheld says whether an org would not tell what a load can do without, such
// as a count of rows that it may well show.
func withheld(err error) bool {
	var fault *source.Error
	var no *apiError
	if !errors.As(err, &fault) || !errors.As(err, &no) || no.Status == http.StatusUnauthorized || fault.Kind == source.BudgetSpent {
		return false
	}
	return no.Status < http.StatusInternalServerError
}

// path is the address of a REST query. Commas and parentheses, which queries
// are full of, stay as they are: the whole address has to fit in 16,384 bytes.
func (q query) path(a *api, soql string) string {
	resource := "query"
	if q.all {
		resource = "queryAll"
	}
	return a.path(resource + "?q=" + soqlEscapes.Replace(url.QueryEscape(soql)))
}

var soqlEscapes = strings.NewReplacer("%2C", ",", "%28", "(", "%29", ")")

// start opens a reader of the given API, or of REST when Bulk refuses.
func (s *scan) start(ctx context.Context, api, reason string) (err error) {
	s.plan.API, s.plan.Reason = api, reason
	if api == "bulk" {
		var bulk reader
		bulk, err = startBulk(ctx, s)
		if remedyOf(err) == split {
			bulk, err = startPieces(ctx, s, err)
		}
		var no *bulkRefusedError
		if !errors.As(err, &no) {
			s.by = bulk
			return err
		}
		s.fallBack(no)
	}
	if s.by, err = startREST(ctx, s); err == nil {
		s.plan.Rows = s.by.rows()
	}
	return err
}

// fallBack plans to go by REST what Bulk refuses, and says so.
func (s *scan) fallBack(no *bulkRefusedError) {
	s.plan.API, s.plan.Reason = "rest", "Bulk API refuses: "+no.Error()
	s.observe(source.Event{Warning: fmt.Sprintf("%s is read by REST, because the Bulk API refuses it: %s", s.q.object, no)})
}

func (s *scan) Plan() source.Plan { return s.plan }

func (s *scan) Next(ctx context.Context) (source.Part, error) {
	part, err := s.by.next(ctx)
	if _, whole := s.by.(*bulkReader); whole && !s.started && remedyOf(err) == split {
		var pieces reader
		if pieces, err = startPieces(ctx, s, err); err == nil {
			s.by = pieces
			part, err = pieces.next(ctx)
		}
	}
	var no *bulkRefusedError
	if errors.As(err, &no) && !s.started {
		s.fallBack(no)
		if err = s.start(ctx, "rest", s.plan.Reason); err != nil {
			return nil, err
		}
		part, err = s.by.next(ctx)
	}
	if err == nil || errors.Is(err, io.EOF) {
		s.started = true
		s.plan.Rows = s.by.rows()
	}
	if err != nil {
		return nil, stale(err)
	}
	return s.log.watch(part), nil
}

func (s *scan) Verify() error                   { return s.by.verify() }
func (s *scan) Close(ctx context.Context) error { return s.by.close(ctx) }

// countError is a difference between what came and what was announced (P2).
// Reading again may mend it: a download may have been cut at a row's end.
func countError(op string, got, want int64) error {
	return &source.Error{
		Op: op, Err: fmt.Errorf("%d rows came, Salesforce announced %d", got, want), Again: true,
		Mend: "nothing was written; run again, and report it to Salesforce if it stays so",
	}
}
