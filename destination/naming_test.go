package destination

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestSnakeCase(t *testing.T) {
	for name, want := range map[string]string{
		"Id":                             "id",
		"CreatedDate":                    "created_date",
		"HTTPServer":                     "http_server",
		"ns__Field__c":                   "ns__field__c",
		"My__Field__c":                   "my__field__c",
		"My__Community_Group__c":         "my__community_group__c",
		"Pricebook2Id":                   "pricebook2_id",
		"NumberOfEmployees":              "number_of_employees",
		"UserPreferencesHideS1BrowserUI": "user_preferences_hide_s1_browser_ui",
		"SBQQ__Quote__c":                 "sbqq__quote__c",
		"IsPII__c":                       "is_pii__c",
		"already_snake":                  "already_snake",
		"OpportunityLineItem":            "opportunity_line_item",
		"ÜberGröße":                      "über_größe",
		"":                               "",
	} {
		if got := Snake(name); got != want {
			t.Errorf("Snake(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestColumnNames(t *testing.T) {
	for _, tt := range []struct {
		name   string
		naming Naming
		fields []string
		want   []string
		warned int
	}{
		{
			name: "a new table is named in snake_case", fields: []string{"Id", "CreatedDate"},
			want: []string{"id", "created_date"},
		},
		{
			name: "direct keeps the spelling", naming: Naming{Convention: Direct}, fields: []string{"Id", "CreatedDate"},
			want: []string{"Id", "CreatedDate"},
		},
		{
			name: "a table in snake_case stays so", naming: Naming{Existing: []string{"id", "created_date"}},
			fields: []string{"Id", "CreatedDate", "NewOne"}, want: []string{"id", "created_date", "new_one"},
		},
		{
			name: "a table in direct names stays so", naming: Naming{Existing: []string{"Id", "CreatedDate"}},
			fields: []string{"Id", "CreatedDate", "NewOne"}, want: []string{"Id", "CreatedDate", "NewOne"},
		},
		{
			name: "a column keeps the case it has", naming: Naming{Existing: []string{"ID", "createddate"}},
			fields: []string{"Id", "CreatedDate"}, want: []string{"ID", "createddate"},
		},
		{
			name: "the first by API name keeps the plain name", fields: []string{"Foo_Bar__c", "FooBar__c"},
			want: []string{"foo_bar__c_d2ff7a", "foo_bar__c"}, warned: 1,
		},
		{
			name: "the one that landed keeps its column", fields: []string{"Foo_Bar__c", "FooBar__c"},
			naming: Naming{Landed: map[string]string{"Foo_Bar__c": "foo_bar__c"}},
			want:   []string{"foo_bar__c", "foo_bar__c_5d7f66"}, warned: 1,
		},
		{
			name: "a suffix in the table is kept", fields: []string{"Foo_Bar__c", "FooBar__c"},
			naming: Naming{Existing: []string{"foo_bar__c", "foo_bar__c_5d7f66"}},
			want:   []string{"foo_bar__c", "foo_bar__c_5d7f66"}, warned: 1,
		},
		{
			name: "names that differ in case alone meet", naming: Naming{Convention: Direct}, fields: []string{"ABC", "abc"},
			want: []string{"ABC", "abc_ba7816"}, warned: 1,
		},
		{
			name: "a name over the limit is shortened", naming: Naming{MaxBytes: 20},
			fields: []string{"AVeryLongNameIndeed__c"}, want: []string{"a_very_long_n_0983e3"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, warnings, err := tt.naming.Columns(tt.fields)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if len(warnings) != tt.warned {
				t.Errorf("warnings %q, want %d", warnings, tt.warned)
			}
		})
	}
}

func TestFieldThatComesTwiceIsRefused(t *testing.T) {
	if _, _, err := (Naming{}).Columns([]string{"Id", "Id"}); err == nil {
		t.Error("no error")
	}
}

// FuzzColumnNames holds the names to what Columns promises, whatever the
// fields: one name each, within the limit, the same for every order, and the
// same again once they are the columns of the table.
func FuzzColumnNames(f *testing.F) {
	f.Add("Foo_Bar__c,FooBar__c,foo_bar__c,Foo_BAR__c", 20, false)
	f.Add("Id,ID,iD", 0, true)
	f.Add("🙂🙂🙂🙂🙂🙂🙂🙂,ÄÖÜ,äöü,select", 17, false)
	f.Fuzz(func(t *testing.T, list string, limit int, direct bool) {
		fields := strings.Split(strings.ToValidUTF8(list, "?"), ",")
		slices.Sort(fields)
		fields = slices.Compact(fields)
		n := Naming{MaxBytes: 16 + (limit&0xff+256)%256}
		if direct {
			n.Convention = Direct
		}
		columns, _, err := n.Columns(fields)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for i, c := range columns {
			if seen[fold(c)] || len(c) > n.MaxBytes || !utf8.ValidString(c) {
				t.Fatalf("%q became %q among %q, limit %d", fields[i], c, columns, n.MaxBytes)
			}
			seen[fold(c)] = true
		}
		landed := map[string]string{}
		for i, f := range fields {
			landed[f] = columns[i]
		}
		for name, again := range map[string]Naming{
			"shuffled": n,
			"existing": {Convention: n.Convention, MaxBytes: n.MaxBytes, Existing: columns},
			"landed":   {MaxBytes: n.MaxBytes, Existing: columns, Landed: landed},
		} {
			shuffled := slices.Clone(fields)
			rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			got, _, err := again.Columns(shuffled)
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range shuffled {
				if got[i] != landed[f] && (name != "existing" || direct) {
					t.Fatalf("%s: %q was %q, is %q", name, f, landed[f], got[i])
				}
			}
		}
	})
}
