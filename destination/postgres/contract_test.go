package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"sluice/destination"
	"sluice/destination/desttest"
	"sluice/destination/postgres/pgtest"
	"sluice/uri"
)

func TestContract(t *testing.T) {
	desttest.Run(t, func(t *testing.T) desttest.Subject {
		address := pgtest.Database(t)
		return subject(address, address)
	})
}

// subject is a database to load by one address and to look into by another.
func subject(address, loadBy string) desttest.Subject {
	return desttest.Subject{
		Open: func(t *testing.T) destination.Destination { t.Helper(); return dial(t, loadBy, Options{}) },
		Rows: func(t *testing.T, _ destination.Destination, table destination.TableName) ([]string, [][]any) {
			t.Helper()
			return rows(t, address, table)
		},
		Exec: func(t *testing.T, _ destination.Destination, sql string) { t.Helper(); pgtest.Query(t, address, sql) },
		Tables: func(t *testing.T, _ destination.Destination) []string {
			t.Helper()
			return pgtest.Query(t, address, "SELECT tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")
		},
		NoNUL: true,
	}
}

func dial(t testing.TB, address string, o Options) *Destination {
	t.Helper()
	u, err := uri.ParsePostgres(address)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Open(u, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// rows reads a table; one that is not there has no columns.
func rows(t testing.TB, address string, table destination.TableName) (columns []string, list [][]any) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	r, err := conn.Query(ctx, "SELECT * FROM "+qualify(table)+" ORDER BY 1", pgx.QueryExecModeSimpleProtocol) // in texts, which show all digits of a number
	if err != nil {
		t.Fatal(err)
	}
	for r.Next() {
		values, err := r.Values()
		if err != nil {
			t.Fatal(err)
		}
		for i := range values {
			values[i] = plain(values[i], r.RawValues()[i])
		}
		list = append(list, values)
	}
	for _, f := range r.FieldDescriptions() {
		columns = append(columns, f.Name)
	}
	if sqlState(r.Err()) == undefinedTable {
		return nil, nil
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	return columns, list
}

func plain(v any, raw []byte) any {
	switch v := v.(type) {
	case pgtype.Numeric:
		return string(raw)
	case pgtype.Time:
		at := time.UnixMicro(v.Microseconds).UTC()
		return at.Format("15:04:05.000000")
	case time.Time:
		return v.UTC()
	case int32:
		return int64(v)
	default:
		return v
	}
}
