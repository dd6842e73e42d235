package salesforce

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/source"
	"sluice/source/salesforce/fakeorg"
	"sluice/uri"
)

// deaths are the moments at which a session ends, by the requests that see it.
var deaths = map[string]struct {
	api   string
	fault fakeorg.Fault
}{
	"between pages":                    {"rest", fakeorg.Fault{Path: "/services/data/*/query/*", Nth: 2}},
	"before describe":                  {"rest", fakeorg.Fault{Path: "/services/data/*/sobjects/*/describe"}},
	"while a job runs":                 {"bulk", fakeorg.Fault{Path: "/services/data/*/jobs/query/*", Method: "GET"}},
	"between the results of a job":     {"bulk", fakeorg.Fault{Path: "/services/data/*/jobs/query/*/results", Nth: 2}},
	"at the creation of a job":         {"bulk", fakeorg.Fault{Path: "/services/data/*/jobs/query", Method: "POST"}},
	"at the creation of a job, by 400": {"bulk", fakeorg.Fault{Path: "/services/data/*/jobs/query", Method: "POST", Status: 400, Body: `[{"errorCode":"InvalidSessionId","message":"Invalid session id"}]`}},
	"with the exceptionCode of Bulk 1": {"bulk", fakeorg.Fault{Path: "/services/data/*/jobs/query/*", Method: "GET", Status: 400, Body: `{"exceptionCode":"InvalidSessionId","exceptionMessage":"Invalid session id"}`}},
	"with 401 and no body":             {"rest", fakeorg.Fault{Path: "/services/data/*/query", Status: 401}},
}

func TestASessionThatDiesCostsOneLoginAndNoRow(t *testing.T) {
	for name, death := range deaths {
		for _, way := range []string{"password", "credentials"} {
			t.Run(name+"/"+way, func(t *testing.T) {
				w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 700}, Knobs: fakeorg.Knobs{BulkPageSize: 100, PageSize: 100}})
				u, path := w.credentials(), "/services/oauth2/token"
				if way == "password" {
					u, path = w.password(), "/services/Soap/"
				}
				u.API = death.api
				f := death.fault
				f.Do = w.ExpireSessions
				w.Inject(f)
				rows, _, err := w.load(u, "Contact")
				if err != nil {
					t.Fatal(err)
				}
				w.same("Contact", rows)
				if n := w.calls("POST", path); n != 2 {
					t.Errorf("%d logins, want 2", n)
				}
			})
		}
	}
}

func TestATokenThatDiesInsideAPageDoesNotBreakThePage(t *testing.T) {
	for _, api := range []string{"rest", "bulk"} {
		w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 3000}, Knobs: fakeorg.Knobs{BulkPageSize: 500, PageSize: 500}})
		u := w.credentials()
		u.API = api
		w.CutTokenAfterBytes(60_000)
		rows, _, err := w.load(u, "Contact")
		if err != nil {
			t.Fatal(err)
		}
		w.same("Contact", rows)
	}
}

func TestTwentyWorkersThatFindADeadSessionLogInOnce(t *testing.T) {
	w := newWorld(t, fakeorg.Config{})
	s, err := w.open(w.credentials(), w.options(nil))
	if err != nil {
		t.Fatal(err)
	}
	w.ExpireSessions()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := s.Table(t.Context(), "Contact"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := w.calls("POST", "/services/oauth2/token"); n != 2 {
		t.Errorf("%d logins, want the first and one more", n)
	}
}

func TestASessionOfAnotherUserOrOrgIsRefused(t *testing.T) {
	for name, tt := range map[string]struct{ id, token string }{
		"another org":               {"https://login.salesforce.com/id/00Dxx0000000009AAA/USER", ""},
		"another user":              {"https://login.salesforce.com/id/ORG/005xx0000000009AAA", ""},
		"another org, by its token": {"", "00Dxx0000000009!AQ"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fakeorg.Config{})
			s, err := w.open(w.credentials(), w.options(nil))
			if err != nil {
				t.Fatal(err)
			}
			other := first(tt.token, w.AccessToken())
			id := strings.NewReplacer("ORG", w.ID(), "USER", w.UserID()).Replace(tt.id)
			w.Inject(fakeorg.Fault{Path: "/services/oauth2/token", Status: http.StatusOK, Body: `{"access_token":"` + other + `","instance_url":"` + w.InstanceURL() + `","id":"` + id + `"}`})
			w.Inject(fakeorg.Fault{Path: "/services/data/*", Status: 401, Body: `[{"errorCode":"INVALID_SESSION_ID","message":"Session expired or invalid"}]`})
			_, err = s.Table(t.Context(), "Contact")
			var e *source.Error
			if !errors.As(err, &e) || e.Kind != source.Refused || !strings.Contains(err.Error(), "the new session belongs to") {
				t.Errorf("got %v", err)
			}
			if n := w.calls("GET", "/describe"); n != 1 {
				t.Errorf("the new session was used: %d requests", n)
			}
		})
	}
}

func TestAnOrgThatEndsEverySessionAtOnceIsGivenUp(t *testing.T) {
	w := newWorld(t, fakeorg.Config{})
	w.Inject(fakeorg.Fault{Path: "/services/data/*", Times: -1, Do: w.ExpireSessions})
	_, _, err := w.load(w.credentials(), "Contact")
	var e *source.Error
	if !errors.As(err, &e) || e.Kind != source.Refused || e.Hint() == "" {
		t.Errorf("got %v", err)
	}
	if n := len(w.Calls()); n > 6 {
		t.Errorf("%d requests", n)
	}
}

func TestAnInstanceURLWithASlashAtItsEndMakesNoDoubleSlash(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 300}, Knobs: fakeorg.Knobs{PageSize: 100, BulkPageSize: 100}})
	w.Inject(fakeorg.Fault{Path: "/services/oauth2/token", Status: http.StatusOK, Times: -1, Body: `{"access_token":"` + w.AccessToken() + `","instance_url":"` + w.InstanceURL() + `/"}`})
	for _, api := range []string{"rest", "bulk"} {
		for _, u := range []uri.Salesforce{w.credentials(), {SignIn: w.InstanceURL() + "/", Login: uri.AccessToken{Token: uri.Secret(w.AccessToken())}}} {
			u.API = api
			rows, _, err := w.load(u, "Contact")
			if err != nil {
				t.Fatal(err)
			}
			w.same("Contact", rows)
		}
	}
	for _, c := range w.Calls() {
		if strings.Contains(c.Path, "//") {
			t.Errorf("%s %s", c.Method, c.Path)
		}
	}
}

func TestALoginThatBreaksOffIsSentAgainAlsoInTheMiddleOfADownload(t *testing.T) {
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 700}, Knobs: fakeorg.Knobs{BulkPageSize: 100}})
	w.Inject(fakeorg.Fault{Path: "/services/data/*/jobs/query/*/results", Nth: 2, Do: w.ExpireSessions})
	w.Inject(fakeorg.Fault{Path: "/services/oauth2/token", Nth: 2, CutAfterBytes: 20, Delay: time.Millisecond})
	u := w.credentials()
	u.API = "bulk"
	rows, _, err := w.load(u, "Contact")
	if err != nil {
		t.Fatal(err)
	}
	w.same("Contact", rows)
}

func TestAnOrgThatDoesNotTellItsIdInTheTokenIsAskedForIt(t *testing.T) {
	w := newWorld(t, fakeorg.Config{})
	hide := fakeorg.Fault{Query: "FROM Organization", Times: -1, Status: 400, Body: `[{"message":"sObject type 'Organization' is not supported.","errorCode":"INVALID_TYPE"}]`}
	silent := fakeorg.Fault{Path: "/services/data/v64.0/", Times: -1, Status: 404, Body: `[{"message":"The requested resource does not exist","errorCode":"NOT_FOUND"}]`}
	identity := func() string {
		t.Helper()
		s := w.source()
		s.api.session.current.org = ""
		id, err := s.Identity(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	own := w.ID()[:15]
	if got := identity(); got != own {
		t.Errorf("by Organization: %q, want %q", got, own)
	}
	w.Inject(hide)
	if got := identity(); got != own {
		t.Errorf("by the list of resources: %q, want %q", got, own)
	}
	w.Inject(silent)
	if got := identity(); got != strings.TrimPrefix(w.InstanceURL(), "http://") {
		t.Errorf("by its host: %q, want that of %s", got, w.InstanceURL())
	}
}
