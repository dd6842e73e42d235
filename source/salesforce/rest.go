package salesforce

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"golang.org/x/sync/errgroup"

	"sluice/source"
)

// restReader reads a query by REST. Its pages hang on one cursor, so they are
// one part, read in order, a page being fetched while the one before it is
// decoded.
type restReader struct {
	*scan
	first  *queryPage // fetched by the plan, for the first reading
	chunks []query    // more than one when the query is too long for an address
	ranges []idRange  // in which a single query is read
	total  int64
	handed bool
}

// maxAddress is how long the path of a request may be: Salesforce bounds the
// address and the headers together to 16,384 bytes, of which the token and the
// rest of the headers need some (Salesforce Developer Limits, API 66).
const maxAddress = 12_000

// startREST sends the query and keeps its first page.
func startREST(ctx context.Context, s *scan) (reader, error) {
	q := s.q
	if id := s.t.obj.field("Id"); q.limit == 0 && id != nil && id.Filterable && id.Sortable && slices.Contains(q.fields, id.Name) {
		q.order = id.Name // so that it can go on behind any row
	}
	r := &restReader{scan: s, chunks: q.split(s.t, maxAddress), ranges: []idRange{{}}}
	if len(r.chunks) > 1 {
		total, err := r.count(ctx)
		r.total = total
		return r, err
	}
	page, err := r.page(ctx, new(cursor), q.path(s.t.src.api, q.soql()))
	if remedyOf(err) == split && !s.tentative {
		r.total = -1
		r.ranges, err = r.halve(ctx, idRange{}, err)
		return r, err
	}
	if err != nil {
		return nil, err
	}
	r.first, r.total = &page, page.Total
	return r, nil
}

func (r *restReader) rows() int64                 { return r.total }
func (r *restReader) verify() error               { return nil } // Read has compared the counts
func (r *restReader) close(context.Context) error { return nil }

func (r *restReader) next(context.Context) (source.Part, error) {
	if r.handed {
		return nil, io.EOF
	}
	r.handed = true
	return r, nil
}

// page fetches and opens one page of a query that hangs on c.
func (r *restReader) page(ctx context.Context, c *cursor, path string) (queryPage, error) {
	op := "query " + r.q.object
	body, err := r.t.src.api.get(onCursor(ctx, c), op, path)
	if err != nil {
		return queryPage{}, err
	}
	page, err := parsePage(body)
	if err != nil {
		return page, &source.Error{Op: op, Err: err, Again: true, Mend: "check that no proxy answers in the org's place"}
	}
	page.on = c
	return page, nil
}

// pages calls do for each page of a query that begins at path, in order.
func (r *restReader) pages(ctx context.Context, path string, first *queryPage, do func(queryPage) error) error {
	group, gctx := errgroup.WithContext(ctx)
	pages := make(chan queryPage)
	group.Go(func() (err error) {
		defer close(pages)
		on := new(cursor)
		for {
			var p queryPage
			if first != nil {
				p, first = *first, nil
			} else if p, err = r.page(gctx, on, path); err != nil {
				return err
			}
			select {
			case pages <- p:
			case <-gctx.Done():
				return context.Cause(gctx)
			}
			if p.Done {
				return nil
			}
			on = p.on
			if path, err = nextPath(p.Next); err != nil {
				return err
			}
		}
	})
	group.Go(func() error {
		for p := range pages {
			if err := do(p); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

// nextPath makes a path out of the address of the next page. What host it names
// does not matter: the token goes to the org that is being read, nowhere else.
func nextPath(next string) (string, error) {
	u, err := url.Parse(next)
	if err != nil || !strings.HasPrefix(u.Path, "/services/data/") {
		return "", &source.Error{Op: "query", Err: fmt.Errorf("the org gave %q as the address of the next page", excerpt([]byte(next)))}
	}
	return u.RequestURI(), nil
}

// Name of the only part.
func (r *restReader) Name() string { return "rest" }

// Read sends all rows of the query.
func (r *restReader) Read(ctx context.Context, emit func(arrow.RecordBatch) error) error {
	if len(r.chunks) > 1 {
		return r.readWide(ctx, emit)
	}
	return r.readRanges(ctx, emit)
}

// named adds op to an error that does not say yet where it happened.
func named(op string, err error) error {
	var known *source.Error
	var taker *emitError
	if errors.As(err, &taker) {
		return taker.err
	}
	if err == nil || errors.As(err, &known) && known.Op != "" {
		return err
	}
	if known != nil {
		e := *known
		e.Op = op
		return &e
	}
	return fmt.Errorf("%s: %w", op, err)
}
