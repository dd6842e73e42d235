package salesforce

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sluice/source"
	"sluice/source/salesforce/fakeorg"
	"sluice/uri"
)

// roundTripper is a function in the place of net/http.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// loadWith loads contacts with changed options.
func (w *world) loadWith(u uri.Salesforce, change func(*Options)) ([][]any, error) {
	w.t.Helper()
	o := w.options(nil)
	change(&o)
	s, err := w.open(u, o)
	if err != nil {
		return nil, err
	}
	tab, err := s.Table(w.t.Context(), "Contact")
	if err != nil {
		return nil, err
	}
	rows, _, err := w.scan(w.t.Context(), tab)
	return rows, err
}

func TestAnOrgWithoutMeasureGetsAnErrorAndNotOurMemory(t *testing.T) {
	bomb := gzipped(t, bytes.Repeat([]byte(" "), 64<<20))
	deep := `{"name":"Contact","x":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`
	var wide strings.Builder
	wide.WriteString(`{"name":"Contact","queryable":true,"fields":[`)
	for i := range 100_000 {
		if i > 0 {
			wide.WriteByte(',')
		}
		fmt.Fprintf(&wide, `{"name":"F%d","type":"string"}`, i)
	}
	wide.WriteString(`]}`)
	record := `{"totalSize":1,"done":true,"records":[{"attributes":` + strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000) + `}]}`
	const describe, query = "/services/data/*/sobjects/*/describe", "/services/data/*/query"
	for name, tt := range map[string]struct {
		fault fakeorg.Fault
		want  string
	}{
		"an endless page":             {fakeorg.Fault{Path: describe, Endless: true}, "the answer has no end"},
		"a gzip bomb":                 {fakeorg.Fault{Path: describe, Status: 200, Header: http.Header{"Content-Encoding": {"gzip"}}, Body: bomb}, "the answer has no end"},
		"a header line without end":   {fakeorg.Fault{Path: describe, Status: 200, Header: http.Header{"X-Long": {strings.Repeat("a", 2<<20)}}}, "response headers exceeded"},
		"describe nested without end": {fakeorg.Fault{Path: describe, Status: 200, Body: deep}, "describe Contact"},
		"too many fields":             {fakeorg.Fault{Path: describe, Status: 200, Body: wide.String()}, "fields"},
		"records nested without end":  {fakeorg.Fault{Path: query, Status: 200, Body: record}, "nested more than"},
		"an endless refusal":          {fakeorg.Fault{Path: describe, Status: 400, Endless: true}, "describe Contact"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fakeorg.Config{})
			tt.fault.Times = -1
			w.Inject(tt.fault)
			u := w.token()
			u.API = "rest"
			_, err := w.loadWith(u, func(o *Options) { o.mostAnswer, o.Tries = 32<<20, 2 })
			if name == "too many fields" {
				_, err = w.loadWith(u, func(*Options) {})
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %.300v, want %q", err, tt.want)
			}
			if len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

func gzipped(t *testing.T, b []byte) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestResultsThatGoOnPastTheirCountAreGivenUp(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 5000}, Knobs: fakeorg.Knobs{BulkPageSize: 5000}})
	w.Inject(fakeorg.Fault{Path: "/services/data/*/jobs/query/*/results", Times: -1, Header: http.Header{"Sforce-Numberofrecords": {"10"}}})
	rows, _, err := w.load(bulkOf(w.token()), "Contact")
	if err == nil || !strings.Contains(err.Error(), "announced 10") {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

func TestARedirectIsFollowedOnTheSameHostOnly(t *testing.T) {
	w := newWorld(t, fakeorg.Config{})
	thief := newListener(t, func(*http.Request) { t.Error("the other host was asked") })
	describe := "/services/data/v64.0/sobjects/Contact/describe"
	w.Inject(fakeorg.Fault{Path: describe, Status: 302, Header: http.Header{"Location": {"/services/data/v64.0/sobjects/contact/describe"}}})
	rows, _, err := w.load(w.token(), "Contact")
	if err != nil {
		t.Fatal(err)
	}
	w.same("Contact", rows)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for path, u := range map[string]uri.Salesforce{describe: w.token(), "/services/oauth2/token": w.credentials(), "/services/Soap/*": w.password()} {
			w.Heal()
			w.Inject(fakeorg.Fault{Path: path, Status: status, Header: http.Header{"Location": {thief + "/x"}}})
			_, _, err := w.load(u, "Contact")
			var e *source.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), "redirects to another host") || !strings.Contains(e.Mend, "domain="+thief) || e.Kind != source.BadRequest {
				t.Errorf("%s, %d: %v", path, status, err)
			}
		}
	}
	w.Heal()
	w.Inject(fakeorg.Fault{Path: describe, Status: 302, Times: -1, Header: http.Header{"Location": {describe}}})
	if _, _, err := w.load(w.token(), "Contact"); err == nil || !strings.Contains(err.Error(), "redirects") {
		t.Errorf("a circle: %v", err)
	}
}

func TestCookiesAreNotKept(t *testing.T) {
	w := newWorld(t, fakeorg.Config{})
	w.Inject(fakeorg.Fault{Times: -1, Header: http.Header{"Set-Cookie": {"BrowserId=abc; Path=/"}}})
	base := newBase()
	defer base.CloseIdleConnections()
	_, err := w.loadWith(w.credentials(), func(o *Options) {
		o.Transport = roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.Header.Get("Cookie") != "" {
				t.Errorf("%s carries a cookie", req.URL.Path)
			}
			return base.RoundTrip(req)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestACertificateThatIsNotTheHostsEndsTheRunAtOnce(t *testing.T) {
	org := fakeorg.New(fakeorg.Config{})
	server := httptest.NewUnstartedServer(org)
	server.Config.ErrorLog = nil
	server.StartTLS()
	defer server.Close()
	for name, address := range map[string]string{
		"unknown issuer": server.URL,
		"no TLS at all":  "https://" + plainServer(t, org),
	} {
		w := &world{Org: org, t: t}
		_, err := w.loadWith(uri.Salesforce{SignIn: address, Login: uri.AccessToken{Token: uri.Secret(org.AccessToken())}}, func(*Options) {})
		var e *source.Error
		if !errors.As(err, &e) || e.Kind != source.Refused || !strings.Contains(e.Mend, "certificate") {
			t.Errorf("%s: %v", name, err)
		}
		if w.slept > 0 {
			t.Errorf("%s: it was tried again", name)
		}
	}
	if len(org.Calls()) > 0 {
		t.Error("a request arrived")
	}
}

func plainServer(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func TestAServerThatRestartsIsWaitedForAndAWrongPortIsNot(t *testing.T) {
	w := newWorld(t, fakeorg.Config{})
	base := newBase()
	defer base.CloseIdleConnections()
	refused := &url.Error{Op: "Get", URL: "x", Err: &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}}
	for name, after := range map[string]int{"at first": 0, "later": 2} {
		n := 0
		var mu sync.Mutex
		_, err := w.loadWith(w.token(), func(o *Options) {
			o.Transport = roundTripper(func(req *http.Request) (*http.Response, error) {
				mu.Lock()
				n++
				fails := n == after+1
				mu.Unlock()
				if fails {
					return nil, refused
				}
				return base.RoundTrip(req)
			})
		})
		if (err == nil) != (after > 0) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := w.loadWith(w.token(), func(o *Options) {
		o.Transport = roundTripper(func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Name: "x.example", IsNotFound: true}}
		})
	})
	var e *source.Error
	if !errors.As(err, &e) || e.Kind != source.BadRequest || !strings.Contains(err.Error(), "no such host") {
		t.Errorf("no such host: %v", err)
	}
}

// A destination that stalls for minutes must not look like an org that does.
func TestASlowReaderIsNoSilenceOfTheOrg(t *testing.T) {
	const idle = 20 * time.Millisecond
	slow := &watched{body: io.NopCloser(strings.NewReader(strings.Repeat("x", 10))), cancel: func(error) { t.Error("the request was given up") }, idle: idle}
	buf := make([]byte, 1)
	for range 5 {
		if _, err := slow.Read(buf); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * idle) // the destination
	}
}

func TestASlowDownloadOfAnyLengthIsNotCutShort(t *testing.T) {
	if newBase().ResponseHeaderTimeout < 10*time.Minute {
		t.Error("Salesforce may take ten minutes to answer")
	}
	for _, c := range []*http.Client{clientOf(t)} {
		if c.Timeout != 0 {
			t.Error("a client has a total timeout, which a long download would hit")
		}
	}
}

func clientOf(t *testing.T) *http.Client {
	t.Helper()
	w := newWorld(t, fakeorg.Config{})
	s, err := w.open(w.token(), w.options(nil))
	if err != nil {
		t.Fatal(err)
	}
	return s.api.http
}

func TestTheTokenIsOnlySentToSalesforceOrToTheHostThatWasNamed(t *testing.T) {
	for _, tt := range []struct{ signIn, instance, want string }{
		{"https://login.salesforce.com", "https://acme.my.salesforce.com/services/Soap/u/64.0/00D", "https://acme.my.salesforce.com"},
		{"https://login.salesforce.com", "https://acme.my.salesforce.com/", "https://acme.my.salesforce.com"},
		{"https://login.salesforce.com", "https://na1.FORCE.com", "https://na1.FORCE.com"},
		{"https://proxy.example.com", "https://proxy.example.com", "https://proxy.example.com"},
		{"http://127.0.0.1:8080", "http://localhost:9090/x", "http://localhost:9090"},
		{"https://login.salesforce.com", "https://evil.example.com", ""},
		{"https://login.salesforce.com", "https://salesforce.com.evil.example.com", ""},
		{"https://login.salesforce.com", "https://evilsalesforce.com", ""},
		{"https://login.salesforce.com", "https://salesforce.com@evil.example.com", ""},
		{"https://login.salesforce.com", "http://acme.my.salesforce.com", ""},
		{"https://login.salesforce.com", "http://127.0.0.1:80", ""},
		{"https://login.salesforce.com", "https://127.0.0.1", ""},
		{"https://proxy.example.com", "https://127.0.0.1", ""},
		{"http://127.0.0.1:8080", "http://10.0.0.1", ""},
		{"https://login.salesforce.com", "//acme.my.salesforce.com", ""},
		{"https://login.salesforce.com", "", ""},
		{"https://login.salesforce.com", "https://", ""},
	} {
		got, err := instanceURL(tt.signIn, tt.instance)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s after a login at %s: %q, %v; want %q", tt.instance, tt.signIn, got, err, tt.want)
		}
	}
}

// TestNamesThatAreNoneNeverReachAQuery lets describe name objects and fields
// that would end the query and begin another one.
func TestNamesThatAreNoneNeverReachAQuery(t *testing.T) {
	for _, name := range []string{
		"Id FROM User--", "Name,(SELECT Id FROM Contacts)", "Id,Name", "a b", `a"b`, "a'b", "a;b", "", "Näme", "1st", "a\\u0000b", "a/../b", strings.Repeat("a", 1000),
	} {
		for _, describe := range []string{
			`{"name":"Contact","queryable":true,"fields":[{"name":"Id","type":"id"},{"name":"NAME","type":"string"}]}`,
			`{"name":"NAME","queryable":true,"fields":[{"name":"Id","type":"id"}]}`,
		} {
			w := newWorld(t, fakeorg.Config{})
			body := strings.ReplaceAll(describe, "NAME", strings.ReplaceAll(name, `"`, `\"`))
			w.Inject(fakeorg.Fault{Path: "/services/data/*/sobjects/*/describe", Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: body})
			if _, _, err := w.load(w.token(), "Contact"); err == nil {
				t.Errorf("%.100s was taken", body)
			}
			for _, c := range w.Calls() {
				if strings.Contains(c.Path, "/query") {
					t.Errorf("%.100s: a query was sent: %s", body, c.Path)
				}
			}
		}
		w := newWorld(t, fakeorg.Config{})
		if _, _, err := w.load(w.token(), "custom:"+name); err == nil || len(w.Calls()) > 2 {
			t.Errorf("the user may name %.100q: %v, %d calls", name, err, len(w.Calls()))
		}
	}
}
