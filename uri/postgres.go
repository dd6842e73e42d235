package uri

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Postgres is a PostgreSQL database and a login. What the address leaves out
// comes from where psql takes it: PG… variables, the password and the service
// file.
type Postgres struct {
	// Address is the whole address, for pgx.
	Address Secret
	// User, Host, Port and Database are what it says, for texts. Host may be
	// the folder of a unix socket.
	User, Host, Database string
	Port                 uint16
	// Connections is how many there may be at once, as pool_max_conns has it, 2
	// or more; 0 when it is not said.
	Connections int
}

const postgresForm = "write postgresql://user:password@host:5432/database?sslmode=verify-full, " +
	"and in user and password / as %2F, @ as %40, : as %3A, ? as %3F, # as %23, % as %25"

// ParsePostgres reads an address of PostgreSQL, under either of its schemes,
// with everything that pgx understands.
func ParsePostgres(raw string) (Postgres, error) {
	scheme, err := Scheme(raw)
	if err != nil {
		return Postgres{}, err
	}
	if scheme != "postgresql" && scheme != "postgres" {
		return Postgres{}, &Error{"the address begins with " + scheme + "://, not with postgresql://", postgresForm}
	}
	_, rest, _ := strings.Cut(raw, "://")
	if err := misplaced(rest); err != nil {
		return Postgres{}, err
	}
	address := "postgresql://" + rest
	c, err := pgx.ParseConfig(address)
	if err != nil {
		return Postgres{}, postgresError(err)
	}
	p := Postgres{Address: Secret(address), User: c.User, Host: c.Host, Port: c.Port, Database: c.Database}
	if n, ok := c.RuntimeParams["pool_max_conns"]; ok {
		if p.Connections, err = strconv.Atoi(n); err != nil || p.Connections < 2 {
			return Postgres{}, &Error{"pool_max_conns of the PostgreSQL address is no number of connections", "write pool_max_conns=2 or more: one holds the locks of the tables, the others write"}
		}
	}
	return p, nil
}

// String is the address without what is secret in it.
func (p Postgres) String() string {
	u := url.URL{Scheme: "postgresql", Host: net.JoinHostPort(p.Host, strconv.Itoa(int(p.Port))), Path: "/" + p.Database}
	if p.User != "" {
		u.User = url.User(p.User)
	}
	return u.String()
}

// misplaced refuses the rest of a password that has ended the host's part too
// early: what stands before it would be shown as a host.
func misplaced(rest string) error {
	refuse := &Error{"the PostgreSQL address has an @ or a # where none can be: the password holds a character that has to be percent-encoded", postgresForm}
	if strings.Contains(rest, "#") {
		return refuse
	}
	path, query, _ := strings.Cut(rest, "?")
	if _, path, _ = strings.Cut(path, "/"); strings.Contains(path, "@") {
		return refuse
	}
	for pair := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(pair, "="); strings.Contains(name, "@") {
			return refuse
		}
	}
	return nil
}

// postgresFaults are what pgx says and what we say instead: its texts quote the
// address.
var postgresFaults = []struct{ sign, text, mend string }{
	{"failed to read service", "the service that the PostgreSQL address names cannot be read", "look into ~/.pg_service.conf, or into the file that PGSERVICEFILE names"},
	{"invalid port", "the port in the PostgreSQL address is none", postgresForm},
	{"could not match", "the PostgreSQL address has another number of ports than of hosts", "give one port, or one for each host"},
	{"sslmode is invalid", "sslmode of the PostgreSQL address is none of disable, allow, prefer, require, verify-ca and verify-full", "sslmode=verify-full is the safe one"},
	{"sslcertmode", "sslcertmode of the PostgreSQL address is none of disable, allow and require", "leave it out"},
	{"failed to configure TLS", "the certificates that the PostgreSQL address names cannot be used", "check sslrootcert, sslcert, sslkey and sslpassword: each is a file in PEM that this user can read"},
	{"connect_timeout", "connect_timeout of the PostgreSQL address is no number of seconds", "write connect_timeout=10"},
	{"target_session_attrs", "target_session_attrs of the PostgreSQL address is unknown", "write target_session_attrs=read-write, or leave it out"},
	{"protocol_version", "the protocol version in the PostgreSQL address is unknown", "leave it out"},
	{"channel_binding", "channel_binding of the PostgreSQL address is none of disable, prefer and require", "leave it out"},
	{"require_auth", "require_auth of the PostgreSQL address is unknown", "write require_auth=scram-sha-256, or leave it out"},
	{"_capacity", "a cache capacity in the PostgreSQL address is no number", "leave it out"},
	{"default_query_exec_mode", "default_query_exec_mode of the PostgreSQL address is unknown", "leave it out"},
}

// postgresError says in fixed words what pgx found wrong with an address.
func postgresError(err error) error {
	for _, f := range postgresFaults {
		if strings.Contains(err.Error(), f.sign) {
			return &Error{f.text, f.mend}
		}
	}
	return &Error{"the PostgreSQL address cannot be read", postgresForm}
}

// Heroku is a database whose address Heroku keeps, and changes from time to
// time, in a config var of an app.
type Heroku struct{ App, Var string }

const herokuForm = "write heroku://app or heroku://app/DATABASE_URL, with the name of the app and of its config var"

// ParseHeroku reads heroku://app/VAR; the config var is DATABASE_URL when none
// is named.
func ParseHeroku(raw string) (Heroku, error) {
	rest, err := after(raw, "heroku", herokuForm)
	if err != nil {
		return Heroku{}, err
	}
	app, name, _ := strings.Cut(strings.TrimSuffix(rest, "/"), "/")
	if name == "" {
		name = "DATABASE_URL"
	}
	if app == "" {
		return Heroku{}, &Error{"the Heroku address names no app", herokuForm}
	}
	if !consists(app, "-") || !consists(name, "_") {
		return Heroku{}, &Error{"the Heroku address is no name of an app and of a config var", herokuForm}
	}
	return Heroku{app, name}, nil
}

// String is an address that reads back as h.
func (h Heroku) String() string { return "heroku://" + h.App + "/" + h.Var }

// consists says whether s is of letters, digits and the other characters alone.
func consists(s, others string) bool {
	for _, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (c < '0' || c > '9') && !strings.ContainsRune(others, rune(c)) {
			return false
		}
	}
	return true
}
