package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"golang.org/x/sync/errgroup"

	"sluice/source"
	"sluice/source/salesforce/fakeorg"
	"sluice/uri"
)

// world is an org and what a test needs around it.
type world struct {
	*fakeorg.Org
	t      *testing.T
	signIn string
	events []source.Event
	mu     sync.Mutex
	slept  time.Duration
}

func newWorld(t *testing.T, c fakeorg.Config) *world {
	t.Helper()
	w := &world{Org: fakeorg.New(c), t: t}
	signIn, stop := w.Start()
	t.Cleanup(stop)
	w.signIn = signIn
	return w
}

// observe keeps the events of a scan.
func (w *world) observe(e source.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

// warnings are the warnings of all scans, joined.
func (w *world) warnings() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, e := range w.events {
		if e.Warning != "" {
			all = append(all, e.Warning)
		}
	}
	return strings.Join(all, "\n")
}

func (w *world) token() uri.Salesforce {
	return uri.Salesforce{SignIn: w.InstanceURL(), Login: uri.AccessToken{Token: uri.Secret(w.AccessToken())}}
}

func (w *world) password() uri.Salesforce {
	return uri.Salesforce{SignIn: w.signIn, Login: uri.Password{
		Username: fakeorg.Username, Password: fakeorg.Password, Token: fakeorg.SecurityToken,
	}}
}

func (w *world) credentials() uri.Salesforce {
	return uri.Salesforce{SignIn: w.InstanceURL(), Login: uri.ClientCredentials{ID: fakeorg.ClientID, Secret: fakeorg.ClientSecret}}
}

// options sleep without waiting: the org's clock moves instead.
func (w *world) options(alloc memory.Allocator) Options {
	return Options{Catalog: &source.Catalog{}, Alloc: alloc, IdleTimeout: time.Second, Sleep: func(ctx context.Context, d time.Duration) error {
		w.mu.Lock()
		w.slept += d
		w.mu.Unlock()
		w.Advance(d)
		return context.Cause(ctx)
	}, JobTimeout: time.Hour}
}

// open logs in.
func (w *world) open(u uri.Salesforce, o Options) (*Source, error) {
	s, err := Open(w.t.Context(), u, o)
	if err == nil {
		w.t.Cleanup(func() { _ = s.Close() })
	}
	return s, err
}

// load reads a table as the pipeline does: parts side by side, a part again
// when its error says so. It gives the rows in any order.
func (w *world) load(u uri.Salesforce, object string) ([][]any, source.Plan, error) {
	w.t.Helper()
	alloc := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer alloc.AssertSize(w.t, 0)
	s, err := w.open(u, w.options(alloc))
	if err != nil {
		return nil, source.Plan{}, err
	}
	tab, err := s.Table(w.t.Context(), object)
	if err != nil {
		return nil, source.Plan{}, err
	}
	return w.scan(w.t.Context(), tab)
}

func (w *world) scan(ctx context.Context, tab source.Table) (rows [][]any, plan source.Plan, err error) {
	scan, err := tab.Scan(ctx, source.Request{Observe: w.observe})
	if err != nil {
		return nil, plan, err
	}
	defer func() {
		if closing := scan.Close(context.WithoutCancel(ctx)); err == nil {
			err = closing
		}
	}()
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(3)
	var mu sync.Mutex
	var next error
	for {
		var part source.Part
		if part, next = scan.Next(gctx); next != nil {
			break
		}
		group.Go(func() error {
			for try := 1; ; try++ {
				got, err := readPart(gctx, part)
				var again interface{ Retryable() bool }
				if err != nil && try < 4 && errors.As(err, &again) && again.Retryable() {
					continue
				}
				mu.Lock()
				rows = append(rows, got...)
				mu.Unlock()
				return err
			}
		})
	}
	err = group.Wait()
	if err == nil && !errors.Is(next, io.EOF) {
		err = next
	}
	if err == nil {
		err = scan.Verify()
	}
	return rows, scan.Plan(), err
}

func readPart(ctx context.Context, part source.Part) (rows [][]any, err error) {
	err = part.Read(ctx, func(r arrow.RecordBatch) error {
		for i := range int(r.NumRows()) {
			row := make([]any, r.NumCols())
			for c := range row {
				row[c] = cell(r.Column(c), i)
			}
			rows = append(rows, row)
		}
		return nil
	})
	return rows, err
}

// cell is a value as the org's truth has it.
func cell(a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.String:
		return strings.Clone(a.Value(i))
	case *array.Boolean:
		return a.Value(i)
	case *array.Int64:
		return a.Value(i)
	case *array.Float64:
		return a.Value(i)
	case *array.Date32:
		return fakeorg.Date{Time: a.Value(i).ToTime()}
	case *array.Timestamp:
		return a.Value(i).ToTime(arrow.Microsecond)
	case *array.Time64:
		return time.Duration(a.Value(i)) * time.Microsecond
	}
	panic("no cell for " + a.DataType().String())
}

// same compares what was loaded with the org, cell by cell.
func (w *world) same(object string, rows [][]any) {
	w.t.Helper()
	schema := w.Object(object)
	byID := map[string][]any{}
	for _, r := range rows {
		id := r[0].(string)
		if byID[id] != nil {
			w.t.Errorf("%s came twice", id)
		}
		byID[id] = r
	}
	count := 0
	for want := range w.Rows(object) {
		count++
		got := byID[want.ID()]
		if got == nil {
			w.t.Fatalf("%s %s is missing", object, want.ID())
		}
		c := 0
		for _, f := range schema.Fields {
			if skipped[f.Type] {
				continue
			}
			value := want.Value(f.Name)
			if _, text := got[c].(string); text && value != nil {
				value = fmt.Sprint(value)
			}
			if !equal(got[c], value) {
				w.t.Fatalf("%s %s.%s: %.100q (%T), the org has %.100q (%T)", object, want.ID(), f.Name, got[c], got[c], value, value)
			}
			c++
		}
	}
	if count != len(rows) {
		w.t.Errorf("%s: %d rows came, the org has %d", object, len(rows), count)
	}
}

func equal(got, want any) bool {
	switch want := want.(type) {
	case time.Time:
		at, ok := got.(time.Time)
		return ok && at.Equal(want)
	case fakeorg.Date:
		day, ok := got.(fakeorg.Date)
		return ok && day.Equal(want.Time)
	}
	return got == want
}

// calls counts the requests that match a method and a part of the path.
func (w *world) calls(method, path string) (n int) {
	for _, c := range w.Calls() {
		if (method == "" || c.Method == method) && strings.Contains(c.Path, path) {
			n++
		}
	}
	return n
}

func TestEveryValueOfEveryRowIsTheOrgsByEveryWayInAndEveryAPI(t *testing.T) {
	w := newWorld(t, fakeorg.Config{
		Seed: 7, Nasty: 200, NUL: true, Rows: map[string]int{"Account": 2_600, "My__Community_Group__c": 1200, "User": 50, "Wide__c": 230},
		Knobs: fakeorg.Knobs{BulkPageSize: 700},
	})
	logins := map[string]uri.Salesforce{"token": w.token(), "password": w.password(), "client credentials": w.credentials()}
	for name, u := range logins {
		for _, api := range []string{"rest", "bulk"} {
			for _, object := range []string{"Account", "My__Community_Group__c", "User", "Wide__c"} {
				t.Run(name+"/"+api+"/"+object, func(t *testing.T) {
					u.API = api
					rows, plan, err := w.load(u, object)
					if err != nil {
						t.Fatal(err)
					}
					if plan.API != api || plan.Rows != int64(len(rows)) {
						t.Errorf("plan %+v, %d rows", plan, len(rows))
					}
					w.same(object, rows)
				})
			}
		}
	}
}

func TestAutoTakesRESTForFewRowsAndBulkForMany(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Account": 25_000, "Contact": 30}})
	for object, want := range map[string]string{"Account": "bulk", "Contact": "rest"} {
		rows, plan, err := w.load(w.token(), object)
		if err != nil {
			t.Fatal(err)
		}
		if plan.API != want || plan.Reason == "" {
			t.Errorf("%s: %+v", object, plan)
		}
		w.same(object, rows)
	}
}

func TestPagesOfEverySizeArriveWhole(t *testing.T) {
	for _, n := range []int{0, 1, 1999, 2000, 2001, 4001} {
		w := newWorld(t, fakeorg.Config{Rows: map[string]int{"UserRole": n}, Knobs: fakeorg.Knobs{BulkPageSize: 1000, EmptyBodyForZeroRows: n%2 == 0}})
		for _, api := range []string{"rest", "bulk"} {
			for _, version := range []string{"64.0", "57.0", "49.0"} {
				u := w.token()
				u.API, u.APIVersion = api, version
				rows, _, err := w.load(u, "UserRole")
				if err != nil {
					t.Fatalf("%d rows by %s at %s: %v", n, api, version, err)
				}
				w.same("UserRole", rows)
			}
		}
	}
}

func bulkOf(u uri.Salesforce) uri.Salesforce {
	u.API = "bulk"
	return u
}

func TestAJobThatLosesRowsFailsTheRun(t *testing.T) {
	for name, script := range map[string]fakeorg.JobScript{
		"rows lost from the result":      {Lose: 3},
		"more processed than delivered":  {Processed: 2},
		"a page announces more":          {Records: 1},
		"fewer processed than delivered": {Processed: -1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 100}})
			script.Times = -1
			w.Script(script)
			if rows, _, err := w.load(bulkOf(w.token()), "Contact"); err == nil || !strings.Contains(err.Error(), "announced") {
				t.Errorf("%d rows, %v; want an error that gives both counts", len(rows), err)
			}
		})
	}
}

func TestAJobThatFailsOrIsAbortedTellsTheOrgsReason(t *testing.T) {
	w := newWorld(t, fakeorg.Config{})
	w.Script(fakeorg.JobScript{Fail: "InternalServerError : nobody knows why"})
	if _, _, err := w.load(bulkOf(w.token()), "Contact"); err == nil || !strings.Contains(err.Error(), "nobody knows why") {
		t.Errorf("failed job: %v", err)
	}
	w.Script(fakeorg.JobScript{Abort: true})
	if _, _, err := w.load(bulkOf(w.token()), "Contact"); err == nil || !strings.Contains(err.Error(), "aborted") {
		t.Errorf("aborted job: %v", err)
	}
}

func TestAJobThatNeverEndsIsGivenUpAndAborted(t *testing.T) {
	w := newWorld(t, fakeorg.Config{})
	w.Script(fakeorg.JobScript{Never: true})
	_, _, err := w.load(bulkOf(w.token()), "Contact")
	if err == nil || !strings.Contains(err.Error(), "still InProgress") {
		t.Fatalf("got %v", err)
	}
	if state := w.Jobs()[0].State; state != "Aborted" {
		t.Errorf("the job is left %s in the org", state)
	}
}

func TestAJobOfFortyMinutesIsWaitedFor(t *testing.T) {
	w := newWorld(t, fakeorg.Config{})
	w.Script(fakeorg.JobScript{After: 40 * time.Minute})
	rows, _, err := w.load(bulkOf(w.token()), "Contact")
	if err != nil {
		t.Fatal(err)
	}
	w.same("Contact", rows)
	if polls := w.Jobs()[0].Polls; polls > 100 {
		t.Errorf("%d looks at the job in 40 minutes", polls)
	}
}

func TestCancelWhileAJobRunsAbortsIt(t *testing.T) {
	w := newWorld(t, fakeorg.Config{})
	w.Script(fakeorg.JobScript{Never: true})
	s, err := w.open(bulkOf(w.token()), w.options(memory.NewGoAllocator()))
	if err != nil {
		t.Fatal(err)
	}
	tab, err := s.Table(t.Context(), "Contact")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.opt.Sleep = func(context.Context, time.Duration) error {
		cancel()
		return context.Cause(ctx)
	}
	if _, _, err = w.scan(ctx, tab); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if state := w.Jobs()[0].State; state != "Aborted" {
		t.Errorf("the job is left %s in the org", state)
	}
}

func TestWhatBulkRefusesGoesByRESTAndSaysWhy(t *testing.T) {
	for name, script := range map[string]fakeorg.JobScript{
		"at creation":   {RefuseStatus: 400, RefuseCode: "INVALIDENTITY", RefuseMessage: "Entity 'Contact' is not supported by the Bulk API."},
		"no permission": {RefuseStatus: 403, RefuseCode: "FeatureNotEnabled", RefuseMessage: "Bulk API is not enabled for this organization"},
		"quota":         {RefuseStatus: 400, RefuseCode: "API_ERROR", RefuseMessage: "Max bulk v2 query jobs (10000) per 24 hrs has been reached"},
		"later":         {Fail: "InvalidBatch : Failed to process query: FUNCTIONALITY_NOT_ENABLED: Selecting compound data not supported in Bulk Query"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fakeorg.Config{})
			w.Script(script)
			rows, plan, err := w.load(bulkOf(w.token()), "Contact")
			if err != nil {
				t.Fatal(err)
			}
			w.same("Contact", rows)
			if plan.API != "rest" || !strings.Contains(w.warnings(), "Bulk API refuses") {
				t.Errorf("plan %+v, warnings %q", plan, w.warnings())
			}
		})
	}
}

func TestABulkDownloadThatBreaksAfterRowsWereHandedOutNeverGoesByREST(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 3000}, Knobs: fakeorg.Knobs{BulkPageSize: 1000}})
	w.Inject(fakeorg.Fault{Method: "GET", Path: "/services/data/v64.0/jobs/query/*", Query: "locator=", Nth: 3, Times: -1, Status: 400, Body: `[{"errorCode":"API_ERROR","message":"the result is gone"}]`})
	_, plan, err := w.load(bulkOf(w.token()), "Contact")
	if err == nil || !strings.Contains(err.Error(), "the result is gone") || plan.API != "bulk" {
		t.Errorf("%+v, %v", plan, err)
	}
	if n := w.calls("GET", "/query/0") + w.calls("GET", "/v64.0/query"); n > 0 {
		t.Errorf("%d REST queries were sent", n)
	}
}

func TestADownloadThatBreaksOffIsReadAgainWithoutDoublingRows(t *testing.T) {
	faults := map[string]fakeorg.Fault{
		"reset":        {CutAfterBytes: 30_000},
		"truncated":    {TruncateAfterBytes: 30_000},
		"lying length": {TruncateAfterBytes: 30_000, Lying: true},
		"stalled":      {StallAfterBytes: 30_000},
		"corrupt gzip": {CorruptGzip: true},
		"503 page":     {Status: 503, Body: "<html><body>We are down for maintenance.</body></html>"},
		"empty 502":    {Status: 502},
		"no answer":    {Reset: true},
	}
	for name, fault := range faults {
		for _, api := range []string{"rest", "bulk"} {
			t.Run(name+"/"+api, func(t *testing.T) {
				w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 1500}, Knobs: fakeorg.Knobs{BulkPageSize: 450, PageSize: 450}})
				for _, nth := range []int{1, 3} {
					f := fault
					f.Nth, f.Method, f.Path = nth, "GET", "/services/data/v64.0/query*"
					if api == "bulk" {
						f.Path, f.Query = "/services/data/v64.0/jobs/query/*", "locator="
					}
					w.Inject(f)
				}
				u := w.token()
				u.API = api
				rows, _, err := w.load(u, "Contact")
				if err != nil {
					t.Fatal(err)
				}
				w.same("Contact", rows)
				asked, pages := w.calls("GET", "/query"), 4 // of 450 rows
				if api == "bulk" {
					asked = w.calls("GET", "/results")
				}
				if asked != pages+2 {
					t.Errorf("%d requests for %d pages, two of which break off", asked, pages)
				}
			})
		}
	}
}

// TestPagesThatWaitForASlowWriterAreSentForAgain holds up those that are decoded
// until all others have waited too long.
func TestPagesThatWaitForASlowWriterAreSentForAgain(t *testing.T) {
	const pages, atOnce = 9, 5
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": pages * 100}, Knobs: fakeorg.Knobs{BulkPageSize: 100}})
	u := w.token()
	u.API = "bulk"
	s, err := w.open(u, w.options(nil))
	if err != nil {
		t.Fatal(err)
	}
	tab, err := s.Table(t.Context(), "Contact")
	if err != nil {
		t.Fatal(err)
	}
	scan, err := tab.Scan(t.Context(), source.Request{Observe: w.observe})
	if err != nil {
		t.Fatal(err)
	}
	var group errgroup.Group
	group.SetLimit(atOnce)
	var rows, decoded, most atomic.Int64
	overdue := make(chan struct{})
	go func() {
		defer close(overdue)
		for w.calls("GET", "/results") < atOnce && t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(w.options(nil).IdleTimeout / 2)
	}()
	for {
		part, err := scan.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() error {
			return part.Read(t.Context(), func(b arrow.RecordBatch) error {
				most.Store(max(most.Load(), decoded.Add(1)))
				defer decoded.Add(-1)
				<-overdue
				rows.Add(b.NumRows())
				return nil
			})
		})
	}
	if err := errors.Join(group.Wait(), scan.Verify(), scan.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	if got := rows.Load(); got != int64(w.Count("Contact")) {
		t.Errorf("%d rows came", got)
	}
	if asked := w.calls("GET", "/results"); asked != pages+atOnce-decoders {
		t.Errorf("%d requests for %d pages, %d of which waited too long", asked, pages, atOnce-decoders)
	}
	if most.Load() > decoders {
		t.Errorf("%d pages were decoded at once", most.Load())
	}
}

func TestAnOrgThatStaysDownEndsTheRunAfterFewCalls(t *testing.T) {
	for name, body := range map[string]string{"html": "<html><head></head><body><table><tr><td>We are down for maintenance.</td></tr></table></body></html>", "empty": ""} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fakeorg.Config{})
			w.Inject(fakeorg.Fault{Path: "/services/data/*", Times: -1, Status: 503, Body: body})
			_, _, err := w.load(w.token(), "Contact")
			var e *source.Error
			if !errors.As(err, &e) || e.Kind != source.TryLater || e.Hint() == "" {
				t.Errorf("got %v", err)
			}
			if strings.Contains(err.Error(), "<") {
				t.Errorf("the page itself is in the error: %v", err)
			}
			if n := len(w.Calls()); n > 6 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

func TestADescribeThatFailsFailsTheRun(t *testing.T) {
	w := newWorld(t, fakeorg.Config{})
	w.Inject(fakeorg.Fault{Path: "/services/data/v64.0/sobjects/Contact/describe", Times: -1, Status: 500})
	if _, _, err := w.load(w.token(), "Contact"); err == nil || !strings.Contains(err.Error(), "describe Contact") {
		t.Errorf("got %v", err)
	}
}

func TestASessionThatDiesIsRenewedOnceForAllWorkers(t *testing.T) {
	for name, u := range map[string]func(*world) uri.Salesforce{"password": (*world).password, "client credentials": (*world).credentials} {
		for _, api := range []string{"rest", "bulk"} {
			t.Run(name+"/"+api, func(t *testing.T) {
				w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 6000}, Knobs: fakeorg.Knobs{BulkPageSize: 500, ForeignLocatorIsInvalid: true}})
				address := u(w)
				address.API = api
				path, logins := "/services/oauth2/token", 0
				if name == "password" {
					path = "/services/Soap/u/64.0"
				}
				w.Inject(fakeorg.Fault{Path: "/services/data/v64.0/jobs/query/*", Query: "locator=", Nth: 2, Do: w.ExpireSessions, Delay: time.Millisecond})
				w.Inject(fakeorg.Fault{Path: "/services/data/v64.0/limits/*", Do: w.ExpireSessions})
				rows, _, err := w.load(address, "Contact")
				if err != nil {
					t.Fatal(err)
				}
				w.same("Contact", rows)
				logins = w.calls("POST", path)
				if api == "bulk" && logins != 2 {
					t.Errorf("%d logins, want 2", logins)
				}
			})
		}
	}
}

func TestAnExpiredAccessTokenSaysWhatToDo(t *testing.T) {
	w := newWorld(t, fakeorg.Config{})
	u := w.token()
	w.ExpireSessions()
	_, _, err := w.load(u, "Contact")
	var e *source.Error
	if !errors.As(err, &e) || e.Kind != source.Refused || !strings.Contains(e.Hint(), "get a new one") {
		t.Errorf("got %v", err)
	}
	if n := len(w.Calls()); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

func TestLoginsThatAreRefusedSayHowToMendThem(t *testing.T) {
	wrong := func(w *world) uri.Salesforce {
		u := w.password()
		u.Login = uri.Password{Username: fakeorg.Username, Password: "nope", Token: fakeorg.SecurityToken}
		return u
	}
	noToken := func(w *world) uri.Salesforce {
		u := w.password()
		u.Login = uri.Password{Username: fakeorg.Username, Password: fakeorg.Password}
		return u
	}
	onLogin := func(w *world) uri.Salesforce {
		u := w.credentials()
		u.SignIn = w.signIn
		return u
	}
	atSalesforce := func(w *world) uri.Salesforce {
		u := w.credentials()
		u.SignIn = "https://login.salesforce.com"
		return u
	}
	badSecret := func(w *world) uri.Salesforce {
		u := w.credentials()
		u.Login = uri.ClientCredentials{ID: fakeorg.ClientID, Secret: "wrong"}
		return u
	}
	badID := func(w *world) uri.Salesforce {
		u := w.credentials()
		u.Login = uri.ClientCredentials{ID: "unknown", Secret: fakeorg.ClientSecret}
		return u
	}
	cases := map[string]struct {
		knobs fakeorg.Knobs
		u     func(*world) uri.Salesforce
		text  string
		hint  string
	}{
		"wrong password":              {u: wrong, text: "INVALID_LOGIN", hint: "check username, password and token"},
		"missing token":               {u: noToken, text: "INVALID_LOGIN", hint: "token"},
		"missing token, new location": {knobs: fakeorg.Knobs{NewLocation: true}, u: noToken, text: "LOGIN_MUST_USE_SECURITY_TOKEN", hint: "add token="},
		"prefixed fault":              {knobs: fakeorg.Knobs{PrefixedFaults: true}, u: wrong, text: "INVALID_LOGIN: Invalid username", hint: "check username"},
		"SOAP login off":              {knobs: fakeorg.Knobs{NoSOAPLogin: true}, u: (*world).password, text: "SOAP API login() is disabled", hint: "client_id"},
		"expired password":            {knobs: fakeorg.Knobs{PasswordExpired: true}, u: (*world).password, text: "expired", hint: "new password"},
		"sign-in host":                {u: onLogin, text: "not supported on this domain", hint: "My Domain"},
		"login.salesforce.com":        {u: atSalesforce, text: "not supported on this domain", hint: "My Domain"},
		"wrong secret":                {u: badSecret, text: "invalid_client", hint: "client_secret"},
		"unknown app":                 {u: badID, text: "invalid_client_id", hint: "client_id"},
		"no run-as user":              {knobs: fakeorg.Knobs{NoRunAsUser: true}, u: (*world).credentials, text: "no client credentials user", hint: "run-as user"},
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fakeorg.Config{Knobs: tt.knobs})
			_, err := w.open(tt.u(w), w.options(nil))
			var e *source.Error
			if !errors.As(err, &e) || e.Kind != source.Refused || !strings.Contains(err.Error(), tt.text) || !strings.Contains(e.Hint(), tt.hint) {
				t.Errorf("error %v\nhint %v", err, e.Hint())
			}
			for _, secret := range []string{fakeorg.Password, fakeorg.SecurityToken, fakeorg.ClientSecret, "nope"} {
				if err != nil && strings.Contains(err.Error()+e.Hint(), secret) {
					t.Errorf("a secret is in %q", err)
				}
			}
			if n := len(w.Calls()); n > 1 {
				t.Errorf("%d calls for one refusal", n)
			}
		})
	}
}

func TestAWrongHostOrAClosedPortFailsFast(t *testing.T) {
	w := newWorld(t, fakeorg.Config{})
	u := w.token()
	u.SignIn = "http://127.0.0.1:1"
	_, _, err := w.load(u, "Contact")
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1: connection refused") {
		t.Errorf("got %v", err)
	}
	if w.slept > 0 {
		t.Errorf("waited %s for a port that was never open", w.slept)
	}
}

func TestNamesThatTheOrgDoesNotHaveAreRefused(t *testing.T) {
	w := newWorld(t, fakeorg.Config{})
	for _, name := range []string{"Acount", "custom:Nope__c", "x' OR 1=1", "../limits", ""} {
		_, _, err := w.load(w.token(), name)
		var e *source.Error
		if !errors.As(err, &e) || e.Kind != source.BadRequest || e.Hint() == "" {
			t.Errorf("%q: %v", name, err)
		}
	}
	rows, _, err := w.load(w.token(), "custom:my__community_group__C")
	if err != nil {
		t.Fatal(err)
	}
	w.same("My__Community_Group__c", rows)
}

func TestTheTokenGoesNowhereElse(t *testing.T) {
	var stolen []string
	var mu sync.Mutex
	thief := newListener(t, func(r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		stolen = append(stolen, r.Header.Get("Authorization"))
	})
	w := newWorld(t, fakeorg.Config{})
	w.Inject(fakeorg.Fault{Path: "/services/data/v64.0/sobjects/Contact/describe", Status: 302, Header: http.Header{"Location": {thief + "/x"}}})
	if _, _, err := w.load(w.token(), "Contact"); err == nil || !strings.Contains(err.Error(), "redirects to another host") {
		t.Errorf("redirect: %v", err)
	}
	w.Inject(fakeorg.Fault{Path: "/services/data/v64.0/query", Status: 200, Body: `{"totalSize":2,"done":false,"nextRecordsUrl":"` + thief + `/x","records":[]}`})
	u := w.token()
	u.API = "rest"
	if _, _, err := w.load(u, "Contact"); err == nil || !strings.Contains(err.Error(), "address of the next page") {
		t.Errorf("next page: %v", err)
	}
	if len(stolen) > 0 {
		t.Errorf("the token was sent to another host")
	}
}

// newListener is a server that tells of its requests.
func newListener(t *testing.T, told func(*http.Request)) string {
	t.Helper()
	other := fakeorg.New(fakeorg.Config{})
	base, stop := other.Start()
	t.Cleanup(func() {
		stop()
		for range other.Calls() {
			told(&http.Request{Header: http.Header{"Authorization": {"seen"}}})
		}
	})
	return base
}

func TestWhatOrgsMayLeaveOutOrAddIsNotMissed(t *testing.T) {
	w := newWorld(t, fakeorg.Config{
		Rows:  map[string]int{"Contact": 700},
		Knobs: fakeorg.Knobs{PageSize: 300, BulkPageSize: 300, AbsoluteNextPage: true, NoRowCount: true},
	})
	for _, api := range []string{"rest", "bulk"} {
		for _, version := range []string{"", "57.0"} { // with the list of pages, and without
			u := w.token()
			u.API, u.APIVersion = api, version
			rows, _, err := w.load(u, "Contact")
			if err != nil {
				t.Fatal(err)
			}
			w.same("Contact", rows)
		}
	}
}

func TestAnObjectThatTheOrgDoesNotCountIsReadAllTheSame(t *testing.T) {
	for _, refusal := range []string{
		`[{"message":"Implementation restriction: no COUNT()","errorCode":"MALFORMED_QUERY"}]`,
		`[{"message":"insufficient access rights on object id","errorCode":"INSUFFICIENT_ACCESS"}]`,
	} {
		w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 700}})
		w.Inject(fakeorg.Fault{Path: "/services/data/v64.0/limits/recordCount", Times: -1, Status: 404})
		w.Inject(fakeorg.Fault{Query: "COUNT()", Times: -1, Status: 403, Body: refusal})
		rows, _, err := w.load(w.token(), "Contact")
		if err != nil {
			t.Fatal(err)
		}
		w.same("Contact", rows)
	}
}

func TestAStampOfCreationIsACursorOnlyWhereRowsDoNotChange(t *testing.T) {
	for text, want := range map[string]string{
		`{"updateable":true,"fields":[{"name":"CreatedDate","type":"datetime","filterable":true}]}`:                                "",
		`{"updateable":false,"fields":[{"name":"CreatedDate","type":"datetime","filterable":true}]}`:                               "CreatedDate",
		`{"updateable":true,"fields":[{"name":"LastModifiedDate","type":"datetime"},{"name":"CreatedDate","type":"datetime"}]}`:    "LastModifiedDate",
		`{"updateable":true,"fields":[{"name":"LastModifiedDate","type":"datetime","filterable":false}]}`:                          "",
		`{"fields":[{"name":"SystemModstamp","type":"datetime","filterable":true},{"name":"LastModifiedDate","type":"datetime"}]}`: "SystemModstamp",
	} {
		var o object
		if err := json.Unmarshal([]byte(text), &o); err != nil || o.cursorKey() != want || !o.Queryable {
			t.Errorf("%s: %q, want %q; %v", text, o.cursorKey(), want, err)
		}
	}
}

func TestAnOrgThatDoesNotServeOurAPIVersionIsReadByItsNewest(t *testing.T) {
	for _, tt := range []struct {
		newest           int
		named, api, want string
		by               string
	}{
		{newest: 58, api: "rest", want: "58.0", by: "rest"},
		{newest: 58, api: "bulk", want: "58.0", by: "bulk"},
		{newest: 49, api: "bulk", want: "49.0", by: "bulk"}, // columns in the order of the alphabet
		{newest: 46, api: "bulk", want: "46.0", by: "rest"}, // Bulk API 2.0 came with 47
		{newest: 66, api: "bulk", want: DefaultVersion, by: "bulk"},
		{newest: 58, named: "50", api: "rest", want: "50.0", by: "rest"},
	} {
		w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 700}, Knobs: fakeorg.Knobs{NewestVersion: tt.newest, PageSize: 300, BulkPageSize: 300}})
		u := w.token()
		u.API = tt.api
		if tt.named != "" {
			u.APIVersion = tt.named + ".0"
		}
		rows, plan, err := w.load(u, "Contact")
		if err != nil {
			t.Fatalf("%+v: %v", tt, err)
		}
		w.same("Contact", rows)
		asked := 0
		for _, c := range w.Calls() {
			if strings.HasSuffix(c.Path, "/services/data") {
				asked++
			}
		}
		if last := w.Calls()[len(w.Calls())-1].Path; !strings.Contains(last, "/v"+tt.want+"/") || plan.API != tt.by || asked > 1 {
			t.Errorf("%+v: %s by %s, asked %d times", tt, last, plan.API, asked)
		}
	}
}

func TestAPasswordLogsInByAVersionThatTheOrgServes(t *testing.T) {
	for _, fault := range []*fakeorg.Fault{nil, {Path: "/services/Soap/u/64.0", Times: -1, Status: 404}} {
		w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 10}, Knobs: fakeorg.Knobs{NewestVersion: 58}})
		if fault != nil {
			w.Inject(*fault)
		}
		u := w.password()
		u.SignIn = w.InstanceURL()
		rows, _, err := w.load(u, "Contact")
		if err != nil {
			t.Fatal(err)
		}
		w.same("Contact", rows)
		if n := w.calls("POST", "/services/Soap/u/58.0"); n != 1 {
			t.Errorf("logged in %d times by 58.0", n)
		}
	}
}

func TestALoginWhoseVersionIsNotServedIsTriedOnceWhenTheOrgTellsNoOther(t *testing.T) {
	for _, list := range []*fakeorg.Fault{nil, {Path: "/services/data", Times: -1, Status: 404}, {Path: "/services/data", Times: -1, Status: 200, Body: "[]"}} {
		w := newWorld(t, fakeorg.Config{})
		w.Inject(fakeorg.Fault{Path: "/services/Soap/u/64.0", Times: -1, Status: 404})
		if list != nil {
			w.Inject(*list)
		}
		u := w.password()
		u.SignIn = w.InstanceURL()
		_, _, err := w.load(u, "Contact")
		if err == nil || w.calls("POST", "/services/Soap/") != 1 || w.calls("GET", "/services/data") != 1 {
			t.Errorf("%d logins: %v", w.calls("POST", "/services/Soap/"), err)
		}
	}
}

func TestAnAPIVersionThatTheAddressNamesAndTheOrgDoesNotServeIsRefused(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Knobs: fakeorg.Knobs{NewestVersion: 58}})
	u := w.token()
	u.APIVersion = "62.0"
	s, err := w.open(u, w.options(memory.NewGoAllocator()))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Contact", "Account"} { // the second is told as much as the first
		_, err := s.Table(t.Context(), name)
		var e *source.Error
		if !errors.As(err, &e) || e.Kind != source.BadRequest || !strings.Contains(err.Error(), "62.0") || !strings.Contains(e.Mend, "31.0 to 58.0") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
