package main

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
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

// The race detector lets each process linger a second at its end, for races of
// its last moments. A thousand programs are run here: half the time of the tests.
const shortRaceExit = "atexit_sleep_ms=10"

func TestMain(m *testing.M) {
	if os.Getenv("GORACE") == "" {
		if err := os.Setenv("GORACE", shortRaceExit); err != nil {
			panic(err)
		}
	}
	testscript.Main(m, map[string]func(){
		"sluice":   main,
		"hasty":    hasty,
		"holdlock": holdLock,
		"duckdb":   duckdbClient,
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
			env.Setenv("GORACE", os.Getenv("GORACE"))
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
			"alter":     cmdAlter,
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
// addresses, XML, JSON, Go and base64 give it.
func secretsIn(text string) string {
	for _, s := range []string{fakeorg.Password, fakeorg.SecurityToken, fakeorg.ClientSecret, fakeorg.RefreshToken, wrongSecret, pgtest.Password} {
		for _, spelled := range spellings(s) {
			if strings.Contains(text, spelled) {
				return spelled
			}
		}
	}
	if s := session.FindString(text); s != "" {
		return s
	}
	if plain, err := url.QueryUnescape(text); err == nil {
		return session.FindString(plain)
	}
	return session.FindString(strings.ReplaceAll(text, "%21", "!"))
}

// spellings are the forms in which a secret may stand in a text.
func spellings(s string) []string {
	inJSON, _ := json.Marshal(s)
	var inXML strings.Builder
	_ = xml.EscapeText(&inXML, []byte(s))
	all := []string{s, url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s), inXML.String(), strings.Trim(string(inJSON), `"`), strings.Trim(strconv.Quote(s), `"`)}
	// What base64 makes of it depends on where in a longer text it stands. The
	// characters at both ends hold bits of the neighbours, too.
	for before := range 3 {
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := encoding.EncodeToString([]byte(strings.Repeat("x", before) + s))
			all = append(all, text[before+(before+1)/2:len(text)-1])
		}
	}
	return all
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
		"Basic " + base64.StdEncoding.EncodeToString([]byte("ann:"+pgtest.Password)),
		"Basic " + base64.StdEncoding.EncodeToString([]byte(fakeorg.ClientID+":"+fakeorg.ClientSecret)),
		base64.URLEncoding.EncodeToString([]byte("b:" + fakeorg.Password + fakeorg.SecurityToken)),
		"sid=" + url.QueryEscape(fakeorg.New(fakeorg.Config{}).AccessToken()),
		`{"password":"corr\u0026ct\u003chorse\u003ebattery"}`,
	} {
		if secretsIn(text) == "" {
			t.Errorf("no secret found in %q: the scripts would let it pass", text)
		}
	}
	if s := secretsIn("sluice: error: log in to acme.my.salesforce.com: INVALID_LOGIN"); s != "" {
		t.Errorf("%q was taken for a secret", s)
	}
}
