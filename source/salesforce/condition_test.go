package salesforce

import (
	"strings"
	"testing"

	"sluice/source/salesforce/fakeorg/soql"
)

func TestConditionsStayInsideOfTheirParentheses(t *testing.T) {
	for text, want := range map[string]string{
		"Name = 'x'":                            "",
		" where Name = 'it\\'s (' AND (A = 1)":  "",
		"Id IN (SELECT AccountId FROM Contact)": "",
		"":                                      "empty",
		"WHERE ":                                "empty",
		"Name = 'x') OR (Name != 'x'":           "closes",
		"Name = 'x":                             "ends inside",
		"Name = 'x\\'":                          "ends inside",
		"(Name = 'x'":                           "leaves",
		"Name = 'x'\x00":                        "control",
		"Name = 'x' \n":                         "",
		"Name = 'x')":                           "closes",
		"Name = 'x') LIMIT 1 FOR UPDATE":        "closes",
		"Name = '\\\\') ORDER BY (Name":         "closes",
	} {
		_, err := checkCondition(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// FuzzCondition holds that a query with a condition in it has no other clauses
// than it had without.
func FuzzCondition(f *testing.F) {
	f.Add("Name = 'x'")
	f.Add("Name = 'x') OR (Name != 'x'")
	f.Fuzz(func(t *testing.T, text string) {
		condition, err := checkCondition(text)
		if err != nil {
			return
		}
		q, err := soql.Parse("SELECT Id FROM Account WHERE (" + condition + ") AND IsDeleted = false")
		if err != nil {
			return // the org refuses it
		}
		if q.Limit >= 0 || len(q.OrderBy) > 0 || len(q.GroupBy) > 0 {
			t.Errorf("%q adds clauses: %+v", text, q)
		}
	})
}
