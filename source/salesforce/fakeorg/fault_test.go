package fakeorg_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice/source/salesforce/fakeorg"
)

// raw sends a GET and hands out the open answer, undecoded.
func (a *api) raw(ctx context.Context, path string, header ...string) (*http.Response, error) {
	a.t.Helper()
	req, err := http.NewRequestWithContext(ctx, "GET", a.org.InstanceURL()+path, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return http.DefaultClient.Do(req)
}

const describeAccount = v60 + "/sobjects/Account/describe"

func TestFaultAnswersInsteadOfTheOrg(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	a.org.Inject(fakeorg.Fault{Path: "/services/data/*/limits", Nth: 2, Times: 2, Status: 503, Body: "<html><head>We are down for maintenance.", Header: http.Header{"Content-Type": {"text/html"}}})
	for i, want := range []int{200, 503, 503, 200} {
		if res, _ := a.do("GET", v60+"/limits", ""); res.StatusCode != want {
			t.Errorf("request %d: status %d, want %d", i+1, res.StatusCode, want)
		}
	}
	if res, _ := a.do("GET", describeAccount, ""); res.StatusCode != 200 {
		t.Errorf("the fault struck another path: %d", res.StatusCode)
	}
}

func TestFaultCutsBodies(t *testing.T) {
	for name, tt := range map[string]struct {
		fault fakeorg.Fault
		fails bool
	}{
		"truncated":          {fakeorg.Fault{TruncateAfterBytes: 1000}, true},
		"cut":                {fakeorg.Fault{CutAfterBytes: 1000}, true},
		"truncated and lied": {fakeorg.Fault{TruncateAfterBytes: 1000, Lying: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, fakeorg.Config{})
			a.org.Inject(tt.fault)
			res, err := a.raw(t.Context(), describeAccount, "Accept-Encoding", "identity")
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			if len(b) > 1000 || (err != nil) != tt.fails {
				t.Errorf("%d bytes and error %v", len(b), err)
			}
		})
	}
}

func TestFaultResetsStallsAndCorrupts(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	a.org.Inject(fakeorg.Fault{Reset: true})
	if res, err := a.raw(t.Context(), describeAccount); err == nil {
		res.Body.Close()
		t.Errorf("a reset gave status %d", res.StatusCode)
	}
	a.org.Inject(fakeorg.Fault{StallAfterBytes: 500})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	res, err := a.raw(ctx, describeAccount, "Accept-Encoding", "identity")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	res.Body.Close()
	if len(b) != 500 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d bytes and error %v, want 500 and the deadline", len(b), err)
	}
	a.org.Inject(fakeorg.Fault{CorruptGzip: true})
	res, err = a.raw(t.Context(), describeAccount, "Accept-Encoding", "gzip")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	z, err := gzip.NewReader(res.Body)
	if err == nil {
		_, err = io.Copy(io.Discard, z)
	}
	if err == nil {
		t.Error("the corrupt body could be read")
	}
}

func TestTokenDiesInsideADownload(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	a.org.CutTokenAfterBytes(1000)
	if res, b := a.do("GET", describeAccount, ""); res.StatusCode != 200 || len(b) < 1000 {
		t.Errorf("the running answer broke: %d, %d bytes", res.StatusCode, len(b))
	}
	a.wantError(401, "INVALID_SESSION_ID", "GET", describeAccount, "")
}

func TestLocatorsBelongToASessionAndDie(t *testing.T) {
	a := newAPI(t, fakeorg.Config{Rows: map[string]int{"Account": 900}, Knobs: fakeorg.Knobs{PageSize: 300}})
	var p page
	a.get(200, v60+"/query?q=SELECT+Id+FROM+Account", &p)
	a.get(200, p.NextRecordsURL, nil)
	mine := a.token
	a.token = a.org.AccessToken()
	a.wantError(401, "INVALID_SESSION_ID", "GET", p.NextRecordsURL, "")
	a.org.Set(func(k *fakeorg.Knobs) { k.ForeignLocatorIsInvalid = true })
	a.wantError(400, "INVALID_QUERY_LOCATOR", "GET", p.NextRecordsURL, "")
	a.token = mine
	a.get(200, p.NextRecordsURL, nil)
	a.org.KillLocators()
	a.wantError(400, "INVALID_QUERY_LOCATOR", "GET", p.NextRecordsURL, "")
}

func TestRequestsHaveLimits(t *testing.T) {
	a := newAPI(t, fakeorg.Config{APILimit: 2})
	res := a.get(200, v60+"/limits", nil)
	if got := res.Header.Get("Sforce-Limit-Info"); got != "api-usage=1/2" {
		t.Errorf("Sforce-Limit-Info is %q", got)
	}
	a.get(200, v60+"/limits", nil)
	if got := a.wantError(403, "REQUEST_LIMIT_EXCEEDED", "GET", v60+"/limits", ""); got != "TotalRequests Limit exceeded." {
		t.Errorf("message is %q", got)
	}
	if res, body := a.do("GET", v60+"/query?q="+strings.Repeat("x", 17_000), ""); res.StatusCode != 414 || !strings.Contains(string(body), "URI Too Long") {
		t.Errorf("a long address gave %d %.100s", res.StatusCode, body)
	}
}

func TestPathsThatAreNotThere(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	a.wantError(410, "UNSUPPORTED_API_VERSION", "GET", "/services/data/v29.0/limits", "")
	a.wantError(404, "NOT_FOUND", "GET", "/services/data/v99.0/limits", "")
	a.wantError(404, "NOT_FOUND", "GET", v60+"/nonsense", "")
	a.wantError(404, "NOT_FOUND", "GET", v60+"/sobjects/Nope/describe", "")
	a.wantError(404, "NOT_FOUND", "GET", v60+"/sobjects/Ghost__c/describe", "")
	a.wantError(405, "METHOD_NOT_ALLOWED", "PUT", describeAccount, "")
	a.wantError(404, "NOT_FOUND", "GET", "/services/data/v46.0/jobs/query", "")
	a.token = ""
	if res, _ := a.do("GET", "/services/data/", ""); res.StatusCode != 200 || res.Header.Get("Sforce-Limit-Info") != "" {
		t.Errorf("the list of versions needs no session: %d", res.StatusCode)
	}
}

func TestCallsAreKept(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	a.get(200, v60+"/limits/recordCount?sObjects=Account,Nope,Contact", nil)
	calls := a.org.Calls()
	if len(calls) != 1 || calls[0].Method != "GET" || calls[0].Path != v60+"/limits/recordCount" || calls[0].Query != "sObjects=Account,Nope,Contact" || calls[0].Status != 200 {
		t.Errorf("calls are %+v", calls)
	}
}
