package fakeorg

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// Fault breaks some of the requests on purpose. The zero values of its fields
// leave that part of the answer as it is.
type Fault struct {
	// Method and Path choose the requests; "" is any. Path is a pattern of
	// path.Match, or with a "*" at its end a prefix; Query must be part of the
	// decoded query.
	Method, Path, Query string
	// Nth is the first matching request that is struck, from 1; 0 is the first.
	Nth int
	// Times is how many are struck from there on; 0 means one, less than 0 all.
	Times int

	// Status, Header and Body answer instead of the org. Body may be empty.
	// Without Status, Header replaces headers of the org's own answer.
	Status int
	Header http.Header
	Body   string
	// Echo puts what the client sent, its token and its body, into Body in the
	// place of "ECHO".
	Echo bool
	// Delay waits before anything else, until the client gives up.
	Delay time.Duration
	// Reset cuts the connection without an answer.
	Reset bool
	// StallAfterBytes sends that much of the body and then nothing more,
	// until the client gives up.
	StallAfterBytes int
	// TruncateAfterBytes ends the body early: the connection is cut, unless
	// Lying is set, which gives the shortened length as the Content-Length.
	TruncateAfterBytes int
	Lying              bool
	// CutAfterBytes sends that much of the body and resets the connection.
	CutAfterBytes int
	// Endless answers with a body that never ends.
	Endless bool
	// CorruptGzip damages the body in its middle.
	CorruptGzip bool
	// Do is called for each request that is struck, before the answer.
	Do func()

	seen  int
	after int // bytes of the body before then is called
	then  func()
}

// Inject adds a fault. Of several that match the first one strikes.
func (o *Org) Inject(f Fault) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.faults = append(o.faults, &f)
}

// Heal removes all faults, and the scripts of coming jobs.
func (o *Org) Heal() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.faults, o.scripts = nil, nil
}

// CutTokenAfterBytes ends every session once the body of a response has sent n
// bytes; that response goes on, the next request is refused. It works once.
func (o *Org) CutTokenAfterBytes(n int) {
	o.Inject(Fault{Path: "/services/data/*", after: n, then: o.ExpireSessions})
}

func (o *Org) faultFor(r *http.Request) *Fault {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range o.faults {
		if f.matches(r) && f.strikes() {
			struck := *f
			return &struck
		}
	}
	return nil
}

func decodedQuery(r *http.Request) string {
	s, err := url.QueryUnescape(r.URL.RawQuery)
	if err != nil {
		return r.URL.RawQuery
	}
	return s
}

func (f *Fault) matches(r *http.Request) bool {
	if f.Method != "" && f.Method != r.Method {
		return false
	}
	if f.Query != "" && !strings.Contains(decodedQuery(r), f.Query) {
		return false
	}
	prefix, isPrefix := strings.CutSuffix(f.Path, "*")
	if f.Path == "" || isPrefix && strings.HasPrefix(r.URL.Path, prefix) {
		return true
	}
	ok, err := path.Match(f.Path, r.URL.Path)
	return err == nil && ok
}

// strikes counts the matching requests.
func (f *Fault) strikes() bool {
	f.seen++
	first, times := max(f.Nth, 1), f.Times
	if times == 0 {
		times = 1
	}
	return f.seen >= first && (times < 0 || f.seen < first+times)
}

// strike does what comes before the answer, and answers itself when that was
// asked for.
func (f *Fault) strike(w http.ResponseWriter, r *http.Request) (answered bool) {
	if f.Do != nil {
		f.Do()
	}
	if f.Delay > 0 {
		t := time.NewTimer(f.Delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
			return true
		}
	}
	if f.Reset {
		cutConnection(w)
		return true
	}
	if f.Endless {
		f.pour(w)
		return true
	}
	if f.Status == 0 {
		return false
	}
	f.setHeader(w)
	w.WriteHeader(f.Status)
	body := f.Body
	if f.Echo {
		sent, _ := io.ReadAll(io.LimitReader(r.Body, 64<<10))
		text, _ := json.Marshal(r.Header.Get("Authorization") + " " + string(sent))
		body = strings.ReplaceAll(body, "ECHO", string(text[1:len(text)-1]))
	}
	_, _ = w.Write([]byte(body))
	return true
}

func (f *Fault) setHeader(w http.ResponseWriter) {
	for name, values := range f.Header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
}

// pour sends one string of JSON until the client has gone.
func (f *Fault) pour(w http.ResponseWriter) {
	w.Header().Set("Content-Type", jsonType)
	f.setHeader(w)
	w.WriteHeader(max(f.Status, http.StatusOK))
	text := []byte(`{"name":"`)
	for _, err := w.Write(text); err == nil; _, err = w.Write(text) {
		text = bytes.Repeat([]byte("a"), 64<<10)
	}
}

// cutConnection closes the TCP connection so that the client sees a reset.
func cutConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
