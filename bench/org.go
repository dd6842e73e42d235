package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sluice/source/salesforce/fakeorg"
)

// The latencies of a distant org.
const (
	requestDelay = 80 * time.Millisecond
	pageDelay    = 500 * time.Millisecond
	jobDelay     = 5 * time.Second
)

// smallRows is the size of a table that is loaded in one page.
const smallRows = 50

// latency is what the org waits before it answers.
type latency struct{ request, page, job time.Duration }

// org serves a made-up org. A page of results is generated when it is first
// asked for, and comes from a file from then on.
type org struct {
	*fakeorg.Org
	rows    int
	address string
	uri     string // how sluice is to log in
	dir     string
	server  *http.Server

	delay    atomic.Pointer[latency]
	requests atomic.Int64 // answered, but for pages and polls
	calls    atomic.Int64 // answered, of any kind
	held     atomic.Int64 // how long, in nanoseconds

	mu    sync.Mutex // guards what follows
	known map[string]*page
	pages map[string][]*page // of an API, in the order of the first time
	jobs  map[string]job     // by path
}

// job is one of Bulk.
type job struct {
	object string
	made   time.Time
}

// page is an answer in a file.
type page struct {
	file   string
	header http.Header
	size   int64
	once   sync.Once
}

// pageName is the file of a page.
func pageName(api string, n int) string {
	return fmt.Sprintf("%s-%d.%s", api, n, map[string]string{"bulk": "csv", "rest": "json"}[api])
}

// startOrg starts an org of so many accounts, or of other rows, too.
func startOrg(ctx context.Context, dir string, rows map[string]int) (*org, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := "http://" + l.Addr().String()
	o := &org{
		Org: fakeorg.New(fakeorg.Config{
			Seed: 1, InstanceURL: address, TokenTTL: 30 * 24 * time.Hour, APILimit: 10_000_000,
			Rows: rows,
		}),
		rows: rows["Account"], address: address, dir: dir,
		known: map[string]*page{}, pages: map[string][]*page{}, jobs: map[string]job{},
	}
	o.Script(fakeorg.JobScript{Polls: -1, Times: -1})
	o.uri = "salesforce://?access_token=" + url.QueryEscape(o.AccessToken()) + "&domain=" + address
	o.delay.Store(&latency{})
	o.server = &http.Server{Handler: o, ReadHeaderTimeout: time.Minute}
	go func() { _ = o.server.Serve(l) }()
	return o, nil
}

func (o *org) stop() { _ = o.server.Close() }

// cached counts the pages of an API and their bytes.
func (o *org) cached(api string) (pages int, bytes int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range o.pages[api] {
		bytes += p.size
	}
	return len(o.pages[api]), bytes
}

var (
	bulkResults = regexp.MustCompile(`/jobs/query/\w+/results$`)
	bulkJobs    = regexp.MustCompile(`/jobs/query$`)
	bulkJob     = regexp.MustCompile(`/jobs/query/\w+$`)
	restPage    = regexp.MustCompile(`^/services/data/v[0-9.]+/query(All)?/`)
)

func (o *org) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rest, ok := strings.CutPrefix(r.URL.Path, "/cached/"); ok {
		time.Sleep(o.delay.Load().page)
		api, n, _ := strings.Cut(rest, "/")
		http.ServeFile(w, r, filepath.Join(o.dir, strings.Replace(pageName(api, 0), "0", n, 1)))
		return
	}
	defer func(from time.Time) {
		o.calls.Add(1)
		o.held.Add(int64(time.Since(from)))
	}(time.Now())
	wait := o.delay.Load()
	api, key := pageKey(r)
	switch {
	case key != "":
		time.Sleep(wait.page)
		if api == "bulk" {
			key += " " + o.job(strings.TrimSuffix(r.URL.Path, "/results")).object
		}
		o.servePage(w, r, api, key)
	case r.Method == http.MethodGet && bulkJob.MatchString(r.URL.Path):
		time.Sleep(wait.request)
		o.serveJob(w, r, wait.job)
	case r.Method == http.MethodPost && bulkJobs.MatchString(r.URL.Path):
		o.requests.Add(1)
		time.Sleep(wait.request)
		o.makeJob(w, r)
	default:
		o.requests.Add(1)
		time.Sleep(wait.request)
		o.Org.ServeHTTP(w, r)
	}
}

// pageKey names a page of results of an object the same for every run; "" is no
// page. The locator of Bulk holds the first row and the job, see fakeorg.
func pageKey(r *http.Request) (api, key string) {
	query := r.URL.Query()
	switch {
	case r.Method != http.MethodGet:
	case bulkResults.MatchString(r.URL.Path):
		locator, _ := base64.RawURLEncoding.DecodeString(query.Get("locator"))
		start, _, _ := strings.Cut(string(locator), ":")
		return "bulk", "bulk " + start
	case restPage.MatchString(r.URL.Path):
		return "rest", r.URL.Path
	case strings.Count(query.Get("q"), ",") > 10:
		return "rest", r.URL.Path + "?" + query.Get("q")
	}
	return "", ""
}

// servePage answers from the file of a page, which it may have to write first.
func (o *org) servePage(w http.ResponseWriter, r *http.Request, api, key string) {
	o.mu.Lock()
	p := o.known[key]
	if p == nil {
		p = &page{file: filepath.Join(o.dir, pageName(api, len(o.pages[api])))}
		o.known[key] = p
		o.pages[api] = append(o.pages[api], p)
	}
	o.mu.Unlock()
	var err error
	p.once.Do(func() { err = o.fill(p, r) })
	f, opening := os.Open(p.file)
	if err != nil || opening != nil {
		http.Error(w, "bench: the page is not there", http.StatusInternalServerError)
		return
	}
	defer f.Close()
	for name, values := range p.header {
		w.Header()[name] = values
	}
	http.ServeContent(w, r, "", time.Time{}, f)
}

func (o *org) fill(p *page, r *http.Request) error {
	r = r.Clone(r.Context())
	r.Header.Del("Accept-Encoding")
	answer := &recorder{header: http.Header{}}
	o.Org.ServeHTTP(answer, r)
	p.header, p.size = answer.header, int64(answer.body.Len())
	for _, name := range []string{"Transfer-Encoding", "Content-Length", "Content-Encoding", "Date"} {
		p.header.Del(name)
	}
	return os.WriteFile(p.file, answer.body.Bytes(), 0o600)
}

// makeJob makes a job, whose time begins now.
func (o *org) makeJob(w http.ResponseWriter, r *http.Request) {
	body := o.relay(w, r, func(body []byte) []byte { return body })
	var made struct {
		ID     string `json:"id"`
		Object string `json:"object"`
	}
	if json.Unmarshal(body, &made) == nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.jobs[r.URL.Path+"/"+made.ID] = job{made.Object, time.Now()}
	}
}

func (o *org) job(path string) job {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.jobs[path]
}

// serveJob tells the state of a job, which takes its time.
func (o *org) serveJob(w http.ResponseWriter, r *http.Request, takes time.Duration) {
	made := o.job(r.URL.Path).made
	o.relay(w, r, func(body []byte) []byte {
		if time.Since(made) < takes {
			body = bytes.Replace(body, []byte(`"JobComplete"`), []byte(`"InProgress"`), 1)
		}
		return body
	})
}

// relay passes on what the org answers, as change gives it.
func (o *org) relay(w http.ResponseWriter, r *http.Request, change func([]byte) []byte) []byte {
	answer := &recorder{header: http.Header{}}
	r.Header.Del("Accept-Encoding")
	o.Org.ServeHTTP(answer, r)
	body := change(answer.body.Bytes())
	for name, values := range answer.header {
		w.Header()[name] = values
	}
	w.Header().Del("Content-Length")
	if answer.status > 0 {
		w.WriteHeader(answer.status)
	}
	_, _ = w.Write(body)
	return body
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }
