// Package salesforce reads tables from a Salesforce org: SOQL over REST for
// small results, Bulk API 2.0 for large ones, both straight into Arrow.
package salesforce

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"

	"sluice/source"
	"sluice/uri"
)

// Options are what a Source needs besides an address.
type Options struct {
	// Catalog resolves the public names of tables.
	Catalog *source.Catalog
	// Log takes one debug line a request, without secrets. Default: none.
	Log *slog.Logger
	// Alloc holds the batches. Default: Go's heap.
	Alloc memory.Allocator
	// Transport carries the requests, below retries, tokens and counting.
	// Default: net/http with bounds for long runs.
	Transport http.RoundTripper
	// UserAgent names the program to the org. Default: "sluice".
	UserAgent string
	// Tries is how often a request is sent before its error counts.
	// Default: 6, over about half a minute.
	Tries int
	// Sleep waits between tries and between looks at a Bulk job, or until ctx
	// ends, whose cause it returns. Default: by the clock.
	Sleep func(ctx context.Context, d time.Duration) error
	// IdleTimeout is the longest silence inside a body before the request is
	// given up and sent again. Default: 90 s.
	IdleTimeout time.Duration
	// JobTimeout is how long a Bulk job may take. Default: 12 hours.
	JobTimeout time.Duration
	// Budget ends the run before it takes more API calls. Default: no bound.
	Budget Budget

	mostAnswer int64 // see answerLimit
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Alloc == nil {
		o.Alloc = memory.NewGoAllocator()
	}
	if o.Transport == nil {
		o.Transport = newBase()
	}
	if o.UserAgent == "" {
		o.UserAgent = "sluice"
	}
	if o.Tries == 0 {
		o.Tries = 6
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.IdleTimeout == 0 {
		o.IdleTimeout = 90 * time.Second
	}
	if o.JobTimeout == 0 {
		o.JobTimeout = 12 * time.Hour
	}
	if o.mostAnswer == 0 {
		o.mostAnswer = answerLimit()
	}
	return o
}

// sleep waits for d by the clock.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Source is one org, logged in. It is a [source.Source].
type Source struct {
	api   *api
	meter *meter
	mode  string // auto, rest or bulk
	opt   Options
	host  string
}

var _ source.Source = (*Source)(nil)

// Open logs in to the org that u names. An access token is taken as it is:
// whether it is good shows at the first request.
func Open(ctx context.Context, u uri.Salesforce, o Options) (*Source, error) {
	return NewLogin(u, o).Open(ctx)
}

func newRetrier(next http.RoundTripper, o Options, room spares) *retrier {
	return &retrier{next: next, log: o.Log, tries: o.Tries, most: o.mostAnswer, room: room, sleep: o.Sleep}
}

// Table looks up a name of the catalog ("account"), "custom:X", or an API name
// in any case, and describes the object.
func (s *Source) Table(ctx context.Context, name string) (source.Table, error) {
	object, custom := strings.CutPrefix(name, "custom:")
	var known source.Known
	if !custom {
		if k, ok := s.opt.Catalog.Lookup(name); ok {
			known, object = k, k.Object
		}
	}
	o, err := s.describe(ctx, object)
	if err != nil {
		return nil, err
	}
	if err := o.checkNames(); err != nil {
		return nil, err
	}
	return newTable(s, o, known), nil
}

// Identity is the 15-character id of the org. Most logins tell it; where one
// does not, the org is asked. One that will not tell is known by its host.
func (s *Source) Identity(ctx context.Context) (string, error) {
	g, _, err := s.api.session.get(ctx, 0)
	if err != nil {
		return "", err
	}
	if len(g.org) >= 15 {
		return g.org[:15], nil
	}
	for _, ask := range []func(context.Context) (string, error){s.idOfOrganization, s.idOfResources} {
		id, err := ask(ctx)
		if len(id) >= 15 {
			return id[:15], nil
		}
		var fault *source.Error
		if err != nil && (!withheld(err) || errors.As(err, &fault) && fault.Kind == source.TryLater) {
			return "", err
		}
	}
	u, err := url.Parse(g.instance)
	if err != nil {
		return "", &source.Error{Op: askForID, Err: errors.New("the org did not tell"), Mend: "give the user read permission on Organization"}
	}
	return u.Host, nil
}

const askForID = "ask for the org's id"

func (s *Source) idOfOrganization(ctx context.Context) (string, error) {
	var answer struct {
		Records []struct {
			ID string `json:"Id"`
		} `json:"records"`
	}
	if err := s.api.getJSON(ctx, askForID, query{}.path(s.api, "SELECT Id FROM Organization"), &answer); err != nil || len(answer.Records) != 1 {
		return "", err
	}
	return answer.Records[0].ID, nil
}

// idOfResources takes the id from the address of the user who is logged in, in
// the list of resources.
func (s *Source) idOfResources(ctx context.Context) (string, error) {
	var answer struct {
		Identity string `json:"identity"`
	}
	if err := s.api.getJSON(ctx, askForID, s.api.path(""), &answer); err != nil {
		return "", err
	}
	org, _ := idsOfIdentity(answer.Identity)
	return org, nil
}

// Host implements [source.Source].
func (s *Source) Host() string { return s.host }

// Usage implements [source.Source].
func (s *Source) Usage() source.Usage { return s.meter.usage() }

// Close drops idle connections. The session stays good in the org: other runs
// may share it.
func (s *Source) Close() error {
	s.api.http.CloseIdleConnections()
	if t, ok := s.opt.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
	return nil
}
