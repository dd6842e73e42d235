package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/destination/postgres/pgtest"
	"sluice/source/salesforce/fakeorg"
)

// verbosities are all ways to ask for output.
var verbosities = [][]string{
	nil,
	{"--progress", "log"},
	{"--progress", "log", "--debug"},
	{"--json", "--progress", "none"},
	{"--json", "--debug", "--progress", "log"},
}

// TestNoSecretComesOut meets every trouble and looks for every secret in what
// was printed, which hurry does, and in what the database holds (P10). Logins
// and verbosities come by turns; with FAULTS=all each trouble meets each login.
func TestNoSecretComesOut(t *testing.T) {
	dir := t.TempDir()
	for turn, trouble := range fakeorg.Troubles {
		t.Run(trouble.Name, func(t *testing.T) {
			org := fakeorg.New(fakeorg.Config{Rows: map[string]int{small: 20}})
			signIn, stop := org.Start()
			t.Cleanup(stop)
			addresses := signIns(org, signIn)
			logins := []string{"password", "credentials", "token"}
			switch way := trouble.Way; {
			case slices.Contains(logins, way):
				logins = []string{way}
			case os.Getenv("FAULTS") != "all":
				logins = logins[turn%len(logins):][:1]
			}
			for _, login := range logins {
				address := addresses[login]
				if trouble.Way == "rest" || trouble.Way == "bulk" {
					address += "&api=" + trouble.Way
				}
				run := []string{"ingest", "--source-uri", address, "--source-table", small, "--dest-uri", "duckdb:///" + filepath.Join(dir, login+".db")}
				// The loudest always, the others by turns.
				for _, args := range [][]string{
					append(slices.Clip(run), verbosities[turn%len(verbosities)]...),
					append(slices.Clip(run), verbosities[len(verbosities)-1]...),
					{"check", "--source-uri", address, "--debug"},
				} {
					trouble.Strike(org, 1, -1)
					hurry(t, args...)
					org.Heal()
				}
			}
		})
	}
	for _, login := range []string{"password", "credentials", "token"} {
		t.Run("database, "+login, func(t *testing.T) {
			org := fakeorg.New(fakeorg.Config{Rows: map[string]int{small: 20}})
			signIn, stop := org.Start()
			t.Cleanup(stop)
			file := filepath.Join(dir, login+".db") // whatever came into it before
			if got := hurry(t, "ingest", "--source-uri", signIns(org, signIn)[login], "--source-table", small, "--dest-uri", "duckdb:///"+file); got.Code != 0 {
				t.Fatalf("exit code %d: %s%s", got.Code, got.stdout, got.stderr)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if found := secretsIn(string(text)); found != "" {
				t.Errorf("the database holds a secret: %s", found)
			}
		})
	}
}

// TestNoSecretOfADatabaseComesOut gives addresses of PostgreSQL that are wrong
// in every way.
func TestNoSecretOfADatabaseComesOut(t *testing.T) {
	org := fakeorg.New(fakeorg.Config{Rows: map[string]int{small: 20}})
	signIn, stop := org.Start()
	t.Cleanup(stop)
	address := pgtest.Database(t)
	right, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	secret := url.QueryEscape(wrongSecret)
	destinations := map[string]struct {
		address string
		code    int
	}{
		"right":           {address, 0},
		"wrong password":  {pgtest.As(address, pgtest.User, wrongSecret), 5},
		"wrong user":      {pgtest.As(address, "nobody", wrongSecret), 5},
		"no database":     {strings.Replace(address, right.Path, "/none", 1), 5},
		"closed port":     {"postgresql://ann:" + secret + "@127.0.0.1:" + port + "/crm", 5},
		"no host":         {"postgresql://ann:" + secret + "@nowhere.invalid/crm", 5},
		"wrong port":      {"postgresql://ann:" + secret + "@127.0.0.1:port/crm", 2},
		"wrong parameter": {"postgresql://ann:" + secret + "@127.0.0.1/crm?sslmode=maybe", 2},
		"in the query":    {"postgresql:///crm?host=127.0.0.1&port=" + port + "&password=" + secret, 5},
		"Heroku":          {"heroku://" + secret + ":x@app", 2},
	}
	for name, d := range destinations {
		for i, flags := range verbosities {
			t.Run(fmt.Sprint(name, " ", i), func(t *testing.T) {
				got := hurry(t, append([]string{
					"ingest", "--source-uri", signIns(org, signIn)["credentials"], "--source-table", small, "--dest-uri", d.address, "--dest-table", "t",
				}, flags...)...)
				if got.Code != d.code {
					t.Errorf("exit code %d, want %d: %s%s", got.Code, d.code, got.stdout, got.stderr)
				}
			})
		}
	}
	for _, query := range []string{"SELECT * FROM _sluice.state", "SELECT * FROM public.t", "SELECT obj_description(oid) FROM pg_class", "SELECT application_name, query FROM pg_stat_activity"} {
		if found := secretsIn(strings.Join(pgtest.Query(t, address, query), "\n")); found != "" {
			t.Errorf("%s gives a secret: %s", query, found)
		}
	}
}
