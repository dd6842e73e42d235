package fakeorg_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/source/salesforce/fakeorg"
)

// few is an org with four accounts and two contacts that a test knows.
func few(t *testing.T) *api {
	t.Helper()
	a := newAPI(t, fakeorg.Config{Rows: map[string]int{"Account": 0, "Contact": 0}})
	var ids []string
	for _, v := range []fakeorg.Values{
		{"Name": "alpha", "AnnualRevenue": 10.0, "NumberOfEmployees": 5, "Industry": "Retail", "SLAExpirationDate__c": "2026-03-02"},
		{"Name": "Beta 50%", "AnnualRevenue": 1.39e8, "Industry": "Energy", "SLAExpirationDate__c": "2026-02-01"},
		{"Name": "it's", "NumberOfEmployees": 7},
		{"Name": "Delta", "AnnualRevenue": 10.0, "Industry": "Retail"},
	} {
		ids = append(ids, a.org.Insert("Account", v))
		a.org.Advance(time.Minute)
	}
	a.org.Update("Account", ids[3], fakeorg.Values{"ParentId": ids[0]})
	a.org.Insert("Contact", fakeorg.Values{"LastName": "Doe", "AccountId": ids[0]})
	a.org.Insert("Contact", fakeorg.Values{"LastName": "Roe"})
	return a
}

// names joins what a query of accounts finds.
func (a *api) names(where string) string {
	a.t.Helper()
	var list []string
	for _, r := range a.query("query", "SELECT Name FROM Account "+where) {
		list = append(list, r["Name"].(string))
	}
	return strings.Join(list, ",")
}

func TestWhereFindsWhatSalesforceFinds(t *testing.T) {
	a := few(t)
	for where, want := range map[string]string{
		"WHERE Name = 'ALPHA'":                                       "alpha",
		"WHERE Name != 'alpha'":                                      "Beta 50%,it's,Delta",
		"WHERE Industry != 'Retail'":                                 "Beta 50%,it's",
		"WHERE Industry = null":                                      "it's",
		"WHERE Industry = ''":                                        "it's",
		"WHERE Industry != null":                                     "alpha,Beta 50%,Delta",
		"WHERE Name LIKE 'b%50\\%'":                                  "Beta 50%",
		"WHERE Name LIKE '_elta'":                                    "Delta",
		"WHERE Name = 'it\\'s'":                                      "it's",
		"WHERE AnnualRevenue > 10":                                   "Beta 50%",
		"WHERE AnnualRevenue <= 10.0":                                "alpha,Delta",
		"WHERE NumberOfEmployees >= 6":                               "it's",
		"WHERE Industry IN ('retail')":                               "alpha,Delta",
		"WHERE Industry NOT IN ('Retail', 'Energy')":                 "it's",
		"WHERE NOT Industry = 'Retail'":                              "Beta 50%,it's",
		"WHERE (Name = 'alpha' OR Name = 'Delta') AND ParentId=null": "alpha",
		"WHERE Parent.Name = 'alpha'":                                "Delta",
		"WHERE Parent.Name = null AND Name != 'x'":                   "alpha,Beta 50%,it's",
		"WHERE SLAExpirationDate__c = TODAY":                         "alpha",
		"WHERE SLAExpirationDate__c < 2026-03-01":                    "Beta 50%",
		"WHERE SLAExpirationDate__c = LAST_MONTH":                    "Beta 50%",
		"WHERE CALENDAR_MONTH(SLAExpirationDate__c) = 3":             "alpha",
		"WHERE CreatedDate >= 2026-03-02T09:02:00.999Z":              "it's,Delta",
		"WHERE CreatedDate > 2026-03-02T09:02:59Z":                   "Delta",
		"WHERE IsDeleted = true":                                     "",
		"WHERE IsDeleted = null AND Name = 'Delta'":                  "Delta",
		"WHERE Id IN (SELECT AccountId FROM Contact)":                "alpha",
		"WHERE Id NOT IN (SELECT AccountId FROM Contact)":            "Beta 50%,it's,Delta",
		"ORDER BY Name":                                              "alpha,Beta 50%,Delta,it's",
		"ORDER BY Industry, Name DESC":                               "it's,Beta 50%,Delta,alpha",
		"ORDER BY AnnualRevenue DESC NULLS LAST LIMIT 2":             "Beta 50%,alpha",
		"ORDER BY Name LIMIT 2 OFFSET 1":                             "Beta 50%,Delta",
	} {
		if got := a.names(where); got != want {
			t.Errorf("%s finds %s, want %s", where, got, want)
		}
	}
}

func TestIDsCompareWithFifteenOrEighteenCharacters(t *testing.T) {
	a := few(t)
	var ids []string
	for r := range a.org.Rows("Account") {
		ids = append(ids, r.ID())
	}
	for where, want := range map[string]string{
		"WHERE Id = '" + ids[1][:15] + "'":     "Beta 50%",
		"WHERE Id = '" + ids[1] + "'":          "Beta 50%",
		"WHERE Id > '" + ids[1] + "'":          "it's,Delta",
		"WHERE ParentId IN ('" + ids[0] + "')": "Delta",
	} {
		if got := a.names(where); got != want {
			t.Errorf("%s finds %s, want %s", where, got, want)
		}
	}
}

func TestQueriesAreRefusedInSalesforcesWords(t *testing.T) {
	a := few(t)
	for soql, want := range map[string][2]string{
		"SELECT Id, BadField FROM Account":                          {"INVALID_FIELD", "\nSELECT Id, BadField FROM Account\n           ^\nERROR at Row:1:Column:12\nNo such column 'BadField' on entity 'Account'."},
		"SELECT Id FROM Accout":                                     {"INVALID_TYPE", "sObject type 'Accout' is not supported."},
		"SELECT Id FROM Ghost__c":                                   {"INVALID_TYPE", "is not supported"},
		"SELECT Id, Id FROM Account":                                {"INVALID_FIELD", "duplicate field selected: Id"},
		"SELECT Boss.Name FROM Account":                             {"INVALID_FIELD", "Didn't understand relationship 'Boss'"},
		"SELECT Id FROM Account WHERE Description = 'x'":            {"INVALID_FIELD", "field 'Description' can not be filtered in a query call"},
		"SELECT Id FROM Account ORDER BY Description":               {"INVALID_FIELD", "field 'Description' can not be sorted in a query call"},
		"SELECT Id FROM Account WHERE CreatedDate > '2026-01-01'":   {"INVALID_FIELD", "must be of type dateTime and should not be enclosed in quotes"},
		"SELECT Id FROM Account WHERE CreatedDate > 2026-01-01":     {"INVALID_FIELD", "must be of type dateTime"},
		"SELECT Id FROM Account WHERE Name = 5":                     {"INVALID_FIELD", "must be of type string and should be enclosed in quotes"},
		"SELECT Id FROM Account WHERE Id = 'nonsense'":              {"INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: nonsense"},
		"SELECT Id FROM Account WHERE":                              {"MALFORMED_QUERY", "unexpected token"},
		"SELECT FIELDS(ALL) FROM Account":                           {"MALFORMED_QUERY", "LIMIT of at most 200"},
		"SELECT Name, COUNT(Id) FROM Account":                       {"MALFORMED_QUERY", "Field must be grouped or aggregated: Name"},
		"SELECT COUNT(Id) FROM Account LIMIT 1":                     {"MALFORMED_QUERY", "LIMIT clause is not allowed"},
		"SELECT Id FROM ContentDocumentLink":                        {"MALFORMED_QUERY", "Implementation restriction: ContentDocumentLink"},
		"SELECT Id FROM AggregateResult":                            {"INVALID_TYPE_FOR_OPERATION", "does not support query"},
		"SELECT Id FROM Account OFFSET 2001":                        {"NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000"},
		"SELECT Id FROM Opportunity WHERE HasOpenActivity = true":   {"INVALID_FIELD", "can not be filtered"},
		"SELECT Id FROM Account WHERE Rating INCLUDES ('Hot;Cold')": {"INVALID_QUERY_FILTER_OPERATOR", "invalid operator on picklist field"},
	} {
		if got := a.wantError(400, want[0], "GET", v60+"/query?q="+url.QueryEscape(soql), ""); !strings.Contains(got, want[1]) {
			t.Errorf("%s: %q, want %q", soql, got, want[1])
		}
	}
}

func TestBulkRefusesMoreThanREST(t *testing.T) {
	a := few(t)
	for soql, want := range map[string][2]string{
		"SELECT BillingAddress FROM Account":              {"API_ERROR", "Selecting compound data not supported in Bulk Query"},
		"SELECT COUNT() FROM Account":                     {"API_ERROR", "Aggregate functions"},
		"SELECT Industry FROM Account GROUP BY Industry":  {"API_ERROR", "GROUP BY"},
		"SELECT Id FROM Account OFFSET 1":                 {"API_ERROR", "OFFSET"},
		"SELECT Id FROM FeedItem":                         {"INVALIDENTITY", "Entity 'FeedItem' is not supported by the Bulk API."},
		"SELECT Id FROM AggregateResult":                  {"INVALIDENTITY", "CustomEntity 'AggregateResult' does not support query."},
		"SELECT Id FROM ContentDocumentLink":              {"API_ERROR", "Implementation restriction"},
		"SELECT Nope FROM Account":                        {"INVALID_FIELD", "No such column 'Nope'"},
		"SELECT FIELDS(CUSTOM) FROM Account LIMIT 10":     {"MALFORMED_QUERY", "FIELDS"},
		"SELECT My__Logo__c FROM My__Community_Group__c":  {"API_ERROR", "binary"},
		"SELECT My__Place__c FROM My__Community_Group__c": {"API_ERROR", "compound"},
	} {
		body, err := json.Marshal(map[string]string{"operation": "query", "query": soql})
		if err != nil {
			t.Fatal(err)
		}
		if got := a.wantError(400, want[0], "POST", v60+"/jobs/query", string(body)); !strings.Contains(got, want[1]) {
			t.Errorf("%s: %q, want %q", soql, got, want[1])
		}
	}
	a.org.Set(func(k *fakeorg.Knobs) { k.LateQueryErrors = true })
	if job := a.waitFor(a.createJob("SELECT Nope FROM Account")); job.State != "Failed" || !strings.Contains(job.ErrorMessage, "INVALID_FIELD") {
		t.Errorf("job is %+v, want a late failure", job)
	}
}

func TestParentsAreNestedAndAggregatesNamed(t *testing.T) {
	a := few(t)
	for soql, want := range map[string]string{
		"select name, parent.NAME, Parent.Owner.Username from Account a where a.Name in ('Delta','it\\'s') order by name": `[{"Name":"Delta","Parent":{"Name":"alpha","Owner":{"Username":"user00000@example.com"}}},{"Name":"it's","Parent":null}]`,
		"SELECT COUNT(Id), SUM(AnnualRevenue) total, MAX(NumberOfEmployees) FROM Account":                                 `[{"expr0":4,"total":139000020,"expr1":7}]`,
		"SELECT Industry, COUNT(Id) n FROM Account GROUP BY Industry ORDER BY COUNT(Id) DESC":                             `[{"Industry":"Retail","n":2},{"Industry":null,"n":1},{"Industry":"Energy","n":1}]`,
		"SELECT COUNT_DISTINCT(Industry) n, AVG(AnnualRevenue) a FROM Account WHERE AnnualRevenue = 10":                   `[{"n":1,"a":10}]`,
	} {
		var answer struct{ Records []map[string]any }
		_, body := a.do("GET", v60+"/query?q="+url.QueryEscape(soql), "")
		var expected []map[string]any
		if err := json.Unmarshal(body, &answer); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		if err := json.Unmarshal([]byte(want), &expected); err != nil {
			t.Fatal(err)
		}
		for _, r := range answer.Records {
			dropAttributes(r)
		}
		if diff := cmp.Diff(expected, answer.Records); diff != "" {
			t.Errorf("%s (-want +got):\n%s", soql, diff)
		}
	}
}

func TestDateFunctionsGroupByTheOrgsTimeZone(t *testing.T) {
	a := newAPI(t, fakeorg.Config{Rows: map[string]int{"Account": 0}, Now: func() time.Time { return time.Date(2026, 1, 31, 23, 30, 0, 0, time.UTC) }})
	for range 2 {
		a.org.Insert("Account", fakeorg.Values{"Name": "x"})
		a.org.Advance(time.Hour)
	}
	const months = "SELECT CALENDAR_YEAR(CreatedDate) y, CALENDAR_MONTH(CreatedDate), COUNT(Id) n FROM Account GROUP BY CALENDAR_YEAR(CreatedDate), CALENDAR_MONTH(CreatedDate)"
	for zone, want := range map[int]string{
		0: `[{"expr0":1,"n":1,"y":2026},{"expr0":2,"n":1,"y":2026}]`,
		1: `[{"expr0":2,"n":2,"y":2026}]`,
	} {
		a.org.Set(func(k *fakeorg.Knobs) { k.Zone = time.FixedZone("", zone*3600) })
		rows := a.query("query", months)
		for _, r := range rows {
			dropAttributes(r)
		}
		if got, err := json.Marshal(rows); err != nil || string(got) != want {
			t.Errorf("%d hours east: %s %v, want %s", zone, got, err, want)
		}
	}
	for soql, want := range map[string]string{
		"SELECT COUNT(Id) FROM Account GROUP BY CreatedDate":                                  "can not be grouped",
		"SELECT COUNT(Id) FROM Account GROUP BY CALENDAR_MONTH(Name)":                         "unexpected token",
		"SELECT CALENDAR_YEAR(CreatedDate) FROM Account GROUP BY CALENDAR_MONTH(CreatedDate)": "must be grouped or aggregated",
		"SELECT CreatedDate, COUNT(Id) FROM Account GROUP BY CALENDAR_MONTH(CreatedDate)":     "must be grouped or aggregated",
		"SELECT SUM(CreatedDate) FROM Account GROUP BY CALENDAR_MONTH(CreatedDate)":           "does not support aggregate operator SUM",
	} {
		if _, body := a.do("GET", v60+"/query?q="+url.QueryEscape(soql), ""); !strings.Contains(string(body), want) {
			t.Errorf("%s: %s, want %q", soql, body, want)
		}
	}
}

func dropAttributes(r map[string]any) {
	delete(r, "attributes")
	for _, v := range r {
		if below, ok := v.(map[string]any); ok {
			dropAttributes(below)
		}
	}
}

func TestCountAloneGivesNoRecords(t *testing.T) {
	a := few(t)
	var p page
	a.get(200, v60+"/query?q="+url.QueryEscape("SELECT COUNT() FROM Account WHERE Industry = 'Retail'"), &p)
	if p.TotalSize != 2 || !p.Done || len(p.Records) != 0 {
		t.Errorf("answer is %+v", p)
	}
}

// FuzzQuery sends any text as a query: the org answers 200 or 400, and never
// stops.
func FuzzQuery(f *testing.F) {
	org := fakeorg.New(fakeorg.Config{Rows: map[string]int{"Account": 5}})
	for _, s := range []string{"SELECT Id FROM Account", "SELECT COUNT(Id) FROM Account WHERE Name LIKE '%a_' GROUP BY Industry", "SELECT Owner.Name FROM Account WHERE Id IN (SELECT AccountId FROM Contact) ORDER BY Name", "SELECT FIELDS(ALL) FROM Account LIMIT 2", "SELECT x FROM Account WHERE CreatedDate = LAST_N_DAYS:3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, soql string) {
		for _, path := range []string{"/query?q=", "/queryAll?q="} {
			if status := serve(org, v60+path+url.QueryEscape(soql)); status != 200 && status != 400 && status != 414 {
				t.Errorf("%q gave %d", soql, status)
			}
		}
	})
}
