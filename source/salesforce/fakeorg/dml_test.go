package fakeorg_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/source/salesforce/fakeorg"
)

const sobjects = v60 + "/sobjects"

func TestRecordsAreWrittenOneByOne(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	var made struct {
		ID      string
		Success bool
	}
	res := a.call(201, "POST", sobjects+"/Account", `{"Name":"Ann & Co","AnnualRevenue":1.39e8,"NumberOfEmployees":7,"SLAExpirationDate__c":"2026-05-01","Onboarded_On__c":"2026-05-01T10:00:00.000+0000"}`, &made)
	path := sobjects + "/Account/" + made.ID
	if !made.Success || res.Header.Get("Location") != path {
		t.Errorf("answer %+v with Location %s", made, res.Header.Get("Location"))
	}
	var got map[string]any
	a.get(200, path+"?fields=Name,AnnualRevenue,NumberOfEmployees,SLAExpirationDate__c,Onboarded_On__c,BillingAddress,OwnerId", &got)
	delete(got, "attributes")
	want := map[string]any{
		"Name": "Ann & Co", "AnnualRevenue": json.Number("1.39E8"), "NumberOfEmployees": json.Number("7"), "SLAExpirationDate__c": "2026-05-01",
		"Onboarded_On__c": "2026-05-01T10:00:00.000+0000", "BillingAddress": nil, "OwnerId": a.org.UserID(),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	a.call(204, "PATCH", path, `{"Name":"Changed","Industry":""}`, nil)
	a.call(204, "POST", path+"?_HTTP_METHOD=PATCH", `{"Name":"Changed again"}`, nil)
	if got := value(t, a.org, "Account", made.ID, "Name"); got != "Changed again" {
		t.Errorf("name is %v", got)
	}
	a.call(204, "DELETE", path, "", nil)
	a.wantError(404, "ENTITY_IS_DELETED", "DELETE", path, "")
	a.wantError(404, "NOT_FOUND", "GET", path, "")
}

func TestWritesAreRefused(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	for name, tt := range map[string]struct{ object, body, code string }{
		"missing":   {"Account", `{"Industry":"Retail"}`, "REQUIRED_FIELD_MISSING"},
		"unknown":   {"Account", `{"Name":"x","AccountNumer":"1"}`, "INVALID_FIELD"},
		"read-only": {"Account", `{"Name":"x","MasterRecordId":null}`, "INVALID_FIELD_FOR_INSERT_UPDATE"},
		"email":     {"Contact", `{"LastName":"x","Email":"nobody"}`, "INVALID_EMAIL_ADDRESS"},
		"long":      {"Account", `{"Name":"` + strings.Repeat("x", 256) + `"}`, "STRING_TOO_LONG"},
		"id":        {"Account", `{"Name":"x","ParentId":"nonsense"}`, "MALFORMED_ID"},
		"type":      {"Account", `{"Name":"x","NumberOfEmployees":"many"}`, "JSON_PARSER_ERROR"},
		"no JSON":   {"Account", `{`, "JSON_PARSER_ERROR"},
		"no body":   {"Account", ``, "JSON_PARSER_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			a := a.with(t)
			before := a.org.Count(tt.object)
			a.wantError(400, tt.code, "POST", sobjects+"/"+tt.object, tt.body)
			if a.org.Count(tt.object) != before {
				t.Error("the row was written")
			}
		})
	}
}

func TestUpsertByExternalID(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	path := sobjects + "/Account/Legacy_Id__c/X%201"
	var answer struct {
		ID      string
		Created bool
	}
	a.call(201, "PATCH", path, `{"Name":"First"}`, &answer)
	id := answer.ID
	a.call(200, "PATCH", path, `{"Name":"Second"}`, &answer)
	if answer.ID != id || answer.Created {
		t.Errorf("the second upsert answered %+v", answer)
	}
	a.call(204, "PATCH", strings.Replace(path, "v60", "v45", 1), `{"Name":"Third"}`, nil)
	a.get(200, path, nil)
	a.wantError(400, "DUPLICATE_VALUE", "POST", sobjects+"/Account", `{"Name":"x","Legacy_Id__c":"x 1"}`)
	a.wantError(404, "NOT_FOUND", "PATCH", sobjects+"/Account/Legacy_Id__c/X2?updateOnly=true", `{"Name":"x"}`)
	for range 2 {
		a.org.Insert("Contact", fakeorg.Values{"LastName": "Twin", "Email": "twin@example.com"})
	}
	a.call(300, "PATCH", sobjects+"/Contact/Email/twin%40example.com", `{"Title":"x"}`, nil)
}

type rowAnswer struct {
	ID      string
	Success bool
	Errors  []struct{ StatusCode string }
}

func (r rowAnswer) code() string {
	if len(r.Errors) == 0 {
		return ""
	}
	return r.Errors[0].StatusCode
}

func TestCollectionsAnswerRowByRow(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	id := first(t, a.org, "Account")
	for name, tt := range map[string]struct {
		method, body string
		codes        []string
		added        int
	}{
		"insert": {"POST", `{"records":[{"attributes":{"type":"Contact"},"LastName":"A"},{"attributes":{"type":"Contact"}},{"LastName":"B"}]}`, []string{"", "REQUIRED_FIELD_MISSING", "JSON_PARSER_ERROR"}, 1},
		"all or none": {
			"POST", `{"allOrNone":true,"records":[{"attributes":{"type":"Contact"},"LastName":"A"},{"attributes":{"type":"Contact"}}]}`,
			[]string{"ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"},
			0,
		},
		"update": {
			"PATCH", `{"records":[{"attributes":{"type":"Account"},"id":"` + id + `","Name":"N"},{"attributes":{"type":"Account"},"Name":"N"},{"attributes":{"type":"Account"},"id":"001fk0000zzzzzz","Name":"N"}]}`,
			[]string{"", "MISSING_ARGUMENT", "INVALID_CROSS_REFERENCE_KEY"},
			0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := a.with(t)
			before := a.org.Count("Contact")
			var rows []rowAnswer
			a.call(200, tt.method, v60+"/composite/sobjects", tt.body, &rows)
			var codes []string
			for _, r := range rows {
				codes = append(codes, r.code())
				if r.Success != (r.code() == "") || r.Success != (r.ID != "") {
					t.Errorf("row is %+v", r)
				}
			}
			if diff := cmp.Diff(tt.codes, codes); diff != "" {
				t.Errorf("codes (-want +got):\n%s", diff)
			}
			if added := a.org.Count("Contact") - before; added != tt.added {
				t.Errorf("%d rows were added, want %d", added, tt.added)
			}
		})
	}
	a.wantError(400, "REQUIRED_FIELD_MISSING", "POST", v60+"/composite/sobjects", `{"records":[]}`)
}

func TestRetrieveKeepsTheOrderOfTheIDs(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	id := first(t, a.org, "Account")
	body, err := json.Marshal(map[string][]string{"ids": {"001fk0000zzzzzz", id}, "fields": {"Name"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range [][3]string{
		{"POST", v60 + "/composite/sobjects/Account", string(body)},
		{"GET", v60 + "/composite/sobjects/Account?fields=Name&ids=001fk0000zzzzzz," + id, ""},
	} {
		var got []map[string]any
		a.call(200, form[0], form[1], form[2], &got)
		if len(got) != 2 || got[0] != nil || got[1]["Name"] != value(t, a.org, "Account", id, "Name") {
			t.Errorf("%s gave %v", form[0], got)
		}
	}
	a.wantError(400, "INVALID_FIELD", "POST", v60+"/composite/sobjects/Account", `{"ids":["`+id+`"],"fields":["Nope"]}`)
	many, err := json.Marshal(map[string][]string{"ids": make([]string, 2001), "fields": {"Id"}})
	if err != nil {
		t.Fatal(err)
	}
	a.wantError(400, "EXCEEDED_ID_LIMIT", "POST", v60+"/composite/sobjects/Account", strings.Replace(string(many), `""`, `"`+id+`"`, 1))
}
