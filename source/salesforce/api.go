package salesforce

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"sluice/source"
)

// DefaultVersion is the API version used unless the address names one. It is
// the last one that SOAP login knows, and new enough for parallel Bulk
// results (58).
const DefaultVersion = "64.0"

// api sends requests to one org. Logging in, retries and counting happen in
// the transport below it.
type api struct {
	http    *http.Client
	session *session
	version *version
	room    spares // of the transport
}

// path is the path of a REST resource, "sobjects/Account/describe".
func (a *api) path(resource string) string {
	return dataRoot + a.version.String() + "/" + resource
}

// getJSON reads a whole JSON answer into v.
func (a *api) getJSON(ctx context.Context, op, path string, v any) error {
	body, err := a.get(ctx, op, path)
	if err != nil {
		return err
	}
	return unmarshal(op, body, v)
}

// get reads a whole answer.
func (a *api) get(ctx context.Context, op, path string) ([]byte, error) {
	resp, err := a.send(ctx, op, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	return readAll(op, resp)
}

// sendJSON sends v and reads the JSON answer into answer.
func (a *api) sendJSON(ctx context.Context, op, method, path string, v, answer any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	resp, err := a.send(ctx, op, method, path, body)
	if err != nil {
		return err
	}
	body, err = readAll(op, resp)
	if err != nil || answer == nil {
		return err
	}
	return unmarshal(op, body, answer)
}

// send makes one request and turns an answer that says no into an error. The
// caller closes the body. An org that does not serve our API version is asked
// by one that it does.
func (a *api) send(ctx context.Context, op, method, path string, body []byte) (*http.Response, error) {
	path = a.version.path(path)
	resp, err := a.request(ctx, op, method, path, body)
	if err == nil {
		a.version.served(path)
		return resp, nil
	}
	if !unserved(path, err) {
		return nil, err
	}
	changed, disagree := a.agree(ctx, path)
	var named *source.Error
	if errors.As(disagree, &named) && named.Kind == source.BadRequest {
		return nil, disagree
	}
	if !changed {
		return nil, err
	}
	return a.request(ctx, op, method, a.version.path(path), body)
}

// request makes one request.
func (a *api) request(ctx context.Context, op, method, path string, body []byte) (*http.Response, error) {
	base, err := a.session.base(ctx)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(base, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, &source.Error{Op: op, Err: errors.New("the org gave an address that is none")}
	}
	if len(body) == 0 {
		req.Body, req.GetBody, req.ContentLength = nil, nil, 0
	} else {
		req.Header.Set("Content-Type", "application/json; charset=UTF-8")
	}
	req.Header.Set("Accept", jsonType)
	if streamed(ctx) {
		req.Header.Set("Accept", "text/csv")
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return nil, final(networkError(op, req.URL.Host, err))
	}
	if resp.StatusCode >= 300 {
		return nil, final(refusal(op, faultOf(req, resp)))
	}
	return resp, nil
}

// final marks an error that the transport has already met several times: to
// try again from above would multiply the calls (P8).
func final(err error) error {
	var e *source.Error
	if !errors.As(err, &e) {
		return err
	}
	f := *e
	f.Again = false
	return &f
}

type streamKey struct{}

// streaming marks requests whose body the caller reads as it arrives. All
// others are buffered by the transport, which sends them again when the body
// breaks off.
func streaming(ctx context.Context) context.Context {
	return context.WithValue(ctx, streamKey{}, true)
}

// buffering takes the mark off again.
func buffering(ctx context.Context) context.Context {
	return context.WithValue(ctx, streamKey{}, nil)
}

func streamed(ctx context.Context) bool { return ctx.Value(streamKey{}) != nil }
