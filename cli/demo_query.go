package cli

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"unicode"

	_ "github.com/duckdb/duckdb-go/v2" // reads back what the demo has written

	"sluice/destination"
)

const dealsByStage = `SELECT stage_name, count(*) AS deals, format('{:,.0f}', median(amount)) AS median_amount
FROM public.opportunity GROUP BY stage_name ORDER BY deals DESC LIMIT 4`

const largestAccounts = `SELECT a.name, a.billing_city, count(c.id) AS contacts, u.name AS owner
FROM public.account a JOIN public.contact c ON c.account_id = a.id JOIN public."user" u ON u.id = a.owner_id
GROUP BY a.id, a.name, a.billing_city, u.name ORDER BY contacts DESC, a.id LIMIT 4`

// openDemo opens what the demo has written, to read only.
func openDemo() (*sql.DB, error) { return sql.Open("duckdb", demoFile+"?access_mode=read_only") }

// show prints each query and its rows.
func (s *story) show(ctx context.Context, queries ...string) error {
	db, err := openDemo()
	if err != nil {
		return readBack(err)
	}
	defer db.Close()
	for _, q := range queries {
		names, rows, err := readAll(ctx, db, q)
		if err != nil {
			return readBack(err)
		}
		s.say("\n%s;\n", q)
		if err := s.table(names, rows); err != nil {
			return err
		}
	}
	return nil
}

// namesOf gives the names of those accounts that the database has.
func namesOf(ctx context.Context, ids []string) (map[string]string, error) {
	db, err := openDemo()
	if err != nil {
		return nil, readBack(err)
	}
	defer db.Close()
	query := "SELECT id, name FROM public.account WHERE id IN ('" + strings.Join(ids, "', '") + "')"
	_, rows, err := readAll(ctx, db, query)
	if err != nil {
		return nil, readBack(err)
	}
	names := map[string]string{}
	for _, row := range rows {
		names[row[0]] = row[1]
	}
	return names, nil
}

func readBack(err error) error {
	return &destination.Error{Op: "read back " + demoFile, Err: err, Mend: "close what else has " + demoFile + " open"}
}

// readAll reads the rows of a query as text.
func readAll(ctx context.Context, db *sql.DB, query string) (names []string, rows [][]string, err error) {
	result, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, nil, err
	}
	defer result.Close()
	if names, err = result.Columns(); err != nil {
		return nil, nil, err
	}
	for result.Next() {
		cells, into := make([]any, len(names)), make([]any, len(names))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := result.Scan(into...); err != nil {
			return nil, nil, err
		}
		row := make([]string, len(names))
		for i, c := range cells {
			if c != nil {
				row[i] = fmt.Sprint(c)
			}
		}
		rows = append(rows, row)
	}
	return names, rows, result.Err()
}

// table prints rows under their names.
func (s *story) table(names []string, rows [][]string) error {
	all := [][]string{}
	for _, row := range append([][]string{names}, rows...) {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = cut(printable(c), 40)
		}
		cells[0] = "  " + cells[0]
		all = append(all, cells)
	}
	return printColumns(s.program.Stdout, all)
}

// printable keeps a terminal from obeying what stands in a field.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, s)
}
