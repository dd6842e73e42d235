package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"sluice/destination"
	"sluice/destination/postgres/pgtest"
)

// says runs a query as a load would, and gives its one value.
func says(ctx context.Context, d *Destination, sql string) (value string, err error) {
	err = d.reading(ctx, func(conn *pgx.Conn) error { return conn.QueryRow(ctx, sql).Scan(&value) })
	return value, err
}

// TestWhatAnAddressMaySay connects by each way of saying where and as whom, and
// looks who the server takes us for.
func TestWhatAnAddressMaySay(t *testing.T) {
	n := pgtest.Listen(t, "")
	port := fmt.Sprint(n.Port)
	odd := `p@ss:w/o?r#d[1]%20& '"\é=+`
	pgtest.Query(t, n.At("127.0.0.1", ""), `CREATE ROLE "Ann O'Dell" LOGIN PASSWORD '`+strings.ReplaceAll(odd, "'", "''")+`'; CREATE SCHEMA s`)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	passwords := write("pgpass", `localhost:*:postgres:Ann O'Dell:`+strings.NewReplacer(`\`, `\\`, ":", `\:`).Replace(odd)+"\n")
	services := write("services", "[crm]\nhost=127.0.0.1\nport="+port+"\nuser="+pgtest.User+"\npassword="+pgtest.Password+"\ndbname=postgres\n")
	closed := closedPort(t)
	const whoami, tls = "SELECT current_user::text", "SELECT (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())::text"
	who := url.UserPassword("Ann O'Dell", odd).String() + "@"
	for _, tt := range []struct {
		name, address string
		env           map[string]string
		ask, want     string // "!" and what the error says otherwise
	}{
		{"TLS where there is", n.At("localhost", ""), nil, tls, "true"},
		{"sslmode=disable", n.At("localhost", "sslmode=disable"), nil, tls, "false"},
		{"sslmode=allow", n.At("localhost", "sslmode=allow"), nil, tls, "false"},
		{"sslmode=prefer", n.At("localhost", "sslmode=prefer"), nil, tls, "true"},
		{"sslmode=require", n.At("localhost", "sslmode=require"), nil, tls, "true"},
		{"sslmode=verify-ca", n.At("127.0.0.1", "sslmode=verify-ca&sslrootcert="+n.Root), nil, tls, "true"},
		{"sslmode=verify-full", n.At("localhost", "sslmode=verify-full&sslrootcert="+n.Root), nil, tls, "true"},
		{"another host than the certificate's", n.At("127.0.0.1", "sslmode=verify-full&sslrootcert="+n.Root), nil, tls, "!certificate"},
		{"an authority of nobody's", n.At("localhost", "sslmode=verify-full"), nil, tls, "!certificate"},
		{"PGSSLMODE", n.At("localhost", ""), map[string]string{"PGSSLMODE": "disable"}, tls, "false"},
		{"a server that wants TLS", pgtest.As(n.At("localhost", "sslmode=disable"), "secure", pgtest.Password), nil, whoami, "!rejects connection"},
		{"and gets it", pgtest.As(n.At("localhost", "sslmode=allow"), "secure", pgtest.Password), nil, whoami, "secure"},
		{"IPv6", n.At("::1", ""), nil, whoami, pgtest.User},
		{"a unix socket", "postgresql:///postgres?host=" + n.Socket + "&port=" + port + "&user=" + pgtest.User + "&password=" + url.QueryEscape(pgtest.Password), nil, whoami, pgtest.User},
		{"an odd password", "postgres://" + who + "localhost:" + port + "/postgres", nil, whoami, "Ann O'Dell"},
		{"a password file", "postgresql://Ann%20O'Dell@localhost:" + port + "/postgres", map[string]string{"PGPASSFILE": passwords}, whoami, "Ann O'Dell"},
		{"a password file named by the address", "postgresql://Ann%20O'Dell@localhost:" + port + "/postgres?passfile=" + passwords, nil, whoami, "Ann O'Dell"},
		{"a service", "postgresql://?service=crm&servicefile=" + services, nil, whoami, pgtest.User},
		{"variables", "postgresql://", map[string]string{"PGHOST": "localhost", "PGPORT": port, "PGUSER": pgtest.User, "PGPASSWORD": pgtest.Password, "PGDATABASE": "postgres"}, whoami, pgtest.User},
		{"several hosts", "postgresql://" + pgtest.User + "@127.0.0.1:" + closed + ",localhost:" + port + "/postgres?target_session_attrs=primary&password=" + url.QueryEscape(pgtest.Password), nil, whoami, pgtest.User},
		{"several hosts, none of which is a standby", "postgresql://" + pgtest.User + "@127.0.0.1:" + port + ",localhost:" + port + "/postgres?target_session_attrs=standby&password=" + url.QueryEscape(pgtest.Password), nil, whoami, "!target_session_attrs"},
		{"options", n.At("localhost", "options=-c%20search_path%3Ds,public%20-c%20work_mem%3D5MB"), nil, "SELECT concat_ws(' ', current_setting('search_path'), current_setting('work_mem'))", "s,public 5MB"},
		{"settings", n.At("localhost", "search_path=s&application_name=mine"), nil, "SELECT concat_ws(' ', current_setting('search_path'), current_setting('application_name'))", "s mine"},
		{"settings of a pool", n.At("localhost", "pool_max_conns=4&pool_min_conns=1"), nil, whoami, pgtest.User},
		{"a setting that there is not", n.At("localhost", "serach_path=s"), nil, whoami, "!unrecognized configuration parameter"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if l, err := net.Listen("tcp", "[::1]:0"); err == nil {
				_ = l.Close()
			} else if tt.name == "IPv6" {
				t.Skip("this machine has no IPv6")
			}
			for _, name := range []string{"PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSSLMODE", "PGSERVICE", "PGPASSFILE"} {
				t.Setenv(name, tt.env[name])
			}
			got, err := says(t.Context(), dial(t, tt.address, Options{}), tt.ask)
			failure, fails := strings.CutPrefix(tt.want, "!")
			if !fails {
				if err != nil || got != tt.want {
					t.Errorf("%q, %v, want %q", got, err, tt.want)
				}
				return
			}
			var e *destination.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), failure) || e.Mend == "" || strings.Contains(err.Error()+e.Mend, pgtest.Password) {
				t.Errorf("%v, want %q", err, failure)
			}
		})
	}
	n.TLS(t, "off")
	_, err := says(t.Context(), dial(t, n.At("localhost", "sslmode=require"), Options{}), whoami)
	var e *destination.Error
	if !errors.As(err, &e) || !strings.Contains(err.Error(), "no TLS") || !strings.Contains(e.Mend, "sslmode=disable") {
		t.Errorf("%v", err)
	}
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// TestWhatIsNoPostgres connects to what else may listen: a web server, which waits
// for more or refuses what it hears, and somebody who says nothing.
func TestWhatIsNoPostgres(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	listen := func(answer string) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				_, _ = conn.Write([]byte(answer))
			}
		}()
		return l.Addr().String()
	}
	for _, sslmode := range []string{"disable", "prefer", "require"} {
		for where, want := range map[string]string{
			web.Listener.Addr().String(): "does not answer", listen(""): "does not answer",
			listen("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"): "does not speak as PostgreSQL does",
		} {
			address := "postgresql://ann:hunter2@" + where + "/crm?connect_timeout=1&sslmode=" + sslmode
			_, err := says(t.Context(), dial(t, address, Options{}), "SELECT 1::text")
			var e *destination.Error
			if sslmode == "require" && !strings.Contains(want, "answer") {
				want = "no TLS" // the first byte says no, and no more is read
			}
			if !errors.As(err, &e) || !strings.Contains(err.Error(), want) || !strings.Contains(e.Mend, "host and port") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %v, want %q", address, err, want)
			}
		}
	}
}
