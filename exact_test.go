package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sluice/cli"
	"sluice/destination"
	"sluice/source/salesforce/fakeorg"
	"sluice/transform"
)

// TestEveryValueArrives, whose loads come one after the other because urfave/cli
// shares its help flag among all programs of a process, loads nasty tables through the whole program, by each
// login and both APIs, and compares every cell of the database with what the
// org holds (P1, P2).
func TestEveryValueArrives(t *testing.T) {
	org := fakeorg.New(fakeorg.Config{
		Seed:  11,
		Nasty: 200,
		Rows:  map[string]int{"Account": 2500, "My__Community_Group__c": 300, "Wide__c": 120, "User": 40},
		Knobs: fakeorg.Knobs{BulkPageSize: 700},
	})
	signIn, stop := org.Start()
	t.Cleanup(stop)
	logins := map[string]string{
		"password": "salesforce://?username=" + url.QueryEscape(fakeorg.Username) + "&password=" + url.QueryEscape(fakeorg.Password) +
			"&token=" + fakeorg.SecurityToken + "&domain=" + signIn,
		"client credentials": "salesforce://?client_id=" + fakeorg.ClientID + "&client_secret=" + fakeorg.ClientSecret + "&domain=" + org.InstanceURL(),
		"access token":       "salesforce://?access_token=" + url.QueryEscape(org.AccessToken()) + "&domain=" + org.InstanceURL(),
	}
	for login, address := range logins {
		for _, tt := range exactTables {
			for _, api := range tt.apis {
				t.Run(fmt.Sprintf("%s by %s with %s", tt.object, api, login), func(t *testing.T) {
					file := filepath.Join(t.TempDir(), "crm.db")
					ingest(t, "--source-uri", address+"&api="+api, "--source-table", tt.table, "--dest-uri", "duckdb:///"+file, "--dest-table", "t", "--progress", "none")
					compare(t, org, tt.object, file)
				})
			}
		}
	}
}

var exactTables = []struct {
	table, object string
	apis          []string
}{
	{"account", "Account", []string{"rest", "bulk"}},
	{"custom:My__Community_Group__c", "My__Community_Group__c", []string{"rest", "bulk"}},
	{"user", "User", []string{"rest", "bulk"}},
	{"Wide__c", "Wide__c", []string{"rest", "bulk"}},
}

func ingest(t *testing.T, args ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := cli.Run(append([]string{"sluice", "ingest"}, args...), cli.Env{
		Stdout: &stdout, Stderr: &stderr, Tables: tables, Version: "test",
		Getenv: func(string) string { return "" },
	})
	if code != 0 {
		t.Fatalf("exit code %d: %s%s", code, stdout.String(), stderr.String())
	}
}

// compare reads the table back by the database's own driver.
func compare(t *testing.T, org *fakeorg.Org, object, file string) {
	t.Helper()
	if _, err := os.Stat(file); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("duckdb", file+"?access_mode=read_only")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	landed := readTable(t, db, "t")
	fields := valueFields(org.Object(object))
	columns, _, err := destination.Naming{}.Columns(fields)
	if err != nil {
		t.Fatal(err)
	}
	wrong, rows := 0, 0
	for truth := range org.Rows(object) {
		rows++
		row, ok := landed[truth.ID()]
		if !ok {
			t.Fatalf("row %s is missing", truth.ID())
		}
		for i, f := range fields {
			got, there := row[columns[i]]
			if want := truth.Value(f); !there || !equal(got, want) {
				if wrong++; wrong <= 5 {
					t.Errorf("%s %s.%s: got %#v (column there: %t), want %#v", truth.ID(), object, f, got, there, want)
				}
			}
		}
	}
	if len(landed) != rows || rows == 0 {
		t.Errorf("%d rows landed, the org has %d", len(landed), rows)
	}
	for _, row := range landed {
		if at, ok := row[transform.LoadedAt].(time.Time); !ok || time.Since(at) > time.Hour || time.Since(at) < 0 {
			t.Errorf("loaded at %v", row[transform.LoadedAt])
			return
		}
		if len(row) != len(fields)+1 {
			t.Errorf("%d columns, want %d", len(row), len(fields)+1)
		}
		break
	}
}

// valueFields are the fields that have a column: all but blobs and those whose
// parts are fields of their own.
func valueFields(o *fakeorg.Object) (names []string) {
	for _, f := range o.Fields {
		switch f.Type {
		case "address", "location", "base64":
		default:
			names = append(names, f.Name)
		}
	}
	return names
}

// readTable gives a table of the schema public by id and column.
func readTable(t *testing.T, db *sql.DB, name string) map[string]map[string]any {
	t.Helper()
	result, err := db.QueryContext(context.Background(), "FROM public."+name)
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	names, err := result.Columns()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]map[string]any{}
	for n := 1; result.Next(); n++ {
		cells, into := make([]any, len(names)), make([]any, len(names))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := result.Scan(into...); err != nil {
			t.Fatal(err)
		}
		row := map[string]any{}
		for i, name := range names {
			row[name] = cells[i]
		}
		if rows[row["id"].(string)] = row; len(rows) != n {
			t.Fatalf("row %s came twice", row["id"])
		}
	}
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// equal compares a value of the database with one of the org. Both give text,
// numbers and booleans as the same Go types.
func equal(got, want any) bool {
	at, isTime := got.(time.Time)
	switch want := want.(type) {
	case time.Time:
		return isTime && at.Equal(want)
	case fakeorg.Date:
		return isTime && at.UTC().Format("2006-01-02") == want.Format("2006-01-02")
	case time.Duration:
		return isTime && time.Duration(at.Hour())*time.Hour+time.Duration(at.Minute())*time.Minute+
			time.Duration(at.Second())*time.Second+time.Duration(at.Nanosecond()) == want
	default:
		return got == want
	}
}
