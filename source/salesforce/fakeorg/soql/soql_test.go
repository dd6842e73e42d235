package soql

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// The excerpts are those that users published; what stands outside of them is
// made up.
func TestErrorsPointAtTheirPlaceAsSalesforceDoes(t *testing.T) {
	for _, tt := range []struct{ name, query, at, want string }{
		{"short", "SELECT Id, BadField FROM Account", "BadField", "SELECT Id, BadField FROM Account\n           ^\nERROR at Row:1:Column:12"},
		{"cut at 32 bytes", "SELECT Id,Name,BillingCity,IsDeleted FROM Accout", "Accout", "Name,BillingCity,IsDeleted FROM Accout\n                                ^\nERROR at Row:1:Column:43"},
		{"whole words on the left", "SELECT OwnerId__c,CreatedById,OCE__ActualCap__c,TPI_Product__c FROM X", "TPI", "CreatedById,OCE__ActualCap__c,TPI_Product__c FROM X\n                              ^\nERROR at Row:1:Column:49"},
		{"whole words on the right", "SELECT RecordTypeId, Account.ShippingCity, Account.Name, Id FROM Account", "RecordTypeId", "SELECT RecordTypeId, Account.ShippingCity\n       ^\nERROR at Row:1:Column:8"},
		{"second line", "SELECT Id\nFROM X", "X", "FROM X\n     ^\nERROR at Row:2:Column:6"},
		{"no half characters", "SELECT Id FROM A WHERE N = '" + strings.Repeat("é", 30) + "' AND X = 1", "X =", "AND X = 1\n    ^\nERROR at Row:1:Column:95"},
	} {
		got := At(tt.query, strings.Index(tt.query, tt.at), "INVALID_FIELD", "text")
		if want := "\n" + tt.want + "\ntext"; got.Message != want {
			t.Errorf("%s: %q, want %q", tt.name, got.Message, want)
		}
	}
}

func TestWhatSalesforceTakesIsRead(t *testing.T) {
	for _, query := range []string{
		"SELECT Id FROM Account", "select id , name from account limit 5", "SELECT COUNT() FROM Account", "SELECT count(Id) n, MAX(CreatedDate) FROM Account",
		"SELECT Id, Owner.Name, Parent__r.Owner.Name FROM X__c x WHERE x.Name = 'a'", "SELECT FIELDS(ALL) FROM Account LIMIT 200",
		"SELECT Id, (SELECT Id FROM Contacts WHERE Name != null) FROM Account", "SELECT TYPEOF What WHEN Account THEN Phone ELSE Name END FROM Event",
		"SELECT Id FROM A WHERE (X = 1 OR Y = 2) AND NOT Z IN ('a','b') AND W NOT IN (1,2)", "SELECT Id FROM A WHERE N INCLUDES ('a;b','c') OR N EXCLUDES ('d')",
		"SELECT Id FROM A WHERE D >= 2026-01-31T00:00:00.123Z AND D < 2026-02-01T00:00:00+01:00", "SELECT Id FROM A WHERE D = LAST_N_DAYS:7 AND E = THIS_FISCAL_YEAR",
		"SELECT Id FROM A WHERE B = TRUE AND C <> NULL AND M > USD5000 AND F = -1.5e3", `SELECT Id FROM A WHERE N LIKE '50\%\_\'_%' AND S = '\u00e9\n\\'`,
		"SELECT Id FROM A WHERE Id IN (SELECT AccountId FROM Contact WHERE X = 1)", "SELECT Name, COUNT(Id) FROM A GROUP BY Name HAVING COUNT(Id) > 1 ORDER BY COUNT(Id) DESC",
		"SELECT Id FROM A USING SCOPE mine ORDER BY Name DESC NULLS LAST, Id ASC NULLS FIRST LIMIT 10 OFFSET 2000 FOR VIEW", "SELECT toLabel(Status), convertCurrency(Amount) a FROM A",
		"SELECT CALENDAR_YEAR(convertTimezone(CreatedDate)) y FROM A GROUP BY CALENDAR_YEAR(convertTimezone(CreatedDate))",
	} {
		if _, err := Parse(query); err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func TestWhatSalesforceRefusesIsRefused(t *testing.T) {
	for query, want := range map[string]string{
		"":                             "unexpected token: '<EOF>'",
		"SELECT FROM Account":          "unexpected token: 'FROM'",
		"SELECT Id Account":            "unexpected token: '<EOF>'",
		"SELECT Id FROM Account WHERE": "unexpected token: '<EOF>'",
		"SELECT Id, FROM Account":      "unexpected token: 'FROM'",
		"SELECT Id FROM A WHERE X = 1 AND Y = 2 OR Z = 3":                "unexpected token: 'OR'",
		"SELECT Id FROM A LIMIT 5 WHERE X = 1":                           "unexpected token: 'WHERE'",
		"SELECT Id FROM A ORDER BY X LIMIT 5 ORDER BY Y":                 "unexpected token: 'ORDER'",
		"SELECT Id FROM A OFFSET 2001":                                   "Maximum SOQL offset allowed is 2000",
		"SELECT Id FROM A WHERE X = \"a\"":                               "no viable alternative at character '\"'",
		"SELECT Id FROM A WHERE X = 'a":                                  "mismatched character",
		`SELECT Id FROM A WHERE X = 'a\d'`:                               "Illegal character sequence",
		`SELECT Id FROM A WHERE X = 'a\%'`:                               "Illegal character sequence",
		"SELECT Id FROM A WHERE D > 2026-01-31T00:00:00":                 "line 1:47 no viable alternative at character '<EOF>'",
		"SELECT Id FROM A WHERE D > 2026-01-31T00:00:00 00:00":           "line 1:47 no viable alternative at character ' '",
		"SELECT Id\nFROM A WHERE X = 1;":                                 "ERROR at Row:2:Column:19\nline 2:19 no viable alternative at character ';'",
		"SELECT Id FROM A WITH FOO":                                      "unexpected token: 'WITH'",
		`SELECT Id FROM A WHERE X = '\uD83D'`:                            "Illegal character sequence",
		"SELECT Id FROM A WHERE D > 2026-02-30":                          "Invalid date",
		"SELECT Id FROM A WHERE D = LAST_N_DAYS":                         "unexpected token",
		"SELECT Id FROM A WHERE D = TODAY:3":                             "unexpected token",
		"SELECT Id FROM A WHERE X = abc":                                 "unexpected token: 'abc'",
		"SELECT Id FROM A WHERE X == 1":                                  "unexpected token",
		"SELECT Id FROM A WHERE X IN ()":                                 "unexpected token",
		"SELECT Id FROM A; DELETE":                                       "no viable alternative at character ';'",
		"SELECT Id FROM A ALL ROWS":                                      "ALL ROWS not allowed in this context",
		"DELETE FROM A":                                                  "unexpected token: 'DELETE'",
		"SELECT Id FROM A WHERE " + strings.Repeat("(", 5000):            "nested too deep",
		"SELECT Id FROM A WHERE X = '" + strings.Repeat("x", 4001) + "'": "longer than 4000",
		"SELECT " + strings.Repeat("x", 100_000):                         "can not be longer than 100000 characters",
	} {
		_, err := Parse(query)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Message, want) {
			t.Errorf("%.80s: %v, want %q", query, err, want)
		}
	}
}

func TestLiterals(t *testing.T) {
	q, err := Parse(`SELECT Id FROM A WHERE N LIKE 'a\%b_%\n' AND D = 2026-01-31T12:00:00+02:00 AND E = 2026-01-31 AND M = EUR12.5`)
	if err != nil {
		t.Fatal(err)
	}
	parts := q.Where.(*And).Parts
	if got := parts[0].(*Compare).Value.Like; string(got[:3]) != "a%b" || got[3] != One || got[4] != Any || got[5] != '\n' {
		t.Errorf("%v", got)
	}
	if at := parts[1].(*Compare).Value.Time; !at.Equal(time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)) {
		t.Error(at)
	}
	if l := parts[2].(*Compare).Value; l.Kind != Date {
		t.Error(l.Kind)
	}
	if l := parts[3].(*Compare).Value; l.Kind != Number || l.Num != 12.5 {
		t.Error(l)
	}
}

func TestEscapesMakeCharacters(t *testing.T) {
	q, err := Parse(`SELECT Id FROM A WHERE N = '\uD83D\uDE00\U00e9\T\\'`)
	if err != nil {
		t.Fatal(err)
	}
	if got := q.Where.(*Compare).Value.Text; got != "😀é\t\\" {
		t.Errorf("%q", got)
	}
}

func TestNamedSpansOfTime(t *testing.T) {
	now := time.Date(2026, 5, 13, 15, 4, 5, 0, time.UTC) // a Wednesday
	for name, want := range map[string]string{
		"TODAY": "2026-05-13 2026-05-14", "YESTERDAY": "2026-05-12 2026-05-13", "LAST_N_DAYS:7": "2026-05-06 2026-05-14", "NEXT_N_DAYS:1": "2026-05-14 2026-05-15",
		"N_DAYS_AGO:2": "2026-05-11 2026-05-12", "THIS_WEEK": "2026-05-10 2026-05-17", "LAST_MONTH": "2026-04-01 2026-05-01", "THIS_QUARTER": "2026-04-01 2026-07-01",
		"LAST_N_QUARTERS:2": "2025-10-01 2026-04-01", "NEXT_YEAR": "2027-01-01 2028-01-01", "N_YEARS_AGO:1": "2025-01-01 2026-01-01", "THIS_FISCAL_QUARTER": "2026-04-01 2026-07-01",
		"LAST_90_DAYS": "2026-02-12 2026-05-14",
	} {
		q, err := Parse("SELECT Id FROM A WHERE D = " + name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		from, to := q.Where.(*Compare).Value.Bounds(now)
		if got := from.Format(time.DateOnly) + " " + to.Format(time.DateOnly); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("SELECT Id, Owner.Name FROM A WHERE (X = 'a\\n' OR D > LAST_N_DAYS:3) ORDER BY Id LIMIT 1")
	f.Add("SELECT (SELECT Id FROM B), TYPEOF X WHEN Y THEN Z END, COUNT(Id) c FROM A GROUP BY N HAVING MAX(D) > 2020-01-01")
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Parse(text)
		if err == nil {
			if len(q.Items) == 0 || q.From.Text == "" {
				t.Errorf("%q: an empty query was taken", text)
			}
			return
		}
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("%q: %T", text, err)
		}
		_, place, pointed := strings.Cut(e.Message, "^\nERROR at ")
		if !pointed {
			return
		}
		var row, column int
		if _, err := fmt.Sscanf(place, "Row:%d:Column:%d", &row, &column); err != nil {
			t.Fatalf("%q: %q", text, e.Message)
		}
		lines := strings.Split(text, "\n")
		if row < 1 || row > len(lines) || column < 1 || column > len(lines[row-1])+1 {
			t.Errorf("%q: the error is outside of it: %q", text, e.Message)
		}
	})
}
