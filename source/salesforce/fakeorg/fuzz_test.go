package fakeorg_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"sluice/source/salesforce/fakeorg"
)

// FuzzRequest sends any body to everything that reads one: the org answers and
// never stops, and only login() may answer 500.
func FuzzRequest(f *testing.F) {
	org := fakeorg.New(fakeorg.Config{Rows: map[string]int{"Account": 5, "Contact": 5}})
	token := org.AccessToken()
	targets := []string{
		"POST /services/Soap/u/60.0", "POST /services/oauth2/token", "POST " + v60 + "/jobs/query", "POST " + sobjects + "/Account",
		"PATCH " + sobjects + "/Account/001fk0000000001", "PATCH " + sobjects + "/Account/Legacy_Id__c/1", "POST " + v60 + "/composite/sobjects",
		"PATCH " + v60 + "/composite/sobjects", "PATCH " + v60 + "/composite/sobjects/Account/Legacy_Id__c", "POST " + v60 + "/composite/sobjects/Account",
	}
	for i, body := range []string{
		envelope, "grant_type=password&username=x", `{"operation":"query","query":"SELECT Id FROM Account"}`, `{"Name":"x","AnnualRevenue":1e9}`,
		`{"Name":null}`, `{"Name":"x","Active__c":5}`, `{"allOrNone":true,"records":[{"attributes":{"type":"Account"},"Name":"x"}]}`,
		`{"records":[{"attributes":{"type":"Account"},"id":"001fk0000000001"}]}`, `{"records":[{"Legacy_Id__c":"7","Name":"x"}]}`, `{"ids":["001fk0000000001"],"fields":["Id"]}`,
	} {
		f.Add(i, body)
	}
	f.Fuzz(func(t *testing.T, which int, body string) {
		which = ((which % len(targets)) + len(targets)) % len(targets)
		method, path, _ := strings.Cut(targets[which], " ")
		req := httptest.NewRequest(method, path, strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+token)
		if which == 1 {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		rec := httptest.NewRecorder()
		org.ServeHTTP(rec, req)
		if rec.Code >= 500 && which != 0 {
			t.Errorf("%s gave %d for %q", targets[which], rec.Code, body)
		}
	})
}
