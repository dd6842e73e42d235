//go:build unix

// Package pgtest runs tests against a PostgreSQL server of their own: a cluster
// in a temporary folder, one a test process, that listens on a unix socket in
// the same folder and is removed at the end, also when the process is killed.
package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

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
