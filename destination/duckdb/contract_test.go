package duckdb

import (
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	engine "github.com/duckdb/duckdb-go/v2"

	"sluice/destination"
	"sluice/destination/desttest"
	"sluice/uri"
)

func TestContract(t *testing.T) {
	desttest.Run(t, func(t *testing.T) desttest.Subject {
		return subject(filepath.Join(t.TempDir(), "crm.db"))
	})
}

// TestContractWithBlocksOfOthers is for a file that DuckDB itself has made, into
// which one stage inserts at a time.
func TestContractWithBlocksOfOthers(t *testing.T) {
	desttest.Run(t, func(t *testing.T) desttest.Subject {
		s := subject(filepath.Join(t.TempDir(), "crm.db"))
		plain := s.Open
		s.Open = func(t *testing.T) destination.Destination {
			d := plain(t).(*Destination)
			d.file.newBlock = plainBlock
			return d
		}
		return s
	})
}

func TestWritersAreAsManyAsThereIsMemoryFor(t *testing.T) {
	for _, tt := range []struct {
		block, memory int64
		most          int
	}{
		{plainBlock, 0, 1},
		{plainBlock, 10 << 20, 1},
		{plainBlock, defaultMemory, 1},
		{plainBlock, defaultMemory + 64<<20, 2},
		{plainBlock, 6400 << 20, 99},
		{blockBytes, 0, 2},
		{blockBytes, defaultMemory, 2},
		{blockBytes, defaultMemory + 16<<20, 3},
	} {
		if got, want := writersFor(tt.block, tt.memory), min(tt.most, runtime.GOMAXPROCS(0)); got != want {
			t.Errorf("blocks of %d, %d MB: %d writers, want %d", tt.block, tt.memory>>20, got, want)
		}
	}
}

func TestContractInMemory(t *testing.T) {
	const gone = "a database in memory ends with its run"
	desttest.Run(t, func(t *testing.T) desttest.Subject {
		s := subject(":memory:")
		s.Skip = map[string]string{
			"a load that was left goes on":           gone,
			"a load that was left may lack nothing":  gone,
			"a load of another token starts over":    gone,
			"a load of another shape does not go on": gone,
		}
		return s
	})
}

func subject(path string) desttest.Subject {
	return desttest.Subject{
		Open: func(t *testing.T) destination.Destination { return open(t, path) },
		Rows: func(t *testing.T, d destination.Destination, table destination.TableName) ([]string, [][]any) {
			t.Helper()
			return query(t, d, "SELECT * FROM "+qualify(d.(*Destination).file.name, table)+" ORDER BY 1")
		},
		Exec: func(t *testing.T, d destination.Destination, text string) { t.Helper(); execute(t, d, text) },
		Tables: func(t *testing.T, d destination.Destination) []string {
			t.Helper()
			_, rows := query(t, d, "SELECT table_name FROM duckdb_tables() WHERE database_name <> 'memory'")
			var list []string
			for _, r := range rows {
				list = append(list, r[0].(string))
			}
			return list
		},
	}
}

func open(t testing.TB, path string) *Destination {
	t.Helper()
	d, err := Open(uri.DuckDB{Path: path}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, measured := t.(*testing.B); !measured {
		d.renewal = 1 // by each stage, as large loads do now and then
	}
	return d
}

// query reads through the destination's own engine where one is open: the file
// is given to one engine at a time.
func query(t testing.TB, dest destination.Destination, text string) (columns []string, rows [][]any) {
	t.Helper()
	d := dest.(*Destination)
	err := d.file.look(t.Context(), func(db *sql.DB) error {
		if db == nil {
			return nil
		}
		r, err := db.QueryContext(t.Context(), text)
		if err != nil {
			return err
		}
		defer r.Close()
		columns, err = r.Columns()
		for err == nil && r.Next() {
			types, _ := r.ColumnTypes()
			values := make([]any, len(columns))
			into := make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			err = r.Scan(into...)
			for i := range values {
				values[i] = plain(values[i], types[i].DatabaseTypeName())
			}
			rows = append(rows, values)
		}
		return errors.Join(err, r.Err())
	})
	if err != nil {
		t.Fatal(err)
	}
	return columns, rows
}

func plain(v any, kind string) any {
	switch v := v.(type) {
	case engine.Decimal:
		return decimalText(v)
	case time.Time:
		if kind == "TIME" {
			return v.Format("15:04:05.000000")
		}
		return v.UTC()
	default:
		return v
	}
}

// decimalText keeps the zeros at the end, which Decimal.String drops.
func decimalText(d engine.Decimal) string {
	digits := new(big.Int).Abs(d.Value).String()
	if pad := int(d.Scale) + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	at := len(digits) - int(d.Scale)
	text := digits[:at] + "." + digits[at:]
	if d.Value.Sign() < 0 {
		return "-" + text
	}
	return text
}

func execute(t testing.TB, dest destination.Destination, text string) {
	t.Helper()
	d := dest.(*Destination)
	db, err := d.file.acquire(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer d.file.release(t.Context(), true, false)
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, s := range []string{fmt.Sprintf("USE %s.main", quote(d.file.name)), text, "USE memory.main"} {
		if _, err := conn.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}
