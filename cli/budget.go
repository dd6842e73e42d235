package cli

import (
	"strconv"
	"strings"

	"sluice/source/salesforce"
)

// parseBudget reads --api-budget: a share of the org's day or a number of
// calls.
func parseBudget(text string) (salesforce.Budget, error) {
	if text == "" {
		return salesforce.Budget{}, nil
	}
	wrong := &usageError{"--api-budget is neither a share nor a number of calls", "write it like 80% or 5000"}
	if percent, ok := strings.CutSuffix(text, "%"); ok {
		share, err := strconv.ParseFloat(percent, 64)
		if err != nil || !(share > 0 && share <= 100) {
			return salesforce.Budget{}, wrong
		}
		return salesforce.Budget{Share: share / 100}, nil
	}
	calls, err := strconv.ParseInt(text, 10, 64)
	if err != nil || calls <= 0 {
		return salesforce.Budget{}, wrong
	}
	return salesforce.Budget{Calls: calls}, nil
}
