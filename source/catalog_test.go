package source

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func shipped(t testing.TB) *Catalog {
	t.Helper()
	text, err := os.ReadFile("../tables.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := ParseCatalog(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheShippedCatalogHasTheTablesThatUsersAskFor(t *testing.T) {
	c := shipped(t)
	want := map[string]string{
		"user": "User replace", "user_role": "UserRole replace",
		"opportunity": "Opportunity id last_timestamp merge", "opportunity_line_item": "OpportunityLineItem id last_timestamp merge",
		"opportunity_contact_role": "OpportunityContactRole id last_timestamp merge", "account": "Account id last_timestamp merge",
		"campaign_member": "CampaignMember id last_timestamp merge", "task": "Task id last_timestamp merge", "event": "Event id last_timestamp merge",
		"contact": "Contact id replace", "lead": "Lead id replace", "campaign": "Campaign id replace", "product": "Product2 id replace",
		"pricebook": "Pricebook2 id replace", "pricebook_entry": "PricebookEntry id replace",
		"account_history": "AccountHistory id created_date merge", "contact_history": "ContactHistory id created_date merge",
		"lead_history": "LeadHistory id created_date merge", "opportunity_history": "OpportunityHistory id created_date merge",
		"campaign_history": "CampaignHistory id created_date merge", "user_history": "UserHistory id created_date merge",
	}
	if n := len(c.Tables()); n != len(want) {
		t.Errorf("%d tables, want %d", n, len(want))
	}
	for name, text := range want {
		k, ok := c.Lookup(strings.ToUpper(name))
		got := strings.Join(strings.Fields(strings.Join([]string{k.Object, k.Key, k.CursorKey, k.Strategy}, " ")), " ")
		if !ok || got != text {
			t.Errorf("%s: %q, want %q", name, got, text)
		}
	}
}

func TestACatalogWithAMistakeIsRefused(t *testing.T) {
	const good = "{name: a, object: A, strategy: replace, description: d}"
	for text, want := range map[string]string{
		"tables:\n- {name: a,\n   colour: red}": `line 3: unknown key "colour"`,
		"table: []":                             "field table not found",
		"tables:\n- " + good + "\n- {name: b, object: B, strategy: replace}":                 "line 3: name, object and description",
		"tables:\n- {name: a, object: A, description: d}":                                    `line 2: strategy ""`,
		"tables:\n- {name: a, object: A, strategy: upsert, description: d}":                  `line 2: strategy "upsert"`,
		"tables:\n- {name: a, object: A, strategy: merge, description: d}":                   "line 2: merge needs a key and a cursor",
		"tables:\n- " + good + "\n- {name: a, object: B, strategy: replace, description: d}": "line 3: the name a is taken",
		"tables:\n- {name: 'a:b', object: A, strategy: replace, description: d}":             `line 2: name "a:b"`,
		"tables:\n- {name: Ab, object: A, strategy: replace, description: d}":                `line 2: name "Ab"`,
		"tables:\n- {name: a, name: b}":                                                      "already defined",
		"tables:\n- 7":                                                                       "line 2: cannot unmarshal",
		"tables: 7":                                                                          "cannot unmarshal",
		"tables: []\n---\ntables: []":                                                        "second document",
		"\t":                                                                                 "tables.yaml",
		"a: &a [*a]":                                                                         "tables.yaml",
	} {
		if _, err := ParseCatalog([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestATypoGetsTheNearestNames(t *testing.T) {
	c := shipped(t)
	for typo, want := range map[string]string{"acount": "account", "Opprtunity": "opportunity", "conatct": "contact", "leads": "lead", "compaign_member": "campaign_member", "My__Comunity__c": "My__Community__c"} {
		if got := c.Nearest(typo, []string{"My__Community__c", "Account"}); !slices.Contains(got, want) || len(got) > 3 {
			t.Errorf("%s: %v, want %s among them", typo, got, want)
		}
	}
	if got := c.Nearest("zzzzzz", []string{"Account"}); len(got) != 0 {
		t.Errorf("zzzzzz: %v", got)
	}
}

func FuzzParseCatalog(f *testing.F) {
	f.Add([]byte("tables: [{name: a, object: A, strategy: replace, description: d}]"))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseCatalog(text)
		if err != nil {
			return
		}
		for _, k := range c.Tables() {
			if got, ok := c.Lookup(k.Name); !ok || got != k {
				t.Errorf("%q is not found", k.Name)
			}
			c.Nearest(k.Name+"x", nil)
		}
	})
}
