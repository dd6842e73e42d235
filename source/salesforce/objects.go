package salesforce

import (
	"context"
	"strings"

	"sluice/source"
)

// Listed is one object of the org as the list of all objects has it (GET
// /sobjects), which costs one call for all of them.
type Listed struct {
	Name, Label string
	// Custom is true for objects that are not Salesforce's own.
	Custom bool
	// Table is the public name in the catalog; empty when it has none.
	Table string
	// Cursor is the field that changed rows are most likely found by; empty
	// when the list does not tell. A describe is sure.
	Cursor string
	// Skip says why the object cannot be loaded; empty when it can.
	Skip string
}

// Objects lists what the org shows to the user, in the org's order.
func (s *Source) Objects(ctx context.Context) ([]Listed, error) {
	var global struct {
		SObjects []struct {
			Name          string  `json:"name"`
			Label         string  `json:"label"`
			Custom        bool    `json:"custom"`
			Queryable     *bool   `json:"queryable"`
			Replicateable bool    `json:"replicateable"`
			Deprecated    bool    `json:"deprecatedAndHidden"`
			Associate     *string `json:"associateEntityType"`
		} `json:"sobjects"`
	}
	if err := s.api.getJSON(ctx, "list objects", s.api.path("sobjects"), &global); err != nil {
		return nil, err
	}
	tables := map[string]source.Known{}
	for _, k := range s.opt.Catalog.Tables() {
		tables[k.Object] = k
	}
	list := make([]Listed, 0, len(global.SObjects))
	for _, o := range global.SObjects {
		l := Listed{Name: o.Name, Label: o.Label, Custom: o.Custom, Table: tables[o.Name].Name}
		switch {
		case !validName(o.Name):
			continue
		case o.Queryable != nil && !*o.Queryable:
			l.Skip = "Salesforce lets nobody query it"
		case onlyByKey[o.Name]:
			l.Skip = "Salesforce answers no query for all of its rows"
		case o.Deprecated:
			l.Skip = "it is of a version of the API that is no more"
		}
		switch {
		case o.Replicateable:
			l.Cursor = "SystemModstamp"
		case o.Associate != nil && *o.Associate == "History" && o.Name != "OpportunityHistory": // the one with a stamp
			l.Cursor = "CreatedDate"
		}
		list = append(list, l)
	}
	return list, nil
}

// onlyByKey are objects that take a query for single rows alone, or for those
// of single records (SOQL and SOSL Reference, API 66; Object Reference).
var onlyByKey = map[string]bool{
	"ContentDocumentLink": true, "ContentFolderItem": true, "ContentFolderMember": true, "ContentHubItem": true,
	"DataStatistics": true, "DatacloudAddress": true, "EntityParticle": true, "FieldDefinition": true, "FlowVariableView": true,
	"IdeaComment": true, "ListViewChartInstance": true, "OutgoingEmail": true, "OutgoingEmailRelation": true, "OwnerChangeOptionInfo": true,
	"PicklistValueInfo": true, "PlatformAction": true, "RelationshipDomain": true, "RelationshipInfo": true, "SearchLayout": true,
	"SiteDetail": true, "UserEntityAccess": true, "UserFieldAccess": true, "UserRecordAccess": true, "Vote": true,
}

// Counts tells how many rows objects have, as the org last counted them. Those
// that it does not count, or not for this user, are not in the map.
func (s *Source) Counts(ctx context.Context, names []string) (map[string]int64, error) {
	counts := map[string]int64{}
	const resource = "limits/recordCount?sObjects="
	for len(names) > 0 {
		n, length := 0, len(s.api.path(resource))
		for n < len(names) && (n == 0 || length+len(names[n])+1 <= maxAddress) {
			length += len(names[n]) + 1
			n++
		}
		var answer struct {
			SObjects []struct {
				Name  string `json:"name"`
				Count int64  `json:"count"`
			} `json:"sObjects"`
		}
		if err := s.api.getJSON(ctx, "count rows", s.api.path(resource+strings.Join(names[:n], ",")), &answer); withheld(err) {
			return counts, nil
		} else if err != nil {
			return nil, err
		}
		for _, c := range answer.SObjects {
			counts[c.Name] = c.Count
		}
		names = names[n:]
	}
	return counts, nil
}

// bulkCalls is what a Bulk job takes besides its result pages: create it, look
// at it some times, list the pages.
const bulkCalls = 5

// bulkPageRows is about how many rows of a narrow table a result page has.
const bulkPageRows = 100_000

// Cost is the API that a full load of so many rows would go by, and about how
// many calls it would take with its describe and its count, without the login.
func (s *Source) Cost(rows int64) (api string, calls int64) {
	const pageRows = 2000
	calls = 1
	if api = s.mode; api == "auto" {
		api, _ = choose(rows, pageRows)
		calls++
	}
	if api == "bulk" {
		return api, calls + bulkCalls + pagesOf(rows, bulkPageRows)
	}
	return api, calls + pagesOf(rows, pageRows)
}
