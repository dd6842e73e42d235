package main

import (
	"fmt"
	"strings"
	"testing"

	"sluice/source/salesforce/fakeorg"
)

// logins counts the requests to log in.
func logins(org *fakeorg.Org) (n int) {
	for _, c := range org.Calls() {
		if strings.HasPrefix(c.Path, "/services/oauth2/") || strings.HasPrefix(c.Path, "/services/Soap/") {
			n++
		}
	}
	return n
}

// TestSeveralTablesShareOneLogin also when the session dies in their middle.
func TestSeveralTablesShareOneLogin(t *testing.T) {
	for _, login := range []string{"password", "credentials"} {
		for _, dies := range []bool{false, true} {
			t.Run(fmt.Sprint(login, " ", dies), func(t *testing.T) {
				e := ends["duckdb"](t)
				org := fakeorg.New(fakeorg.Config{Rows: map[string]int{"Account": 300, "Contact": 300, "User": 10, small: 50}, Knobs: fakeorg.Knobs{PageSize: 100}})
				signIn, stop := org.Start()
				t.Cleanup(stop)
				want := 1
				if dies {
					want = 2
					org.Inject(fakeorg.Fault{Method: "GET", Path: "/services/data/*/query*", Nth: 2, Do: org.ExpireSessions})
				}
				got := hurry(t, "ingest", "--source-uri", signIns(org, signIn)[login], "--source-table", "acc*,contact,user,"+small,
					"--dest-uri", e.address(), "--json", "--api-budget", "50%")
				if got.Code != 0 || len(got.Tables) < 4 {
					t.Fatalf("exit code %d: %s", got.Code, got.stdout)
				}
				if n := logins(org); n != want {
					t.Errorf("%d logins, want %d", n, want)
				}
				if n := len(e.rows(t, "account")); n != org.Count("Account") {
					t.Errorf("%d accounts, the org has %d", n, org.Count("Account"))
				}
				limits := 0
				for _, c := range org.Calls() {
					if strings.HasSuffix(c.Path, "/limits") {
						limits++
					}
				}
				if limits != 1 {
					t.Errorf("the org was asked for its limits %d times", limits)
				}
			})
		}
	}
}

// TestALoginThatIsRefusedIsNotTriedForEveryTable: an org locks a user out after
// some wrong passwords.
func TestALoginThatIsRefusedIsNotTriedForEveryTable(t *testing.T) {
	org := fakeorg.New(fakeorg.Config{})
	signIn, stop := org.Start()
	t.Cleanup(stop)
	address := strings.Replace(signIns(org, signIn)["password"], "&token="+fakeorg.SecurityToken, "&token="+wrongSecret, 1)
	got := hurry(t, "ingest", "--source-uri", address, "--source-table", "account,contact,user,lead,opportunity", "--dest-uri", "discard:", "--json")
	if got.Code != 4 || got.Error == nil {
		t.Errorf("exit code %d: %s", got.Code, got.stdout)
	}
	if n := logins(org); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
}

// TestABudgetCountsTheLoginAndAllTables: no request more than allowed is sent.
func TestABudgetCountsTheLoginAndAllTables(t *testing.T) {
	org := fakeorg.New(fakeorg.Config{Rows: map[string]int{"Account": 300, "Contact": 300}, Knobs: fakeorg.Knobs{PageSize: 50}})
	signIn, stop := org.Start()
	t.Cleanup(stop)
	run := []string{"ingest", "--source-uri", signIns(org, signIn)["credentials"], "--source-table", "account,contact,user", "--dest-uri", "discard:", "--json", "--api-budget"}
	got := hurry(t, append(run, "1000")...)
	needed := len(org.Calls())
	if got.Code != 0 {
		t.Fatalf("exit code %d: %s", got.Code, got.stdout)
	}
	for _, budget := range []int{2, 5, needed - 1, needed} {
		before, want := len(org.Calls()), 0
		if budget < needed {
			want = 3
		}
		got := hurry(t, append(run, fmt.Sprint(budget))...)
		if made := len(org.Calls()) - before; made > budget {
			t.Errorf("%d calls by a budget of %d", made, budget)
		}
		if got.Code != want && (want == 0 || got.Code != 6) {
			t.Errorf("exit code %d by a budget of %d of %d calls: %s", got.Code, budget, needed, got.stdout)
		}
	}
}
