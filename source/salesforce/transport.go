package salesforce

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/klauspost/compress/gzip"

	"sluice/source"
)

// The transport is a chain of http.RoundTrippers, outermost first:
//
//	retrier     sends again what may succeed, after a growing pause
//	gate        holds back what would be too much at once (gate.go)
//	authorizer  adds the token, logs in again once when it has died (session.go)
//	meter       counts, decompresses, guards against silence, logs
//	base        net/http
//
// Logins go through the same chain without the authorizer.

// newBase is net/http's transport with bounds for a long unattended run. The
// proxy comes from the environment, TLS is verified.
func newBase() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: heedProxy,
		DialContext:            (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    20 * time.Second,
		ResponseHeaderTimeout:  11 * time.Minute, // Salesforce ends a call after 10
		DisableCompression:     true,             // the meter does it
		MaxResponseHeaderBytes: 256 << 10,
		WriteBufferSize:        32 << 10,
		ReadBufferSize:         128 << 10,
	}
}

// proxyError is a proxy that does not connect us to the org.
type proxyError struct{ status int }

func (e *proxyError) Error() string {
	return fmt.Sprintf("the proxy refused to connect: HTTP %d %s", e.status, http.StatusText(e.status))
}

// heedProxy keeps the status of a proxy's refusal, of which net/http gives the
// text alone.
func heedProxy(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return &proxyError{resp.StatusCode}
	}
	return nil
}

// sameHost follows a redirect only where the token may go.
func sameHost(req *http.Request, via []*http.Request) error {
	if len(via) >= 5 {
		return errors.New("more than 5 redirects")
	}
	if req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme {
		return &source.Error{
			Kind: source.BadRequest,
			Err:  fmt.Errorf("%s redirects to another host, %s, which is not followed", via[0].URL.Host, req.URL.Host),
			Mend: "if that is the org's own host, name it in the source address: domain=" + req.URL.Scheme + "://" + req.URL.Host,
		}
	}
	return nil
}

// meter is the innermost of our layers: what it sees is what went over the
// wire.
type meter struct {
	next  http.RoundTripper
	agent string
	log   *slog.Logger
	idle  time.Duration // the longest silence inside a body
	purse *purse        // learns what the org says of its limit

	calls, bytes atomic.Int64
	clock        atomic.Int64 // the org's, Unix seconds, as last told; 0 before
}

// orgTime is the org's clock as it was at the last answer, zero when no answer
// has told it. It never runs ahead of the org's.
func (m *meter) orgTime() time.Time {
	if at := m.clock.Load(); at > 0 {
		return time.Unix(at, 0).UTC()
	}
	return time.Time{}
}

func (m *meter) usage() source.Usage {
	return source.Usage{Calls: m.calls.Load(), Bytes: m.bytes.Load(), LimitUsed: m.purse.limitUsed.Load(), LimitMax: m.purse.limitMax.Load()}
}

func (m *meter) RoundTrip(req *http.Request) (*http.Response, error) {
	m.calls.Add(1)
	ctx, cancel := context.WithCancelCause(req.Context())
	out := req.Clone(ctx)
	out.Header.Set("User-Agent", m.agent)
	out.Header.Set("Accept-Encoding", "gzip")
	start := time.Now()
	resp, err := m.next.RoundTrip(out)
	if err != nil {
		cancel(nil)
		m.log.Debug("request broke", "method", req.Method, "url", redactURL(req.URL), "error", networkCause(err), "took", time.Since(start))
		return nil, err
	}
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		m.clock.Store(at.Unix())
	}
	m.purse.readLimit(resp.Header.Get("Sforce-Limit-Info"))
	m.log.Debug("request", "method", req.Method, "url", redactURL(req.URL), "status", resp.StatusCode, "took", time.Since(start))
	resp.Body = decompress(&watched{body: resp.Body, cancel: cancel, idle: m.idle}, resp.Header)
	resp.Body = &counted{ReadCloser: resp.Body, n: &m.bytes}
	return resp, nil
}

var apiUsage = regexp.MustCompile(`\bapi-usage=(\d+)/(\d+)`)

// parseLimit reads "api-usage=24/15000"; other items of the header tell other
// limits.
func parseLimit(header string) (used, most int64, ok bool) {
	for item := range strings.SplitSeq(header, ";") {
		if found := apiUsage.FindStringSubmatch(item); found != nil && !strings.Contains(item, "per-app") {
			used, err := strconv.ParseInt(found[1], 10, 64)
			most, err2 := strconv.ParseInt(found[2], 10, 64)
			return used, most, err == nil && err2 == nil
		}
	}
	return 0, 0, false
}

// redactURL is u without what a query may hold. SOQL is not secret.
func redactURL(u *url.URL) string {
	query := u.Query()
	for name := range query {
		if name != "q" && name != "locator" && name != "maxRecords" && name != "sObjects" && name != "start" && name != "end" {
			query.Set(name, "***")
		}
	}
	out := u.Scheme + "://" + u.Host + u.Path
	if len(query) > 0 {
		text, _ := url.QueryUnescape(query.Encode())
		out += "?" + text
	}
	return out
}

// watched cancels the request when a Read waits longer than idle. A slow
// reader of ours never does: the clock runs inside Read alone.
type watched struct {
	body   io.ReadCloser
	cancel context.CancelCauseFunc
	idle   time.Duration
}

var errSilent = errors.New("the server sent nothing for too long")

func (w *watched) Read(p []byte) (int, error) {
	var silent atomic.Bool
	timer := time.AfterFunc(w.idle, func() {
		silent.Store(true)
		w.cancel(errSilent)
	})
	n, err := w.body.Read(p)
	timer.Stop()
	if err != nil && silent.Load() {
		err = errSilent
	}
	return n, err
}

func (w *watched) Close() error {
	err := w.body.Close()
	w.cancel(nil)
	return err
}

// counted counts the bytes read.
type counted struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// lazyGzip opens the gzip stream at the first Read, so that a broken one is an
// error of the body, not of the request.
type lazyGzip struct {
	wire io.ReadCloser
	gz   *gzip.Reader
}

func (l *lazyGzip) Read(p []byte) (n int, err error) {
	if l.gz == nil {
		if l.gz, err = gzip.NewReader(l.wire); err != nil {
			return 0, err
		}
	}
	return l.gz.Read(p)
}

func (l *lazyGzip) Close() error { return l.wire.Close() }

func decompress(wire io.ReadCloser, h http.Header) io.ReadCloser {
	if !strings.EqualFold(h.Get("Content-Encoding"), "gzip") {
		return wire
	}
	h.Del("Content-Encoding")
	h.Del("Content-Length")
	return &lazyGzip{wire: wire}
}

// retrier sends a request again when it broke or when the answer asks for it.
// Unless the request is streaming, the answer's body is read here, so that a
// body that breaks off is sent for again too.
type retrier struct {
	next  http.RoundTripper
	log   *slog.Logger
	tries int
	most  int64 // bytes of one buffered answer
	room  spares
	sleep func(ctx context.Context, d time.Duration) error
	// answered is set once the org has said anything: until then a refused
	// connection is a wrong address, later it is a server restarting.
	answered atomic.Bool
}

// Pauses between tries grow from firstPause to longestPause, with jitter. An
// org that asks for a longer pause than that gets it, up to mostRetryAfter.
const (
	firstPause     = 500 * time.Millisecond
	longestPause   = 30 * time.Second
	mostRetryAfter = 5 * time.Minute
	maxAnswer      = 512 << 20 // bytes of one buffered answer, where memory allows
	minAnswer      = 64 << 20
	maxFault       = 64 << 10
)

// answerLimit is the size at which a buffered answer is given up (P7). A page of
// a query is far smaller; two of them, and the growing of a buffer, have to fit
// into the memory that the program may take.
func answerLimit() int64 {
	return min(maxAnswer, max(minAnswer, debug.SetMemoryLimit(-1)/8))
}

func (r *retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	pauses := &backoff.ExponentialBackOff{InitialInterval: firstPause, MaxInterval: longestPause, Multiplier: 2, RandomizationFactor: 0.5}
	pauses.Reset()
	for try := 1; ; try++ {
		resp, err := r.try(req)
		resend, after := r.verdict(req, resp, err)
		if !resend || try >= r.tries || req.Context().Err() != nil {
			return resp, err
		}
		pause := max(pauses.NextBackOff(), min(after, mostRetryAfter))
		r.log.Debug("retry", "method", req.Method, "path", req.URL.Path, "try", try, "pause", pause)
		if resp != nil {
			resp.Body.Close()
		}
		if err := r.sleep(req.Context(), pause); err != nil {
			return nil, err
		}
	}
}

// try sends the request once, with a body of its own.
func (r *retrier) try(req *http.Request) (*http.Response, error) {
	out := req.Clone(req.Context())
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		out.Body = body
	}
	resp, err := r.next.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	most := r.most
	switch {
	case resp.StatusCode >= 300:
		most = maxFault
	case streamed(req.Context()):
		if err := checkHead(resp, true); err != nil {
			resp.Body.Close()
			return nil, err
		}
		return resp, nil
	}
	text, err := readBounded(resp, most, r.room.take())
	if err == nil && resp.StatusCode == http.StatusOK && req.Header.Get("Accept") == jsonType {
		err = checkJSON(resp, text)
	}
	if err != nil {
		return nil, err
	}
	resp.Body = newBody(text)
	return resp, nil
}

const jsonType = "application/json"

// checkHead finds answers that say yes and are not an org's by their headers:
// pages for people, other encodings, and what has no sign of being a result.
func checkHead(resp *http.Response, csv bool) error {
	kind, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	charset := strings.ToLower(params["charset"])
	switch {
	case err == nil && strings.Contains(kind, "html"):
		return fmt.Errorf("%w, but a web page", errNotAnswer)
	case charset != "" && charset != "utf-8" && charset != "us-ascii":
		return fmt.Errorf("%w: it is in %s, not in UTF-8", errNotAnswer, excerpt([]byte(charset)))
	case csv && kind != "text/csv" && resp.Header.Get("Sforce-Numberofrecords") == "" && resp.Header.Get("Sforce-Locator") == "":
		return fmt.Errorf("%w: it does not say how many rows it has", errNotAnswer)
	}
	return nil
}

// checkJSON finds answers that cannot be whole JSON by their two ends; whoever
// reads it sees the rest.
func checkJSON(resp *http.Response, body []byte) error {
	if err := checkHead(resp, false); err != nil {
		return err
	}
	switch text := bytes.TrimSpace(body); {
	case len(text) == 0:
		return fmt.Errorf("%w: it is empty", errNotAnswer)
	case text[0] == '{' && text[len(text)-1] == '}' || text[0] == '[' && text[len(text)-1] == ']':
		return nil
	case text[0] == '{' || text[0] == '[':
		return fmt.Errorf("%w: it ended early", errNotAnswer)
	default:
		return fmt.Errorf("%w: %s", errNotAnswer, plainText(text))
	}
}

// readBounded reads and closes a body. One that is too long is an error, except
// the body of a fault, whose end nobody needs. It uses the memory of room.
func readBounded(resp *http.Response, most int64, room []byte) ([]byte, error) {
	defer resp.Body.Close()
	buf := bytes.NewBuffer(room)
	_, err := buf.ReadFrom(io.LimitReader(resp.Body, most+1))
	text := buf.Bytes()
	if int64(len(text)) > most {
		if resp.StatusCode >= 300 {
			return text[:most], nil
		}
		return nil, fmt.Errorf("%w: it is longer than %d MB", errEndless, most>>20)
	}
	if err != nil && resp.StatusCode < 300 {
		return nil, err
	}
	return text, nil
}

// verdict says whether to send a request again, and after what pause the org
// asked for.
func (r *retrier) verdict(req *http.Request, resp *http.Response, err error) (resend bool, after time.Duration) {
	if errors.Is(err, syscall.ECONNREFUSED) && !r.answered.Load() {
		return false, 0
	}
	if err != nil {
		return retryableNetwork(err) && req.Context().Err() == nil, 0
	}
	r.answered.Store(true)
	if resp.StatusCode < 400 {
		return false, 0
	}
	return judge(faultOf(req, resp)).do == again, retryAfter(resp.Header)
}

// retryAfter reads the Retry-After header, which Salesforce does not document
// but its proxies may send: seconds or a date.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(v); err == nil && seconds > 0 && seconds < 86400 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return time.Until(at)
	}
	return 0
}
