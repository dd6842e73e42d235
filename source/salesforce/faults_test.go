package salesforce

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/source"
	"sluice/source/salesforce/fakeorg"
)

// ruleOf finds the rule that a trouble of the fake org is an example of: the
// name may say more after a comma, a colon or a few more words.
func ruleOf(t *testing.T, trouble string) *rule {
	t.Helper()
	for i := range faults {
		if faults[i].name == trouble {
			return &faults[i]
		}
	}
	best := &unknownFault
	for i := range faults {
		if strings.HasPrefix(trouble, faults[i].name) && len(faults[i].name) > len(best.name) || best == &unknownFault && strings.HasPrefix(trouble, faults[i].name) {
			best = &faults[i]
		}
	}
	return best
}

// weather is an org with enough rows for several pages, and the address by which
// a trouble is met.
func weather(t *testing.T, way string) (*world, func() ([][]any, source.Plan, error)) {
	t.Helper()
	w := newWorld(t, fakeorg.Config{Rows: map[string]int{"Contact": 700}, Knobs: fakeorg.Knobs{BulkPageSize: 200, PageSize: 150}})
	u := w.credentials()
	if way == "password" {
		u = w.password()
	}
	u.API = "rest"
	if way == "bulk" {
		u.API = "bulk"
	}
	return w, func() ([][]any, source.Plan, error) { return w.load(u, "Contact") }
}

// wasted is the most requests that one trouble may cost above those needed.
const wasted = 8

func TestEveryTroubleThatPassesDoesWhatTheTableSays(t *testing.T) {
	w, load := weather(t, "rest")
	if _, _, err := load(); err != nil {
		t.Fatal(err)
	}
	needed := len(w.Calls())
	for _, trouble := range fakeorg.Troubles {
		t.Run(trouble.Name, func(t *testing.T) {
			w, load := weather(t, trouble.Way)
			trouble.Strike(w.Org, 1, 1)
			rows, plan, err := load()
			r := ruleOf(t, trouble.Name)
			if most := needed + 12 + wasted; len(w.Calls()) > most { // a Bulk job takes more
				t.Errorf("%d requests, want at most %d", len(w.Calls()), most)
			}
			var e *source.Error
			errors.As(err, &e)
			if r.do == stop {
				if e == nil || e.Kind != r.kind || e.Mend != r.mend && !ownHint[r.name] {
					t.Errorf("%v (%+v); want kind %v and hint %q", err, e, r.kind, r.mend)
				}
				return
			}
			if r.do == anew {
				if e == nil || !e.Stale || e.Mend != r.mend {
					t.Errorf("%v; want a stale description", err)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v; the table says that sluice %s", err, remedies[r.do])
			}
			w.same("Contact", rows)
			if r.do == byREST && (plan.API != "rest" || !strings.Contains(w.warnings(), "Bulk API refuses")) {
				t.Errorf("plan %+v, warnings %q", plan, w.warnings())
			}
		})
	}
}

func TestEveryTroubleThatStaysEndsSoonAndWithAHint(t *testing.T) {
	for _, trouble := range fakeorg.Troubles {
		t.Run(trouble.Name, func(t *testing.T) {
			w, load := weather(t, trouble.Way)
			trouble.Strike(w.Org, 1, -1)
			rows, _, err := load()
			r := ruleOf(t, trouble.Name)
			if n := len(w.Calls()); n > 150 {
				t.Errorf("%d requests", n)
			}
			if r.do == byREST || r.do == chain || r.do == onward { // each new query gives a page
				if err != nil {
					t.Fatal(err)
				}
				w.same("Contact", rows)
				return
			}
			var e *source.Error
			if !errors.As(err, &e) || e.Kind != r.kind || e.Mend == "" && r.mend != "" {
				t.Errorf("%v (%+v), want kind %v", err, e, r.kind)
			}
			if err != nil && strings.ContainsAny(err.Error(), "<\n") {
				t.Errorf("the error shows the answer as it is: %v", err)
			}
		})
	}
}

// ownHint are the rules whose callers know more to say.
var ownHint = map[string]bool{"no such object": true, "anything else": true}

// unmet are the rules that no request to the fake org can meet; each has a test
// of its own.
var unmet = map[string]func() error{
	"no such host":      func() error { return &net.DNSError{IsNotFound: true} },
	"unsafe connection": func() error { return &tls.CertificateVerificationError{Err: errors.New("expired")} },
	// TestProxiesAreHonoured
	"proxy wants a login":          func() error { return &proxyError{http.StatusProxyAuthRequired} },
	"proxy refuses":                func() error { return &proxyError{http.StatusForbidden} },
	"proxy does not reach the org": func() error { return &proxyError{http.StatusBadGateway} },

	"nothing listens":           func() error { return &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED} },
	"endless":                   func() error { return fmt.Errorf("read: %w", errEndless) },
	"no HTTP":                   func() error { return errors.New("malformed HTTP response") },
	"log of deletions too long": nil, // TestTheLogOfDeletionsIsReadInHalves
	"no log of deletions":       nil, // TestAnOrgWithoutALogOfDeletionsIsReadWithoutIt
}

func TestEveryRuleIsDriven(t *testing.T) {
	driven := map[string]bool{}
	for _, trouble := range fakeorg.Troubles {
		driven[ruleOf(t, trouble.Name).name] = true
	}
	for name, broken := range unmet {
		driven[name] = true
		if broken != nil {
			if got := judgeBroken(broken()).name; got != name {
				t.Errorf("%q is taken for %q", name, got)
			}
		}
	}
	for _, r := range faults {
		if !driven[r.name] {
			t.Errorf("nothing drives %q", r.name)
		}
		if r.name != strings.TrimSpace(r.name) || r.means == "" || r.mend == "" {
			t.Errorf("%q has no meaning or no hint", r.name)
		}
	}
}

// exits are the exit codes of the kinds, as the README has them.
var exits = map[source.Kind]string{source.Failed: "1", source.BadRequest: "2", source.Refused: "4", source.BudgetSpent: "6", source.TryLater: "75"}

// faultsDoc is the table for people.
func faultsDoc() string {
	var b strings.Builder
	b.WriteString(`# What goes wrong between sluice and an org, and what becomes of it

This table is made from the one that the program goes by (` + "`source/salesforce/faults.go`" + `; ` + "`make golden`" + ` writes it again). An answer is what the
first row says that matches it: the call, the HTTP status, Salesforce's code and words of the message, where the row names them. Each row is
driven by a test through the fake org. Codes are compared without their case and underscores.

What sluice does about a fault has a bound; when that is reached, or when it stops at once, the run ends with the exit code and the hint, the
table and its cursor as they were. Rows that were staged of a part that broke off are dropped before the part is read again.

| Fault | Call | Status | Code | Message holds | It means | sluice | Exit | Hint |
|---|---|---|---|---|---|---|---|---|
`)
	for _, r := range slices.Concat(faults, []rule{unknownFault}) {
		var on, status []string
		for _, c := range r.on {
			on = append(on, string(c))
		}
		for _, s := range r.status {
			status = append(status, fmt.Sprint(s))
		}
		if r.broken != nil {
			status = []string{"no whole answer"}
		}
		exit := exits[r.kind]
		if r.do == byREST || r.do == chain || r.do == unlogged {
			exit = ""
		}
		cells := []string{r.name, strings.Join(on, ", "), strings.Join(status, ", "), strings.Join(r.codes, ", "), r.text, r.means, remedies[r.do], exit, r.mend}
		b.WriteString("| " + strings.ReplaceAll(strings.Join(cells, " | "), "|  |", "| |") + " |\n")
	}
	return b.String()
}

func TestTheTableForPeopleIsTheOneOfTheProgram(t *testing.T) {
	const path = "../../doc/faults.md"
	want := faultsDoc()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("doc/faults.md is not the table of the program (+); `make golden` writes it:\n%s", diff)
	}
}

func TestCallsAreToldApartByTheirAddress(t *testing.T) {
	for path, want := range map[string]call{
		"/services/oauth2/token":                          callLogin,
		"/services/Soap/u/64.0":                           callLogin,
		"/services/data/v64.0/sobjects/X/describe":        callDescribe,
		"/services/data/v64.0/sobjects/X/deleted/":        callDeleted,
		"/services/data/v64.0/limits/recordCount":         callCount,
		"/services/data/v64.0/queryAll":                   callQuery,
		"/services/data/v64.0/query/0r8-2000":             callPage,
		"/services/data/v64.0/jobs/query":                 callCreate,
		"/services/data/v64.0/jobs/query/750":             callJob,
		"/services/data/v64.0/jobs/query/750/resultPages": callPages,
		"/services/data/v64.0/jobs/query/750/results":     callResults,
		"/services/data":                                  callOther,
		"/services/data/v64.0/tooling":                    callOther,
	} {
		method := http.MethodGet
		if want == callCreate {
			method = http.MethodPost
		}
		if got := callOf(method, path); got != want {
			t.Errorf("%s %s is taken for %q, want %q", method, path, got, want)
		}
	}
}
