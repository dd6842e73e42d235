package main

import (
	"html"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sluice/destination/postgres/pgtest"
	"sluice/source/salesforce/fakeorg"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"sluice":   main,
		"holdlock": holdLock,
	})
}

// TestScripts plays the stories of testdata/script: what a user types, sees
// and gets. Each may start an org of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Setup: func(env *testscript.Env) error {
			port, err := freePort()
			env.Setenv("FREE_PORT", port)
			return err
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"fakeorg":   cmdFakeOrg,
			"org":       cmdOrg,
			"jobs":      cmdJobs,
			"run":       cmdRun,
			"interrupt": cmdInterrupt,
			"insist":    cmdInsist,
			"query":     cmdQuery,
			"postgres":  cmdPostgres,
			"psql":      cmdPsql,
			"await":     cmdAwait,
		},
	})
}

// cmdRun is "run CODE ARGS...": it runs sluice, wants that exit code, and wants
// no secret in what is printed.
func cmdRun(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: run CODE ARGS...")
	}
	err := ts.Exec("sluice", args[1:]...)
	checkOutput(ts, args[0], exitCode(ts, err), ts.ReadFile("stdout"), ts.ReadFile("stderr"))
}

// checkOutput compares an exit code and looks for secrets (P10).
func checkOutput(ts *testscript.TestScript, want string, code int, stdout, stderr string) {
	if found := secretsIn(stdout + stderr); found != "" {
		ts.Fatalf("a secret was printed: %s", found)
	}
	if strconv.Itoa(code) != want {
		ts.Fatalf("exit code %d, want %s", code, want)
	}
	if strings.Contains(stderr, "goroutine ") {
		ts.Fatalf("a stack trace was printed")
	}
}

// session is what access tokens of Salesforce look like.
var session = regexp.MustCompile(`00D[0-9A-Za-z]{12,15}!\S+`)

// secretsIn gives the first secret in text, in any of the spellings that
// addresses, XML and Go give it.
func secretsIn(text string) string {
	for _, s := range []string{fakeorg.Password, fakeorg.SecurityToken, fakeorg.ClientSecret, fakeorg.RefreshToken, wrongSecret, pgtest.Password} {
		for _, spelled := range []string{s, url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s), strings.Trim(strconv.Quote(s), `"`)} {
			if strings.Contains(text, spelled) {
				return spelled
			}
		}
	}
	return session.FindString(text)
}

// wrongSecret is what scripts give where a secret is wrong: it is one all the
// same.
const wrongSecret = "wr0ng+S3cr3t"

func TestSecretsAreFoundInEverySpelling(t *testing.T) {
	for _, text := range []string{
		"password=" + fakeorg.Password,
		"password=" + url.QueryEscape(fakeorg.Password),
		"<password>" + html.EscapeString(fakeorg.Password) + fakeorg.SecurityToken + "</password>",
		"Authorization: Bearer " + fakeorg.New(fakeorg.Config{}).AccessToken(),
		"client_secret=" + fakeorg.ClientSecret,
		url.QueryEscape(wrongSecret),
	} {
		if secretsIn(text) == "" {
			t.Errorf("no secret found in %q: the scripts would let it pass", text)
		}
	}
	if s := secretsIn("sluice: error: log in to acme.my.salesforce.com: INVALID_LOGIN"); s != "" {
		t.Errorf("%q was taken for a secret", s)
	}
}
