package cli

import (
	"context"
	"database/sql"
	"errors"
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

// show prints each query and its rows.
func (s *story) show(ctx context.Context, queries ...string) error {
	for _, q := range queries {
		names, rows, err := readBack(ctx, q)
		if err != nil {
			return err
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
	_, rows, err := readBack(ctx, "SELECT id, name FROM public.account WHERE id IN ('"+strings.Join(ids, "', '")+"')")
	names := map[string]string{}
	for _, row := range rows {
		names[row[0]] = row[1]
	}
	return names, err
}

// readBack asks the database that the demo has written, opened to read only.
func readBack(ctx context.Context, query string) (names []string, rows [][]string, err error) {
	db, err := sql.Open("duckdb", demoFile+"?access_mode=read_only")
	if err == nil {
		names, rows, err = readAll(ctx, db, query)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		err = &destination.Error{Op: "read back " + demoFile, Err: err, Mend: "close what else has " + demoFile + " open"}
	}
	return names, rows, err
}

// readAll reads the rows of a query as text.
func readAll(ctx context.Context, db *sql.DB, query string) (names []string, rows [][]string, err error) {
	result, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, result.Close()) }()
	if names, err = result.Columns(); err != nil {
		return nil, nil, err
	}
	for result.Next() {
		row, into := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range row {
			into[i] = &row[i]
		}
		if err := result.Scan(into...); err != nil {
			return nil, nil, err
		}
		cells := make([]string, len(names))
		for i, c := range row {
			cells[i] = c.String
		}
		rows = append(rows, cells)
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
