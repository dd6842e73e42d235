package fakeorg

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

const noCache = "no-cache,must-revalidate,max-age=0,no-store,private"

// maxHead is how long the address and the headers of a request may be together.
// App Limits Cheatsheet, "API request limits".
const maxHead = 16_384

// ServeHTTP answers one request as the org would.
func (o *Org) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := &recorder{ResponseWriter: w}
	number := o.record(r)
	defer func() { o.finish(number, rec.status) }()
	defer o.busy(sendsRows(r))()
	w.Header().Set("Date", o.clock.Now().Format(http.TimeFormat))
	if headSize(r) > maxHead {
		o.tooLong(rec)
		return
	}
	if f := o.faultFor(r); f != nil {
		if f.strike(rec, r) {
			return
		}
		broken := f.wrap(rec, r)
		o.route(broken, r)
		broken.close()
		return
	}
	o.route(rec, r)
}

// headSize counts the request line and the headers as they came.
func headSize(r *http.Request) int {
	n := len(r.Method) + len(r.RequestURI) + len(r.Proto) + 4 + len("Host: ") + len(r.Host) + 2
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v) + 4
		}
	}
	return n
}

func (o *Org) route(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	switch {
	case strings.HasPrefix(path, "/services/Soap/"):
		o.serveSOAP(w, r)
	case path == "/services/oauth2/token":
		o.serveToken(w, r)
	case path == "/services/oauth2/userinfo" && !o.onSignInHost(r):
		o.serveUserInfo(w, r)
	case path == "/services/data" || strings.HasPrefix(path, "/services/data/"):
		o.serveData(w, r)
	default:
		o.notFoundPage(w)
	}
}

// onSignInHost says that the request came to the host that only signs in.
func (o *Org) onSignInHost(r *http.Request) bool { return o.signIn != "" && r.Host == o.signIn }

// serveData answers everything under /services/data.
func (o *Org) serveData(w http.ResponseWriter, r *http.Request) {
	segments := splitPath(strings.TrimPrefix(r.URL.EscapedPath(), "/services/data"))
	switch {
	case o.onSignInHost(r):
		o.notFoundPage(w)
		return
	case len(segments) == 0:
		o.serveVersions(w, r)
		return
	}
	version, known := parseVersion(segments[0])
	c := &call{org: o, w: w, r: r, version: version, segments: segments[1:]}
	switch {
	case known && version < OldestVersion:
		c.fail(&apiError{http.StatusGone, "UNSUPPORTED_API_VERSION", "The API version " + segments[0][1:] + " is retired", nil})
		return
	case !known || version > o.newest():
		c.fail(errNotFound)
		return
	}
	s, refused := o.authenticate(r)
	if refused == nil {
		refused = o.charge()
	}
	if refused != nil {
		c.fail(refused)
		return
	}
	c.session = s
	if err := c.dispatch(); err != nil {
		c.fail(err)
	}
}

// charge counts a request against the daily limit.
func (o *Org) charge() *apiError {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.used >= o.config.APILimit {
		return &apiError{http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", nil}
	}
	o.used++
	return nil
}

func splitPath(path string) []string {
	var out []string
	for s := range strings.SplitSeq(path, "/") {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

func parseVersion(s string) (int, bool) {
	digits, ok := strings.CutPrefix(s, "v")
	whole, fraction, _ := strings.Cut(digits, ".")
	n, err := strconv.Atoi(whole)
	return n, ok && err == nil && fraction == "0" && n > 0
}

// handlers are the resources below /services/data/vNN.0, by their first
// segment. A handler that returns an error has written nothing.
var handlers map[string]func(*call) *apiError

func init() { // a literal would refer to itself through dispatch
	handlers = map[string]func(*call) *apiError{
		"limits": (*call).limits, "sobjects": (*call).sobjects, "query": (*call).query, "queryAll": (*call).queryAll,
		"jobs": (*call).jobs, "composite": (*call).composite,
	}
}

func (c *call) dispatch() *apiError {
	if len(c.segments) == 0 {
		return c.resources()
	}
	handler := handlers[c.segments[0]]
	if handler == nil {
		return errNotFound
	}
	return handler(c)
}

// Call is one request that the org got.
type Call struct {
	Time   time.Time // by the org's clock
	Method string
	Path   string
	Query  string // as sent
	Status int    // 0 while it runs or when the connection was cut
}

// Calls lists the requests so far, in the order they came.
func (o *Org) Calls() []Call {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]Call(nil), o.calls...)
}

func (o *Org) record(r *http.Request) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls = append(o.calls, Call{Time: o.clock.Now(), Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery})
	return len(o.calls) - 1
}

func (o *Org) finish(number, status int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls[number].Status = status
}

// recorder remembers the status that was sent.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
