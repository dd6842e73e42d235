package postgres

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sluice/uri"
)

// FuzzHerokuAnswers lets Heroku answer anything: no panic, and no error that
// shows the token or a password.
func FuzzHerokuAnswers(f *testing.F) {
	const secret = "Zx81Secret"
	for _, body := range []string{
		`{"DATABASE_URL":"postgres://ann:` + secret + `@db.example.com:5432/crm"}`, `{"DATABASE_URL":null}`,
		`{"DATABASE_URL":"postgres://ann:` + secret + `@h:port/%zz"}`, `{"id":"unauthorized","message":"Invalid credentials provided."}`, `[]`, ``,
	} {
		f.Add(uint16(200), []byte(body))
		f.Add(uint16(401), []byte(body))
	}
	var status int
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}))
	f.Cleanup(server.Close)
	f.Setenv("HEROKU_API_URL", server.URL)
	f.Setenv("HEROKU_API_KEY", secret)
	f.Fuzz(func(t *testing.T, s uint16, b []byte) {
		status, body = 200+int(s)%400, b
		if status == http.StatusNoContent || status/100 == 3 {
			return // has no body, or leads elsewhere
		}
		u, err := herokuAddress(context.Background(), uri.Heroku{App: "app", Var: "DATABASE_URL"})
		switch {
		case err == nil && (strings.Count(string(b), secret) != 1 || !strings.Contains(string(b), ":"+secret+"@")):
			// It may stand where a host, a user or a database has its name.
		case err == nil && strings.Contains(u.String(), secret):
			t.Errorf("the address shows the password: %s", u)
		case err != nil && status == http.StatusOK && strings.Contains(err.Error(), secret):
			t.Errorf("the error shows the password: %v", err)
		}
	})
}

func FuzzNetrc(f *testing.F) {
	for _, text := range []string{"machine api.heroku.com\n  login ann\n  password pw\n", "default password x", "machine", "machine api.heroku.com password", "\x00machine"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := netrcPassword(strings.NewReader(text), "api.heroku.com")
		if got != "" && (!strings.Contains(text, "api.heroku.com") || !strings.Contains(text, got)) {
			t.Errorf("%q is the password in %q", got, text)
		}
		if known := netrcPassword(strings.NewReader("machine api.heroku.com login ann password pw\n"+text), "api.heroku.com"); known != "pw" {
			t.Errorf("the first password is %q", known)
		}
	})
}
