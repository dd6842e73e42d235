package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sluice/destination"
	"sluice/uri"
)

// SQLSTATE codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	invalidPassword      = "28P01"
	invalidAuthorization = "28000"
	invalidCatalog       = "3D000"
	tooManyConnections   = "53300"
	outOfMemory          = "53200"
	configurationLimit   = "53400"
	diskFull             = "53100"
	lockNotAvailable     = "55P03"
	queryCanceled        = "57014"
	adminShutdown        = "57P01"
	crashShutdown        = "57P02"
	cannotConnectNow     = "57P03"
	deadlock             = "40P01"
	serialization        = "40001"
	undefinedTable       = "42P01"
	duplicateTable       = "42P07"
	readOnly             = "25006"
	denied               = "42501"
	notInState           = "55000"
	undefinedObject      = "42704"
	protocolViolation    = "08P01"
)

// errRolledBack is a COMMIT that the server has answered with a rollback.
var errRolledBack = errors.New("the server has rolled the transaction back")

func sqlState(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// isDataError says whether a value is none of a type.
func isDataError(err error) bool {
	state := sqlState(err)
	return strings.HasPrefix(state, "22") || strings.HasPrefix(state, "23")
}

func refusesLogin(err error) bool {
	state := sqlState(err)
	return state == invalidPassword || state == invalidAuthorization
}

// inTheWay says whether a transaction may do better when it is tried again.
func inTheWay(err error) bool {
	state := sqlState(err)
	return state == deadlock || state == serialization || state == lockNotAvailable
}

// isBusy says whether the same may succeed later.
func isBusy(err error) bool {
	known, ok := errors.AsType[*destination.Error](err)
	return ok && known.Busy
}

// explain puts an error of PostgreSQL into a user's words. An error that has
// its own words keeps them, under op.
func explain(op string, err error) error {
	if known, ok := errors.AsType[*destination.Error](err); ok {
		if known.Op == "" {
			known.Op = op
		}
		return known
	}
	if known, ok := errors.AsType[*uri.Error](err); ok {
		return &destination.Error{Op: op, Err: known, Mend: known.Mend}
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return serverError(op, e)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &destination.Error{Op: op, Err: err}
	}
	if lost(err) {
		return &destination.Error{
			Op: op, Err: errors.New("the connection to the server was lost"),
			Mend: "run again: rows and cursor are committed together or not at all. Look into the server's log whether it was restarted or has ended the connection",
		}
	}
	return &destination.Error{Op: op, Err: err}
}

// explainWithin is explain for a call that ctx may have ended: what the server
// says to that is no news.
func explainWithin(ctx context.Context, op string, err error) error {
	if ended := context.Cause(ctx); ended != nil && (sqlState(err) == queryCanceled || sqlState(err) == "" && lost(err)) {
		err = ended
	}
	return explain(op, err)
}

// lost says whether a connection has ended without an answer.
func lost(err error) bool {
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || strings.Contains(err.Error(), "conn closed")
}

// serverError is an error that the server has sent.
func serverError(op string, e *pgconn.PgError) *destination.Error {
	said := e.Message
	if e.ConstraintName != "" && !strings.Contains(said, e.ConstraintName) {
		said += " (constraint " + e.ConstraintName + ")"
	}
	if line, _, _ := strings.Cut(e.Where, "\n"); strings.HasPrefix(line, "COPY ") {
		said += " (" + firstBytes(line, 200) + ")"
	}
	known := &destination.Error{Op: op, Err: fmt.Errorf("%s (SQLSTATE %s)", said, e.Code), Mend: mend(e)}
	switch e.Code {
	case deadlock, serialization, lockNotAvailable, duplicateTable, cannotConnectNow, tooManyConnections:
		known.Busy = true
	case protocolViolation:
		known.Busy = strings.Contains(e.Message, "no more connections allowed") // PgBouncer's
	}
	return known
}

func firstBytes(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}

// mend tells what to do about an error of the server.
func mend(e *pgconn.PgError) string {
	switch e.Code {
	case diskFull:
		return "free space on the server: a load needs room for the staged rows and for the new ones beside the old"
	case queryCanceled:
		if strings.Contains(e.Message, "statement timeout") {
			return "let statements of this role run longer: ALTER ROLE … SET statement_timeout = 0, or add ?options=-c%20statement_timeout%3D0 to the address"
		}
		return "somebody has cancelled the statement on the server; run again"
	case outOfMemory:
		return "the server is out of memory: run again when it has less to do, or give it more"
	case configurationLimit:
		return "let this role write larger temporary files: ALTER ROLE … SET temp_file_limit = -1, by a superuser"
	case adminShutdown, crashShutdown, cannotConnectNow:
		return "the server was stopped, restarted, or has ended the connection: run again; rows and cursor are committed together or not at all"
	case lockNotAvailable:
		return "another session has the table locked: SELECT * FROM pg_stat_activity tells who; wait longer with --lock-timeout"
	case deadlock, serialization:
		return "other sessions write to the same rows: run again"
	case undefinedTable:
		if strings.Contains(e.Message, stagingPrefix) {
			return "another run has cleared what this one has staged: let one run of a table end before the next begins"
		}
	case duplicateTable:
		return "somebody has made the table meanwhile: run again"
	case readOnly:
		return "the server takes no writes: give the address of the primary"
	case "0A000":
		if strings.Contains(e.Message, "during recovery") {
			return "the server is a replica, which takes no writes: give the address of the primary"
		}
	case notInState:
		if strings.Contains(e.Message, "replica identity") {
			return "a publication replicates the table, and has nothing to tell its rows by: ALTER TABLE … REPLICA IDENTITY FULL, or USING INDEX …"
		}
	case denied:
		if strings.Contains(e.Message, "row-level security") {
			return "policies would hide rows from this role: load as the owner of the table, or ALTER ROLE … BYPASSRLS"
		}
		return "let the owner of the database grant this role what is missing"
	case tooManyConnections:
		return "the server has no connection left, and a run needs two: raise the limit of the role or the server, or wait longer with --lock-timeout"
	case "23503":
		return "rows of other tables point at rows that are gone, or rows of this one at rows that are not there: load the other table, or drop the foreign key"
	case "23502":
		if strings.HasPrefix(e.TableName, stagingPrefix) {
			return "the field is part of the key, which every record must have: name other fields by --primary-key"
		}
		return "allow NULL in the column: ALTER TABLE … ALTER COLUMN … DROP NOT NULL"
	case "23P01":
		return "drop the exclusion constraint that the rows violate, or correct the records"
	case "23505":
		return "drop the unique constraint or index that the rows violate, or make it DEFERRABLE INITIALLY DEFERRED when they only trade places"
	case "23514":
		if strings.Contains(e.Message, "no partition") {
			return "make a partition for the row, or a DEFAULT partition"
		}
		return "drop the CHECK constraint that the rows violate, or correct the records"
	case "54000", "54001", "54011":
		return "the table has more, or wider, columns than PostgreSQL holds in a row: leave fields out"
	case protocolViolation:
		return mendPooler(e.Message)
	}
	return ""
}

// mendPooler is about what PgBouncer says.
func mendPooler(said string) string {
	switch {
	case strings.Contains(said, "startup parameter"):
		return "add the parameter to ignore_startup_parameters of PgBouncer, or leave it out of the address"
	case strings.Contains(said, "statement pooling"):
		return "rows are committed in transactions: let PgBouncer pool by transaction or session for this database, or give the address of the server itself"
	case strings.Contains(said, "query_wait_timeout"), strings.Contains(said, "no more connections allowed"):
		return "a run needs two sessions of PgBouncer's pool, and takes more where it may: raise default_pool_size, or bound the run with pool_max_conns=2 in the address"
	}
	return ""
}

// connectError says why there is no connection. The text of pgx is not shown:
// it may quote what it was given.
func connectError(c *pgx.ConnConfig, err error) error {
	where := net.JoinHostPort(c.Host, fmt.Sprint(c.Port))
	if strings.HasPrefix(c.Host, "/") {
		where = c.Host
	}
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	e := &destination.Error{Op: "connect to " + where}
	if server, ok := errors.AsType[*pgconn.PgError](err); ok {
		told := serverError(e.Op, server)
		switch server.Code {
		case invalidPassword, invalidAuthorization:
			told.Mend = fmt.Sprintf("check user %q and the password; special characters in it have to be percent-encoded in the address", c.User)
		case invalidCatalog:
			told.Mend = fmt.Sprintf("make it with CREATE DATABASE, or correct the name %q in the address", c.Database)
		case denied:
			told.Mend = fmt.Sprintf("let its owner GRANT CONNECT ON DATABASE %s TO %s", quote(c.Database), quote(c.User))
		case undefinedObject:
			told.Mend = "leave the parameter out of the address, or correct its name"
		}
		return told
	}
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		e.Err, e.Mend = errors.New("there is no such host"), "correct the host in the address"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT):
		e.Err, e.Mend = errors.New("no server is listening there"), "check host and port of the address, and that PostgreSQL runs"
	case errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err):
		e.Err, e.Mend = errors.New("the server does not answer"), "check host and port of the address, and that no firewall is in between; connect_timeout gives it more seconds"
	case strings.Contains(err.Error(), "refused TLS") && needsTLS(c):
		e.Err, e.Mend = errors.New("the server has no TLS, which sslmode asks for"), "check host and port of the address; sslmode=disable does without, over a network that you trust"
	case errors.Is(err, pgconn.ErrReadOnlyConnection), errors.Is(err, pgconn.ErrReadWriteConnection), errors.Is(err, pgconn.ErrPrimaryConnection), errors.Is(err, pgconn.ErrStandbyConnection):
		e.Err, e.Mend = errors.New("no server of the address is as its target_session_attrs asks"), "rows go to the primary: write target_session_attrs=read-write, and name all servers"
	case strings.Contains(err.Error(), "tls:"), strings.Contains(err.Error(), "x509:"):
		e.Err, e.Mend = errors.New("the certificate of the server is not trusted"), "name the certificate of its authority with sslrootcert, and the host as the certificate does"
	default:
		e.Err, e.Mend = errors.New("the server or what stands before it does not speak as PostgreSQL does"), "check host and port of the address"
	}
	return e
}

// needsTLS says whether no way to connect does without.
func needsTLS(c *pgx.ConnConfig) bool {
	return c.TLSConfig != nil && !slices.ContainsFunc(c.Fallbacks, func(f *pgconn.FallbackConfig) bool { return f.TLSConfig == nil })
}
