//go:build unix

// Package pgtest runs tests against a PostgreSQL server of their own: a cluster
// in a temporary folder, one a test process, that listens on a unix socket in
// the same folder and is removed at the end, also when the process is killed.
package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// User is the superuser of the cluster, Password the one that it asks for.
const (
	User     = "ann"
	Password = "s3cr3t/pw+1"
)

var (
	start   = sync.OnceValues(newCluster)
	started atomic.Pointer[cluster]
)

// Main runs the tests of a package and removes the cluster that they may have
// started. It is to be called by TestMain.
func Main(m *testing.M) {
	defer Stop()
	m.Run()
}

// Stop removes the cluster, if there is one.
func Stop() {
	if c := started.Swap(nil); c != nil {
		c.remove()
	}
}

func the(t testing.TB) *cluster {
	t.Helper()
	c, err := start()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var databases atomic.Int64

// Database makes an empty database and returns its address. It is dropped when
// the test ends.
func Database(t testing.TB) string {
	t.Helper()
	address, drop, err := Create()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drop(); err != nil {
			t.Error(err)
		}
	})
	return address
}

// Create is Database for who has no [testing.TB].
func Create() (address string, drop func() error, err error) {
	c, err := start()
	if err != nil {
		return "", nil, err
	}
	name := fmt.Sprintf("t%d", databases.Add(1))
	drop = func() error { return c.run("DROP DATABASE " + name + " WITH (FORCE)") }
	return c.address(name), drop, c.run("CREATE DATABASE " + name + " TEMPLATE template0 ENCODING 'UTF8'")
}

// As is an address with another user and password.
func As(address, user, password string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	u.User = url.UserPassword(user, password)
	return u.String()
}

// Crash stops the server as a power cut would, and starts it again.
func Crash(t testing.TB) {
	t.Helper()
	c := the(t)
	if err := c.stop("immediate"); err != nil {
		t.Fatal(err)
	}
	if err := c.start(); err != nil {
		t.Fatal(err)
	}
}

// Program is the path of one of PostgreSQL's programs, psql say.
func Program(t testing.TB, name string) string {
	t.Helper()
	return the(t).program(name)
}

// Psql is the path of psql.
func Psql() (string, error) {
	c, err := start()
	if err != nil {
		return "", err
	}
	return c.program("psql"), nil
}

// Spent is the CPU time that sessions of the server took which have ended; 0
// where the system does not tell.
func Spent() time.Duration {
	c := started.Load()
	if c == nil {
		return 0
	}
	text, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
	if err != nil {
		return 0
	}
	time.Sleep(300 * time.Millisecond) // the last session is ending
	pid, _, _ := strings.Cut(string(text), "\n")
	stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	ticks := 0
	for _, field := range strings.Fields(rest)[13:15] { // cutime and cstime
		n, _ := strconv.Atoi(field)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// Query runs statements in a database and returns the rows of the last one that
// has any, values as text joined by "|".
func Query(t testing.TB, address, sql string) []string {
	t.Helper()
	rows, err := Ask(address, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return rows
}

// Ask is Query for who has no [testing.TB].
func Ask(address, sql string) (rows []string, err error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	for _, r := range results {
		if len(r.FieldDescriptions) > 0 {
			rows = nil
		}
		for _, row := range r.Rows {
			cells := make([]string, len(row))
			for i, cell := range row {
				cells[i] = string(cell)
			}
			rows = append(rows, strings.Join(cells, "|"))
		}
	}
	return rows, err
}
