package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"sluice/destination"
	"sluice/destination/postgres/pgtest"
	"sluice/source/salesforce/fakeorg"
)

// end is a database that tests load public.t of, and look into.
type end interface {
	address() string
	// digest stands for all rows and all states; it is "" when there is neither
	// the table nor a state.
	digest(t *testing.T) string
	// rows gives a table of schema public by id and column, as readTable does.
	rows(t *testing.T, table string) map[string]map[string]any
	// staged counts the tables that a load may leave.
	staged(t *testing.T) int
}

// ends makes one database of each kind.
var ends = map[string]func(t *testing.T) end{
	"duckdb":   func(t *testing.T) end { return duckFile(filepath.Join(t.TempDir(), "crm.db")) },
	"postgres": func(t *testing.T) end { return pgDatabase(pgtest.Database(t)) },
}

// exactly compares every value of every row with the org.
func exactly(t *testing.T, e end, org *fakeorg.Org, object string) {
	t.Helper()
	landed := e.rows(t, "t")
	fields := valueFields(org.Object(object))
	columns, _, err := destination.Naming{}.Columns(fields)
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for truth := range org.Rows(object) {
		rows++
		row := landed[truth.ID()]
		if row == nil {
			t.Fatalf("%s %s is missing", object, truth.ID())
		}
		for i, f := range fields {
			if want := truth.Value(f); !equal(row[columns[i]], want) {
				t.Fatalf("%s %s.%s: %#v, the org has %#v", object, truth.ID(), f, row[columns[i]], want)
			}
		}
	}
	if len(landed) != rows || rows == 0 {
		t.Fatalf("%s: %d rows, the org has %d", object, len(landed), rows)
	}
	if n := e.staged(t); n > 0 {
		t.Errorf("%d staging tables are left", n)
	}
}

// duckFile is a DuckDB file by its path.
type duckFile string

func (f duckFile) address() string { return "duckdb:///" + string(f) }

func (f duckFile) open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", string(f)+"?access_mode=read_only")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (f duckFile) digest(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat(string(f)); errors.Is(err, os.ErrNotExist) {
		return ""
	}
	db := f.open(t)
	defer db.Close()
	all := ""
	for table, query := range map[string]string{
		"public.t": "SELECT count(*) || ' rows ' || bit_xor(hash(x)) FROM public.t x", "_sluice.state": "SELECT string_agg(state, ';') FROM _sluice.state",
	} {
		schema, name, _ := strings.Cut(table, ".")
		var there int
		err := db.QueryRowContext(context.Background(), "SELECT count(*) FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?", schema, name).Scan(&there)
		if err != nil {
			t.Fatal(err)
		}
		if there == 0 {
			continue
		}
		var text sql.NullString
		if err := db.QueryRowContext(context.Background(), query).Scan(&text); err != nil {
			t.Fatal(err)
		}
		if text.String != "" {
			all = max(all+text.String, text.String+all) // whatever the order of the map
		}
	}
	return all
}

func (f duckFile) rows(t *testing.T, table string) map[string]map[string]any {
	t.Helper()
	db := f.open(t)
	defer db.Close()
	return readTable(t, db, table)
}

func (f duckFile) staged(t *testing.T) (n int) {
	t.Helper()
	db := f.open(t)
	defer db.Close()
	err := db.QueryRowContext(context.Background(), `SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE '\_sluice\_%' ESCAPE '\'`).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// pgDatabase is a database of PostgreSQL by its address.
type pgDatabase string

func (d pgDatabase) address() string { return string(d) }

func (d pgDatabase) digest(t *testing.T) string {
	t.Helper()
	rows, states := d.digests(t)
	return rows + states
}

// digests are those of the rows and of the states.
func (d pgDatabase) digests(t *testing.T) (rows, states string) {
	t.Helper()
	ask := func(table, query string) string {
		if there := pgtest.Query(t, string(d), "SELECT to_regclass('"+table+"') IS NOT NULL"); there[0] != "t" {
			return ""
		}
		return pgtest.Query(t, string(d), query)[0]
	}
	return ask("public.t", "SELECT count(*) || ' rows ' || coalesce(sum(hashtextextended(x::text, 0)::numeric), 0) FROM public.t x"),
		ask("_sluice.state", "SELECT string_agg(state, ';') FROM _sluice.state")
}

func (d pgDatabase) rows(t *testing.T, table string) map[string]map[string]any {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, string(d))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	result, err := conn.Query(ctx, "SELECT * FROM public."+pgx.Identifier{table}.Sanitize())
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	rows := map[string]map[string]any{}
	for n := 1; result.Next(); n++ {
		cells, err := result.Values()
		if err != nil {
			t.Fatal(err)
		}
		row := map[string]any{}
		for i, f := range result.FieldDescriptions() {
			if at, ok := cells[i].(pgtype.Time); ok && at.Valid {
				cells[i] = time.Time{}.Add(time.Duration(at.Microseconds) * time.Microsecond)
			}
			row[f.Name] = cells[i]
		}
		if rows[fmt.Sprint(row["id"])] = row; len(rows) != n {
			t.Fatalf("row %s came twice", row["id"])
		}
	}
	if err := result.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

func (d pgDatabase) staged(t *testing.T) int {
	t.Helper()
	var n int
	_, err := fmt.Sscan(pgtest.Query(t, string(d), `SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE '\_sluice\_%'`)[0], &n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
