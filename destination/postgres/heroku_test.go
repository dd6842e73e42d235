package postgres

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/destination"
	"sluice/destination/postgres/pgtest"
	"sluice/uri"
)

const herokuKey = "HRKU-hunter2"

// heroku answers with the config vars of the app shop; each call uses up one of
// the addresses, up to the last.
func heroku(t *testing.T, addresses ...string) (calls *int) {
	t.Helper()
	calls = new(int)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse := func(status int, id, message string) {
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(map[string]string{"id": id, "message": message})
		}
		switch {
		case r.Header.Get("Accept") != "application/vnd.heroku+json; version=3":
			refuse(http.StatusNotFound, "not_found", "the version is not asked for")
		case r.Header.Get("Authorization") != "Bearer "+herokuKey:
			refuse(http.StatusUnauthorized, "unauthorized", "Invalid credentials provided.")
		case r.URL.Path != "/apps/shop/config-vars":
			refuse(http.StatusNotFound, "not_found", "Couldn't find that app.")
		default:
			address := addresses[min(*calls, len(addresses)-1)]
			*calls++
			_ = json.NewEncoder(w).Encode(map[string]string{"DATABASE_URL": address, "OTHER": "x"})
		}
	}))
	t.Cleanup(s.Close)
	t.Setenv("HEROKU_API_URL", s.URL)
	t.Setenv("HEROKU_API_KEY", herokuKey)
	t.Setenv("HOME", t.TempDir())
	return calls
}

// TestHerokuIsAskedAgainWhenTheLoginIsRefused: the password is an old one (28P01),
// or the role may not log in any more (28000).
func TestHerokuIsAskedAgainWhenTheLoginIsRefused(t *testing.T) {
	address := pgtest.Database(t) + "&sslmode=disable"
	role, guests := guest(t, address)
	pgtest.Query(t, address, "ALTER ROLE "+role+" NOLOGIN")
	for n, stale := range []string{pgtest.As(address, pgtest.User, "old"), guests} {
		calls := heroku(t, stale, address)
		d, err := OpenHeroku(uri.Heroku{App: "shop", Var: "DATABASE_URL"}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		mustPut(t, d, spec(generation, destination.Replace, fmt.Sprint("run", n)), generationBatch(1, 0, 10+n))
		if *calls != 2 {
			t.Errorf("Heroku was asked %d times", *calls)
		}
		if got := pgtest.Query(t, address, "SELECT count(*) FROM public.account"); got[0] != fmt.Sprint(10+n) {
			t.Errorf("%q rows", got)
		}
	}
}

func TestHerokuIsAskedOnceMoreOnly(t *testing.T) {
	address := pgtest.As(pgtest.Database(t)+"&sslmode=disable", pgtest.User, "wrong-hunter2")
	calls := heroku(t, address)
	d, err := OpenHeroku(uri.Heroku{App: "shop", Var: "DATABASE_URL"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Begin(t.Context(), spec(generation, destination.Replace, "run1"))
	if err == nil || *calls != 2 || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v after %d calls", err, *calls)
	}
}

func TestHerokuErrors(t *testing.T) {
	for _, tt := range []struct {
		heroku     uri.Heroku
		key        string
		text, hint string
	}{
		{uri.Heroku{App: "shop", Var: "NONE"}, herokuKey, "no config var NONE", "pg:info"},
		{uri.Heroku{App: "barn", Var: "DATABASE_URL"}, herokuKey, "Couldn't find that app", "heroku apps"},
		{uri.Heroku{App: "shop", Var: "DATABASE_URL"}, "hunter2-wrong", "Invalid credentials", "HEROKU_API_KEY"},
		{uri.Heroku{App: "shop", Var: "DATABASE_URL"}, "", "no token", "HEROKU_API_KEY"},
		{uri.Heroku{App: "shop", Var: "OTHER"}, herokuKey, "no scheme", ""},
	} {
		heroku(t, "postgresql://u:hunter2@h/db")
		t.Setenv("HEROKU_API_KEY", tt.key)
		d, err := OpenHeroku(tt.heroku, Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Begin(t.Context(), spec(generation, destination.Replace, "run1"))
		var e *destination.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.text) || !strings.Contains(e.Mend, tt.hint) || strings.Contains(err.Error()+e.Mend, "hunter2") {
			t.Errorf("%v, want %q", err, tt.text)
		}
	}
}

func TestHerokuTokenOfNetrc(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("HEROKU_API_KEY", "")
	text := "machine git.heroku.com\n  login a\n  password no\nmachine api.heroku.com login a password " + herokuKey + "\n"
	if err := os.WriteFile(filepath.Join(os.Getenv("HOME"), ".netrc"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := herokuToken(); got != herokuKey {
		t.Errorf("%q", got)
	}
}

// TestHerokuInTrouble answers what the API may answer besides.
func TestHerokuInTrouble(t *testing.T) {
	for _, tt := range []struct {
		status           int
		body, text, hint string
	}{
		{http.StatusForbidden, `{"id": "forbidden", "message": "You do not have access to the app shop."}`, "You do not have access to the app shop.", "heroku access:add"},
		{http.StatusTooManyRequests, `{"id": "rate_limit", "message": "Your account reached the API limit."}`, "too many calls", "wait"},
		{http.StatusServiceUnavailable, `{"id": "maintenance", "message": "Heroku API is temporarily unavailable."}`, "503: Heroku API is temporarily unavailable.", "status.heroku.com"},
		{http.StatusBadGateway, "<html>hunter2</html>", "502", "status.heroku.com"},
		{http.StatusOK, "<html>", "not JSON", "HEROKU_API_URL"},
		{http.StatusOK, `{"DATABASE_URL": ""}`, "no config var DATABASE_URL", "pg:info"},
		{http.StatusOK, `{"DATABASE_URL": "mysql://u:hunter2@h/db"}`, "begins with mysql://", "postgresql://"},
	} {
		heroku(t, "")
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			_, _ = w.Write([]byte(tt.body))
		}))
		t.Setenv("HEROKU_API_URL", s.URL+"/")
		herokuFails(t, tt.text, tt.hint)
		s.Close()
		herokuFails(t, "cannot be reached", "network")
	}
}

func herokuFails(t *testing.T, text, hint string) {
	t.Helper()
	d, err := OpenHeroku(uri.Heroku{App: "shop", Var: "DATABASE_URL"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Begin(t.Context(), spec(generation, destination.Replace, "run1"))
	var e *destination.Error
	if !errors.As(err, &e) || !strings.Contains(err.Error(), text) || !strings.Contains(e.Mend, hint) || strings.Contains(err.Error()+e.Mend, "hunter2") {
		t.Errorf("%v, want %q and %q", err, text, hint)
	}
}
