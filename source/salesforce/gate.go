package salesforce

import (
	"context"
	"io"
	"net/http"
	"sync"
)

// atOnce is how many requests of a run are under way at a time: of those that
// take 20 s or longer, production orgs run 25 and refuse the next. App Limits
// Cheatsheet, "Concurrent API Request Limits".
const atOnce = 25

// gate holds back the requests of all tables of a run beyond that many. It
// stands inside the retrier and around the authorizer, so that nobody who is
// inside waits for a second place. A request is under way until its body is
// closed.
type gate struct {
	next   http.RoundTripper
	places chan struct{}
}

func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	select {
	case g.places <- struct{}{}:
	case <-req.Context().Done():
		return nil, context.Cause(req.Context())
	}
	leave := sync.OnceFunc(func() { <-g.places })
	resp, err := g.next.RoundTrip(req)
	if err != nil {
		leave()
		return nil, err
	}
	resp.Body = &leaving{resp.Body, leave}
	return resp, nil
}

// leaving gives the place back when the body is closed.
type leaving struct {
	io.ReadCloser
	leave func()
}

func (l *leaving) Close() error {
	defer l.leave()
	return l.ReadCloser.Close()
}
