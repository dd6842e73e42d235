package uri

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPostgresAddresses(t *testing.T) {
	for _, name := range []string{"PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSSLMODE", "PGSERVICE"} {
		t.Setenv(name, "")
	}
	for raw, want := range map[string]string{
		"postgresql://ann:hunter2@db.example:5433/crm":                                         "postgresql://ann@db.example:5433/crm",
		"postgres://ann:hunter2@db.example/crm?sslmode=require&search_path=a,b":                "postgresql://ann@db.example:5432/crm",
		"POSTGRES://ann:hun%2Fter2%40@db.example/crm":                                          "postgresql://ann@db.example:5432/crm",
		"postgresql:///crm?host=/var/run/postgresql&user=ann&password=hunter2":                 "postgresql://ann@%2Fvar%2Frun%2Fpostgresql:5432/crm",
		"postgresql://ann@[::1]:5432/crm?password=hunter2":                                     "postgresql://ann@[::1]:5432/crm",
		"postgresql://ann@a,b/crm?target_session_attrs=read-write&user=ann%40srv&password=a@b": "postgresql://ann%40srv@a:5432/crm",
	} {
		got, err := ParsePostgres(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		if got.String() != want {
			t.Errorf("%s:\ngot  %s\nwant %s", raw, got, want)
		}
		if text := fmt.Sprintf("%v %+v %#v %q", got, got, got, got.Address); strings.Contains(text, "hunter2") {
			t.Errorf("the secret is in %s", text)
		}
	}
}

func TestPostgresReadsTheServiceFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "service.conf")
	if err := os.WriteFile(file, []byte("[crm]\nhost=db.example\nport=6000\nuser=ann\ndbname=warehouse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PGSERVICEFILE", file)
	got, err := ParsePostgres("postgresql://?service=crm")
	if err != nil || got.String() != "postgresql://ann@db.example:6000/warehouse" {
		t.Errorf("%s, %v", got, err)
	}
	_, err = ParsePostgres("postgresql://?service=other")
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(e.Mend, "pg_service.conf") {
		t.Errorf("%v", err)
	}
}

func TestABadPostgresAddressSaysWhatIsWrongButNoSecret(t *testing.T) {
	for raw, want := range map[string]string{
		"postgresql://u:hun/ter2hunter2@h/db":                   "percent-encoded",
		"postgresql://u:hun?ter2hunter2@h/db":                   "percent-encoded",
		"postgresql://u:hun#ter2hunter2@h/db":                   "percent-encoded",
		"postgresql://u:12/hunter2@h/db":                        "percent-encoded",
		"postgresql://u:hun%ter2hunter2@h/db":                   "cannot be read",
		"postgresql://u:hunter2@h:x/db":                         "port",
		"postgresql://u:hunter2@h:99999/db":                     "port",
		"postgresql://u:hunter2@h/db?sslmode=maybe":             "sslmode",
		"postgresql://u:hunter2@h/db?sslrootcert=/none/hunter2": "certificates",
		"postgresql://u:hunter2@h/db?connect_timeout=hunter2":   "connect_timeout",
		"postgresql://u:hunter2@h/db?pool_max_conns=1":          "pool_max_conns",
		"postgresql://u:hunter2@h/db?pool_max_conns=hunter2":    "pool_max_conns",
		"mysql://u:hunter2@h/db":                                "begins with mysql://",
	} {
		_, err := ParsePostgres(raw)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Text, want) || e.Mend == "" {
			t.Errorf("%s: %v, want %q", raw, err, want)
			continue
		}
		if strings.Contains(e.Text+e.Mend, "hunter2") || strings.Contains(e.Text+e.Mend, "ter2") {
			t.Errorf("a secret is in %q / %q", e.Text, e.Mend)
		}
	}
}

func TestHerokuAddresses(t *testing.T) {
	for raw, want := range map[string]Heroku{
		"heroku://shop":                          {"shop", "DATABASE_URL"},
		"heroku://shop/":                         {"shop", "DATABASE_URL"},
		"heroku://my-shop-1/HEROKU_POSTGRESQL_X": {"my-shop-1", "HEROKU_POSTGRESQL_X"},
	} {
		got, err := ParseHeroku(raw)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", raw, got, err)
		}
		if again, err := ParseHeroku(got.String()); err != nil || again != got {
			t.Errorf("%s prints as %s, which is %v, %v", raw, got, again, err)
		}
	}
	for _, raw := range []string{"heroku://", "heroku:///X", "heroku://a b", "heroku://a/B/C", "heroku://a?x=1", "heroku://u:hunter2@a/B", "duckdb:///a"} {
		var e *Error
		if _, err := ParseHeroku(raw); !errors.As(err, &e) || e.Mend == "" || strings.Contains(e.Text, "hunter2") {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func FuzzNoDatabaseAddressPanicsOrShowsASecret(f *testing.F) {
	for _, s := range []string{
		"postgresql://u:%s@h/db", "postgres://u:%s@h:1/db?sslmode=prefer", "postgresql:///db?host=/tmp&password=%s", "postgresql://u:a/%s@h/db",
		"heroku://%s@app/X", "postgres://u:%s@[::1", "postgres://u:1?%s@h/db", "postgres://u:p@h/db?service=%s", "postgres://u:p@h/db?sslcert=%s",
	} {
		f.Add(s)
	}
	// No file that an address of the fuzzer's names is there.
	f.Chdir(f.TempDir())
	const secret = "s3cr3tS3CR3T"
	f.Fuzz(func(t *testing.T, shape string) {
		raw := strings.ReplaceAll(shape, "%s", secret)
		p, badPostgres := ParsePostgres(raw)
		h, badHeroku := ParseHeroku(raw)
		for _, err := range []error{badPostgres, badHeroku} {
			var e *Error
			if errors.As(err, &e) && strings.Contains(e.Text+e.Mend, secret) {
				t.Errorf("%q: %s / %s", raw, e.Text, e.Mend)
			}
		}
		if badPostgres == nil && !strings.Contains(p.User+p.Host+p.Database, secret) && strings.Contains(fmt.Sprintf("%v %#v", p, p), secret) {
			t.Errorf("%q prints as %v", raw, p)
		}
		if badHeroku == nil {
			if again, err := ParseHeroku(h.String()); err != nil || again != h {
				t.Errorf("%q prints as %s, which is %v, %v", raw, h, again, err)
			}
		}
	})
}
