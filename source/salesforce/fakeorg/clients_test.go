package fakeorg_test

import (
	"io"
	"log"
	"testing"

	gosalesforce "github.com/k-capehart/go-salesforce/v3"
	"github.com/simpleforce/simpleforce"

	"sluice/source/salesforce/fakeorg"
)

// start serves an org and ends it with the test.
func start(t *testing.T, c fakeorg.Config) (*fakeorg.Org, string) {
	t.Helper()
	org := fakeorg.New(c)
	base, stop := org.Start()
	t.Cleanup(stop)
	return org, base
}

func simple(t *testing.T, base, password, token string) (*simpleforce.Client, error) {
	t.Helper()
	log.SetOutput(io.Discard) // simpleforce prints bodies
	client := simpleforce.NewClient(base, simpleforce.DefaultClientID, "54.0")
	return client, client.LoginPassword(fakeorg.Username, password, token)
}

func TestSimpleforceReadsEveryAccountThroughPages(t *testing.T) {
	org, base := start(t, fakeorg.Config{Rows: map[string]int{"Account": 4100}})
	client, err := simple(t, base, fakeorg.Password, fakeorg.SecurityToken)
	if err != nil {
		t.Fatalf("login: %v", err)
	}
	seen := map[string]bool{}
	for query := "SELECT Id, Name FROM Account"; query != ""; {
		page, err := client.Query(query)
		if err != nil {
			t.Fatalf("query: %v", err)
		}
		if page.TotalSize != org.Count("Account") {
			t.Fatalf("totalSize is %d, want %d", page.TotalSize, org.Count("Account"))
		}
		for _, r := range page.Records {
			seen[r.ID()] = true
		}
		query = page.NextRecordsURL
	}
	if len(seen) != org.Count("Account") {
		t.Errorf("read %d records, want %d", len(seen), org.Count("Account"))
	}
}

func TestSimpleforceDescribes(t *testing.T) {
	org, base := start(t, fakeorg.Config{})
	client, err := simple(t, base, fakeorg.Password, fakeorg.SecurityToken)
	if err != nil {
		t.Fatalf("login: %v", err)
	}
	meta := client.SObject("Account").Describe()
	if meta == nil {
		t.Fatal("no describe")
	}
	fields, _ := (*meta)["fields"].([]any)
	if want := len(org.Object("Account").Fields); len(fields) != want {
		t.Errorf("describe has %d fields, want %d", len(fields), want)
	}
}

func TestSimpleforceIsToldOfAWrongPassword(t *testing.T) {
	_, base := start(t, fakeorg.Config{})
	for _, secret := range []string{"wrong", fakeorg.Password} {
		if _, err := simple(t, base, secret, ""); err == nil {
			t.Errorf("login with a wrong secret went through")
		}
	}
}

func TestGoSalesforceLogsInByEachFlowAndReads(t *testing.T) {
	org, base := start(t, fakeorg.Config{})
	for name, creds := range map[string]gosalesforce.Creds{
		"password": {Domain: base, Username: fakeorg.Username, Password: fakeorg.Password, SecurityToken: fakeorg.SecurityToken, ConsumerKey: fakeorg.ClientID, ConsumerSecret: fakeorg.ClientSecret},
		"client":   {Domain: org.InstanceURL(), ConsumerKey: fakeorg.ClientID, ConsumerSecret: fakeorg.ClientSecret},
		"token":    {Domain: org.InstanceURL(), AccessToken: org.AccessToken()},
	} {
		client, err := gosalesforce.Init(creds)
		if err != nil {
			t.Errorf("%s: login: %v", name, err)
			continue
		}
		var records []struct{ Id, Name string }
		if err := client.Query("SELECT Id, Name FROM Account", &records); err != nil {
			t.Errorf("%s: query: %v", name, err)
		}
		if len(records) != org.Count("Account") {
			t.Errorf("%s: read %d records, want %d", name, len(records), org.Count("Account"))
		}
	}
}

func TestGoSalesforceReadsByBulk(t *testing.T) {
	org, _ := start(t, fakeorg.Config{Rows: map[string]int{"Account": 3000}, Knobs: fakeorg.Knobs{BulkPageSize: 700}})
	client, err := gosalesforce.Init(gosalesforce.Creds{Domain: org.InstanceURL(), AccessToken: org.AccessToken()})
	if err != nil {
		t.Fatalf("login: %v", err)
	}
	it, err := client.QueryBulkIterator("SELECT Id, Name, AnnualRevenue, Description FROM Account")
	if err != nil {
		t.Fatalf("bulk query: %v", err)
	}
	n := 0
	for it.Next() {
		var records []struct{ Id, Name string }
		if err := it.Decode(&records); err != nil {
			t.Fatalf("decode: %v", err)
		}
		n += len(records)
	}
	if err := it.Error(); err != nil {
		t.Fatalf("bulk results: %v", err)
	}
	if n != org.Count("Account") {
		t.Errorf("read %d records, want %d", n, org.Count("Account"))
	}
}

func TestGoSalesforceClientCredentialsNeedTheOrgsOwnDomain(t *testing.T) {
	_, base := start(t, fakeorg.Config{})
	_, err := gosalesforce.Init(gosalesforce.Creds{Domain: base, ConsumerKey: fakeorg.ClientID, ConsumerSecret: fakeorg.ClientSecret})
	if err == nil {
		t.Error("the sign-in host gave a token for client credentials")
	}
}
