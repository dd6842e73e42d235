package cli

import (
	"testing"

	"sluice/source/salesforce"
)

func TestBudgets(t *testing.T) {
	for text, want := range map[string]salesforce.Budget{
		"": {}, "80%": {Share: 0.8}, "0.5%": {Share: 0.005}, "100%": {Share: 1}, "1": {Calls: 1}, "5000": {Calls: 5000},
	} {
		if got, err := parseBudget(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"0", "-1", "0%", "101%", "NaN%", "1.5", "80 %", "%", "all"} {
		if got, err := parseBudget(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}
