package postgres

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sluice/destination"
	"sluice/uri"
)

// herokuAPI is where Heroku tells config vars; HEROKU_API_URL names another.
const herokuAPI = "https://api.heroku.com"

// herokuTime bounds a call of Heroku.
const herokuTime = 30 * time.Second

// OpenHeroku returns the destination whose address Heroku keeps. It is asked at
// the first load, and once more when the server refuses the login: Heroku
// changes the password from time to time.
//
// https://devcenter.heroku.com/articles/platform-api-reference#config-vars
func OpenHeroku(h uri.Heroku, o Options) (*Destination, error) {
	s := &server{rotates: true}
	s.address = func(ctx context.Context) (uri.Postgres, error) {
		u, err := herokuAddress(ctx, h)
		if err != nil {
			return u, fmt.Errorf("ask Heroku for %s: %w", h, err)
		}
		return u, nil
	}
	return open(s, o), nil
}

func herokuAddress(ctx context.Context, h uri.Heroku) (uri.Postgres, error) {
	vars, err := configVars(ctx, h.App)
	if err != nil {
		return uri.Postgres{}, err
	}
	address, ok := vars[h.Var]
	if !ok || address == "" {
		return uri.Postgres{}, &destination.Error{
			Op:   "ask Heroku for " + h.String(),
			Err:  fmt.Errorf("the app %s has no config var %s", h.App, h.Var),
			Mend: "heroku pg:info -a " + h.App + " tells its databases; name the var as in heroku://" + h.App + "/HEROKU_POSTGRESQL_ROSE_URL",
		}
	}
	// Heroku's databases take no connection without TLS.
	if !strings.Contains(address, "sslmode=") {
		separator := "?"
		if strings.Contains(address, "?") {
			separator = "&"
		}
		address += separator + "sslmode=require"
	}
	return uri.ParsePostgres(address)
}

// configVars asks Heroku for the config vars of an app. No error shows any of
// their values, nor the token.
func configVars(ctx context.Context, app string) (map[string]string, error) {
	refuse := func(text, mend string) error {
		return &destination.Error{Op: "ask Heroku for the config vars of " + app, Err: errors.New(text), Mend: mend}
	}
	base := strings.TrimSuffix(os.Getenv("HEROKU_API_URL"), "/")
	if base == "" {
		base = herokuAPI
	}
	token := herokuToken()
	if token == "" {
		return nil, refuse("there is no token", "set HEROKU_API_KEY, or run heroku login, which writes it to ~/.netrc")
	}
	ctx, cancel := context.WithTimeout(ctx, herokuTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/apps/"+app+"/config-vars", nil)
	if err != nil {
		return nil, refuse("HEROKU_API_URL is no address", "leave it empty, or write "+herokuAPI)
	}
	request.Header.Set("Accept", "application/vnd.heroku+json; version=3")
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && errors.Is(cause, context.Canceled) {
			return nil, cause
		}
		return nil, refuse("Heroku cannot be reached", "check the network, and https://status.heroku.com")
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return nil, refuse("the answer of Heroku broke off", "run again")
	}
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized:
		return nil, refuse("Heroku refuses the token: "+herokuMessage(body), "renew HEROKU_API_KEY: heroku authorizations:create, or heroku auth:token")
	case http.StatusForbidden:
		return nil, refuse("the token may not read the app: "+herokuMessage(body), "let its account view the app's config vars: heroku access:add")
	case http.StatusNotFound:
		return nil, refuse("there is no such app: "+herokuMessage(body), "heroku apps tells the names of those that the token may see")
	case http.StatusTooManyRequests:
		return nil, refuse("Heroku has had too many calls with this token", "wait a minute and run again")
	default:
		return nil, refuse(fmt.Sprintf("Heroku answers %d: %s", answer.StatusCode, herokuMessage(body)), "run again; see https://status.heroku.com")
	}
	var vars map[string]string
	if err := json.Unmarshal(body, &vars); err != nil {
		return nil, refuse("the answer of Heroku is not JSON", "check HEROKU_API_URL")
	}
	return vars, nil
}

// herokuMessage is what Heroku says about an error, in one line.
func herokuMessage(body []byte) string {
	var e struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &e) != nil || e.Message == "" {
		return "it does not say why"
	}
	return firstBytes(strings.Join(strings.Fields(e.Message), " "), 200)
}

// herokuToken is that of HEROKU_API_KEY, or the one that heroku login has
// written.
func herokuToken() string {
	if token := strings.TrimSpace(os.Getenv("HEROKU_API_KEY")); token != "" {
		return token
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	f, err := os.Open(filepath.Join(home, ".netrc"))
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	return netrcPassword(f, "api.heroku.com")
}

// netrcPassword reads the password of a machine.
func netrcPassword(r io.Reader, machine string) string {
	words := bufio.NewScanner(r)
	words.Split(bufio.ScanWords)
	ours := false
	for words.Scan() {
		switch words.Text() {
		case "machine":
			ours = words.Scan() && words.Text() == machine
		case "default":
			ours = false
		case "login", "account":
			words.Scan()
		case "password":
			if words.Scan() && ours {
				return words.Text()
			}
		}
	}
	return ""
}
