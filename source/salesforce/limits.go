package salesforce

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Limit is one allowance of the org.
type Limit struct {
	Name           string
	Max, Remaining int64
}

// Limits are the org's allowances and what is left of them, by name; none when
// the org does not tell this user.
func (s *Source) Limits(ctx context.Context) ([]Limit, error) {
	var answer map[string]struct {
		Max       *int64 `json:"Max"`
		Remaining *int64 `json:"Remaining"`
	}
	if err := s.api.getJSON(ctx, "ask for the limits", s.api.path("limits"), &answer); err != nil && !withheld(err) {
		return nil, err
	}
	var limits []Limit
	for name, l := range answer {
		if l.Max != nil && l.Remaining != nil {
			limits = append(limits, Limit{name, *l.Max, *l.Remaining})
		}
	}
	slices.SortFunc(limits, func(a, b Limit) int { return cmp.Compare(a.Name, b.Name) })
	return limits, nil
}

// Version is the API version that requests are made with.
func (s *Source) Version() string { return s.api.version.String() }

// Versions lists the API versions that the org knows, oldest first; none when it
// does not tell.
func (s *Source) Versions(ctx context.Context) ([]string, error) {
	versions, err := s.api.versions(ctx)
	if withheld(err) {
		return nil, nil
	}
	return versions, err
}

// Clock is the org's clock as it was at the last answer, to the second; zero
// when no answer has told it.
func (s *Source) Clock() time.Time { return s.meter.orgTime() }
