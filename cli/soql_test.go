package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestColumnsOfAQueryAreThoseOfItsList(t *testing.T) {
	for soql, want := range map[string]string{
		"SELECT Id FROM Account": "Id",
		"select\n\tId,\n\tOwner.Name , Parent.Owner.Name from Account":                   "Id Owner.Name Parent.Owner.Name",
		"SELECT StageName, COUNT(Id) n FROM Opportunity GROUP BY StageName":              "StageName n",
		"SELECT COUNT(Id), MAX(Amount) biggest, MIN(Amount)FROM Opportunity":             "expr0 biggest expr1",
		"SELECT Name, (SELECT Id, Name FROM Contacts WHERE Name != 'a, b') FROM Account": "Name Contacts",
		"SELECT toLabel(Type), DISTANCE(L, GEOLOCATION(1,2), 'mi') d FROM Account":       "expr0 d",
		"SELECT FROM_X__c, Fromage__c FROM Account":                                      "FROM_X__c Fromage__c",
		"SELECT COUNT() FROM Account":                                                    "count",
		"SELECT FIELDS(STANDARD) FROM Account":                                           "",
		"SELECT Id, TYPEOF What WHEN Account THEN Phone END FROM Event":                  "",
	} {
		columns, count, err := selectList(soql)
		if err != nil {
			t.Errorf("%s: %v", soql, err)
			continue
		}
		names := (&queryPrinter{columns: columns}).names()
		if count {
			names = []string{"count"}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: columns %q, want %q", soql, got, want)
		}
	}
	for _, soql := range []string{"", "Id FROM Account", "SELECT", "SELECT Id", "SELECT , Id FROM Account", "SELECT FROM Account", "SELECT 'x FROM Account", "SELECT (SELECT Id FROM Contacts"} {
		if _, _, err := selectList(soql); err == nil {
			t.Errorf("%q is taken", soql)
		}
	}
}

func TestRecordsArePrintedInEachForm(t *testing.T) {
	records := []string{
		`{"attributes":{"type":"Account"},"Id":"001","Owner":{"attributes":{},"Name":"Ann, B."},"AnnualRevenue":0.10,"Contacts":{"totalSize":1,"done":true,"records":[{"attributes":{},"Id":"003"}]}}`,
		`{"attributes":{"type":"Account"},"Id":"002","Owner":null,"AnnualRevenue":null,"Contacts":null}`,
	}
	for format, want := range map[string]string{
		"csv":   "Id,owner.name,AnnualRevenue,Contacts\n001,\"Ann, B.\",0.10,\"[{\"\"Id\"\":\"\"003\"\"}]\"\n002,,,\n",
		"jsonl": `{"Id":"001","owner.name":"Ann, B.","AnnualRevenue":0.10,"Contacts":[{"Id":"003"}]}` + "\n" + `{"Id":"002","owner.name":null,"AnnualRevenue":null,"Contacts":null}` + "\n",
		"json":  "[\n  " + `{"Id":"001","owner.name":"Ann, B.","AnnualRevenue":0.10,"Contacts":[{"Id":"003"}]}` + ",\n  " + `{"Id":"002","owner.name":null,"AnnualRevenue":null,"Contacts":null}` + "\n]\n",
		"table": "Id   owner.name  AnnualRevenue  Contacts\n001  Ann, B.     0.10           [{\"Id\":\"003\"}]\n002\n",
	} {
		var b strings.Builder
		columns, _, err := selectList("SELECT Id, owner.name, AnnualRevenue, (SELECT Id FROM Contacts) FROM Account")
		if err != nil {
			t.Fatal(err)
		}
		q := &queryPrinter{columns: columns, rows: rowPrinter(format, &b)}
		for _, r := range records {
			if err := q.print(json.RawMessage(r)); err != nil {
				t.Fatal(err)
			}
		}
		if err := q.rows.end(q.names()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

func FuzzSelectList(f *testing.F) {
	for _, seed := range []string{"SELECT Id FROM A", "SELECT a.b, COUNT(x) n, (SELECT c FROM d) FROM e", "SELECT 'a\\', FROM ", "SELECT TYPEOF x END FROM y", "select()from()"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, soql string) {
		columns, count, err := selectList(soql)
		if (err != nil || count) && columns != nil {
			t.Errorf("columns %v beside count %v, error %v", columns, count, err)
		}
		for _, c := range columns {
			if c.name == "" || len(c.paths) == 0 {
				t.Errorf("a column without a name or a path: %+v", c)
			}
		}
	})
}
