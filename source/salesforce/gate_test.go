package salesforce

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestTheGateGivesPlacesBack however a request ends.
func TestTheGateGivesPlacesBack(t *testing.T) {
	broken := errors.New("broken")
	answer := error(nil)
	g := &gate{roundTrip(func(*http.Request) (*http.Response, error) {
		return &http.Response{Body: io.NopCloser(strings.NewReader("rows"))}, answer
	}), make(chan struct{}, 1)}
	ctx, cancel := context.WithCancelCause(t.Context())
	ask := func() (*http.Response, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://acme.my.salesforce.com/", nil)
		if err != nil {
			t.Fatal(err)
		}
		return g.RoundTrip(req)
	}
	resp, err := ask()
	if err != nil || len(g.places) != 1 {
		t.Fatalf("%v, %d places taken", err, len(g.places))
	}
	for range 2 { // a body may be closed twice
		if err := resp.Body.Close(); err != nil || len(g.places) != 0 {
			t.Errorf("%v, %d places taken after the body was closed", err, len(g.places))
		}
	}
	answer = broken
	if _, err := ask(); !errors.Is(err, broken) || len(g.places) != 0 {
		t.Errorf("%v, %d places taken after an error", err, len(g.places))
	}
	g.places <- struct{}{}
	cancel(broken)
	if _, err := ask(); !errors.Is(err, broken) || len(g.places) != 1 {
		t.Errorf("who waits in vain for a place gets %v, %d are taken", err, len(g.places))
	}
}
