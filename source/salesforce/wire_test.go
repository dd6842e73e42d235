package salesforce

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"sluice/source"
	"sluice/source/salesforce/fakeorg"
	"sluice/uri"
)

// wire answers requests as an org of one role would. The first answer to one
// kind of call is another one.
type wire struct {
	on     call
	soap   bool
	status int
	header http.Header
	body   []byte
	done   bool
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r, ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1}
	kind := callOf(r.Method, r.URL.Path)
	if !w.done && kind == w.on {
		w.done = true
		answer.StatusCode, answer.Header = w.status, w.header.Clone()
		answer.Body = io.NopCloser(bytes.NewReader(w.body))
		return answer, nil
	}
	text := wireAnswers[kind]
	if kind == callLogin && w.soap {
		text = soapAnswer
	}
	if strings.HasSuffix(r.URL.Path, "/limits") {
		text = `{"DailyApiRequests":{"Max":15000,"Remaining":14976}}`
	}
	answer.Header.Set("Content-Type", jsonType)
	if kind == callResults {
		answer.Header.Set("Content-Type", "text/csv")
		answer.Header.Set("Sforce-NumberOfRecords", "1")
	}
	answer.Header.Set("Date", "Mon, 02 Mar 2026 09:00:00 GMT")
	answer.Body = io.NopCloser(strings.NewReader(text))
	return answer, nil
}

const (
	wireHost   = "http://127.0.0.1:1"
	soapAnswer = `<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body><loginResponse><result><serverUrl>` + wireHost +
		`/services/Soap/u/64.0/00D</serverUrl><sessionId>00D!AQ</sessionId><userId>005</userId><userInfo><organizationId>00Dfk0000000001EAA</organizationId></userInfo></result></loginResponse></soapenv:Body></soapenv:Envelope>`
	rolePage = `{"totalSize":1,"done":true,"records":[{"attributes":{"type":"UserRole"},"Id":"00Efk0000000001EAA","SystemModstamp":"2026-03-01T00:00:00.000+0000"}]}`
)

var wireAnswers = map[call]string{
	callLogin:    `{"access_token":"00Dfk0000000001!AQ","instance_url":"` + wireHost + `","id":"https://login.salesforce.com/id/00Dfk0000000001EAA/005fk0000000001AAA"}`,
	callDescribe: `{"name":"UserRole","queryable":true,"replicateable":true,"fields":[{"name":"Id","type":"id","filterable":true,"sortable":true},{"name":"SystemModstamp","type":"datetime","filterable":true}]}`,
	callCount:    `{"sObjects":[{"name":"UserRole","count":1}]}`,
	callDeleted:  `{"deletedRecords":[{"deletedDate":"2026-03-01T00:00:00.000+0000","id":"00Efk0000000002EAA"}],"earliestDateAvailable":"2026-02-01T00:00:00.000+0000","latestDateCovered":"2026-03-01T00:00:00.000+0000"}`,
	callQuery:    rolePage,
	callPage:     rolePage,
	callCreate:   `{"id":"750fk0000000001AAA","state":"UploadComplete"}`,
	callJob:      `{"id":"750fk0000000001AAA","state":"JobComplete","numberRecordsProcessed":1}`,
	callPages:    `{"resultPages":[{"resultUrl":"/services/data/v64.0/jobs/query/750fk0000000001AAA/results?locator=abc"}],"done":true}`,
	callResults:  "\"Id\",\"SystemModstamp\"\n\"00Efk0000000001EAA\",\"2026-03-01T00:00:00.000Z\"\n",
	callOther:    `[{"version":"64.0"}]`,
}

// wireCalls are the kinds of calls by the number that stands for them in the
// corpus; the second login is by SOAP.
var wireCalls = []call{callLogin, callLogin, callDescribe, callCount, callDeleted, callQuery, callPage, callCreate, callJob, callPages, callResults, callOther}

func TestTheWireOfTheFuzzTestIsAnOrg(t *testing.T) {
	for _, api := range []string{"rest", "bulk"} {
		if err := readAllOf(t, uri.Salesforce{SignIn: wireHost, API: api, Login: uri.AccessToken{Token: "00Dfk0000000001!AQ"}}, &wire{}); err != nil {
			t.Error(api, err)
		}
	}
}

// FuzzAnswers lets the org answer anything to any call. The run ends, without a
// panic, and its error shows no secret.
func FuzzAnswers(f *testing.F) {
	for i, on := range wireCalls {
		body := wireAnswers[on]
		if i == 1 {
			body = soapAnswer
		}
		f.Add(uint8(i), uint16(100), "application/json", "5", "api-usage=24/15000", []byte(body))
		f.Add(uint8(i), uint16(300), "application/json", "Wed, 21 Oct 2026 07:28:00 GMT", "", []byte(`[{"message":"m","errorCode":"INVALID_SESSION_ID"}]`))
	}
	more := strings.Replace(rolePage, `"done":true`, `"done":false,"nextRecordsUrl":"/services/data/v64.0/query/0r8-2000"`, 1)
	f.Add(uint8(5), uint16(100), "application/json", "", "", []byte(more))
	f.Fuzz(func(t *testing.T, kind uint8, status uint16, contentType, retryAfter, limit string, body []byte) {
		n := int(kind) % (2 * len(wireCalls))
		w := &wire{on: wireCalls[n%len(wireCalls)], soap: n%len(wireCalls) == 1, status: 100 + int(status)%500, body: body, header: http.Header{
			"Content-Type": {contentType}, "Retry-After": {retryAfter}, "Sforce-Limit-Info": {limit}, "Sforce-Locator": {retryAfter}, "Sforce-Numberofrecords": {limit}, "Location": {contentType},
		}}
		if w.status < 200 {
			return // net/http itself takes these
		}
		u := uri.Salesforce{SignIn: wireHost, API: []string{"rest", "bulk"}[n/len(wireCalls)], Login: uri.ClientCredentials{ID: fakeorg.ClientID, Secret: fakeorg.ClientSecret}}
		if n%len(wireCalls) == 1 {
			u.Login = uri.Password{Username: fakeorg.Username, Password: fakeorg.Password, Token: fakeorg.SecurityToken}
		}
		if n%len(wireCalls) > 6 {
			u.API = "bulk"
		}
		err := readAllOf(t, u, w)
		if err == nil {
			return
		}
		for _, secret := range []string{fakeorg.ClientSecret, fakeorg.Password, fakeorg.SecurityToken} {
			if text := err.Error(); strings.Contains(text, secret) && !strings.Contains(string(body), secret) {
				t.Errorf("the error shows a secret: %s", text)
			}
		}
	})
}

// readAllOf reads a table as a merge does, and what "sluice check" asks for.
func readAllOf(t *testing.T, u uri.Salesforce, w *wire) error {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	pauses := 0
	s, err := Open(ctx, u, Options{
		Catalog: &source.Catalog{}, Transport: w, JobTimeout: time.Minute,
		Sleep: func(ctx context.Context, d time.Duration) error {
			if pauses++; pauses > 1000 || d > mostRetryAfter || d < 0 {
				t.Errorf("pause %d is of %s", pauses, d)
			}
			return context.Cause(ctx)
		},
	})
	if err != nil {
		return err
	}
	defer func() {
		_ = s.Close() // says nothing about the answer
		if ctx.Err() != nil {
			t.Error("it took 30 s")
		}
	}()
	_, versions := s.Versions(ctx)
	_, limits := s.Limits(ctx)
	tab, err := s.Table(ctx, "UserRole")
	if err != nil {
		return errors.Join(err, versions, limits)
	}
	scan, err := tab.Scan(ctx, source.Request{Track: true, GoneSince: fakeorg.Epoch.Add(-time.Hour)})
	if err != nil {
		return err
	}
	defer func() { _ = scan.Close(ctx) }()
	for {
		part, err := scan.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := part.Read(ctx, func(arrow.RecordBatch) error { return nil }); err != nil {
			return err
		}
	}
	if err := scan.Gone(ctx, func(arrow.RecordBatch) error { return nil }); err != nil {
		return err
	}
	return errors.Join(scan.Verify(), versions, limits)
}
