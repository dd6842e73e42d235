package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"sluice/destination/postgres/pgtest"
)

// cmdPostgres is "postgres": it makes a database and sets the variables that
// scripts use.
//
//	$POSTGRES_URI                                    its address
//	$POSTGRES_WRONG_PASSWORD, $POSTGRES_NO_DATABASE  addresses that are wrong
func cmdPostgres(ts *testscript.TestScript, _ bool, _ []string) {
	address, drop, err := pgtest.Create()
	ts.Check(err)
	ts.Defer(func() { ts.Check(drop()) })
	u, err := url.Parse(address)
	ts.Check(err)
	u.Path = "/none"
	ts.Setenv("POSTGRES_URI", address)
	ts.Setenv("POSTGRES_WRONG_PASSWORD", pgtest.As(address, pgtest.User, wrongSecret))
	ts.Setenv("POSTGRES_NO_DATABASE", u.String())
}

// cmdPsql is "psql SQL": it prints the rows, values joined by "|".
func cmdPsql(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: psql SQL")
	}
	rows, err := pgtest.Ask(ts.Getenv("POSTGRES_URI"), args[0])
	ts.Check(err)
	_, err = fmt.Fprintln(ts.Stdout(), strings.Join(rows, "\n"))
	ts.Check(err)
}
