//go:build clients

// Package clients drives the fake org with clients in other languages. It needs
// node and the packages of package.json:
//
//	npm ci && go test -tags clients .
package clients

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/source/salesforce/fakeorg"
)

func TestJsforceSeesWhatTheOrgHolds(t *testing.T) {
	// One set of Bulk results: jsforce 3.10 pipes the sets into one stream
	// without waiting for the end of the one before.
	org := fakeorg.New(fakeorg.Config{Rows: map[string]int{"Account": 4200}})
	login, stop := org.Start()
	t.Cleanup(stop)
	var want [][2]string
	for r := range org.Rows("Account") {
		want = append(want, [2]string{r.ID(), r.Value("Name").(string)})
	}
	fields, objects := len(org.Object("Account").Fields), len(org.Objects())

	var trouble strings.Builder
	node := exec.CommandContext(t.Context(), "node", "jsforce.mjs", login, fakeorg.Username, fakeorg.Password+fakeorg.SecurityToken)
	node.Stderr = &trouble
	out, err := node.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, trouble.String())
	}
	var got struct {
		User, Organization, BadLogin, BadField, Gone, Changed string
		Total, Fields, Objects                                int
		Rest, Bulk                                            [][2]string
		Many                                                  []bool
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	byID := func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }
	slices.SortFunc(got.Bulk, byID)
	slices.SortFunc(got.Rest, byID)
	if diff := cmp.Diff(want, got.Rest); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, got.Bulk); diff != "" {
		t.Errorf("bulk query (-want +got):\n%s", diff)
	}
	got.Rest, got.Bulk = nil, nil
	expected := got
	expected.User, expected.Organization, expected.BadLogin, expected.BadField = org.UserID(), org.ID(), "INVALID_LOGIN", "INVALID_FIELD"
	expected.Gone, expected.Changed, expected.Total = "NOT_FOUND", "Changed by jsforce", len(want)
	expected.Fields, expected.Objects, expected.Many = fields, objects, []bool{true, false}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Errorf("jsforce (-want +got):\n%s", diff)
	}
}
