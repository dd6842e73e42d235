package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2" // the yardstick's own DuckDB
	"golang.org/x/sync/errgroup"
)

// atOnce is how many pages of Bulk sluice asks for at once.
const atOnce = 8

// fetch reads the cached pages of an org to nowhere: those of Bulk as sluice
// does, those of REST one after the other.
func fetch(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return errors.New("fetch ADDRESS API PAGES")
	}
	pages, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(map[string]int{"bulk": atOnce, "rest": 1}[args[1]])
	for i := range pages {
		g.Go(func() error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/cached/%s/%d", args[0], args[1], i), nil)
			if err != nil {
				return err
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				return errors.New(resp.Status)
			}
			_, err = io.Copy(io.Discard, resp.Body)
			return err
		})
	}
	return g.Wait()
}

// readCSV makes a table of the pages of Bulk in dir, with the types of the
// account table of model, in a new DuckDB file with DuckDB's own settings.
func readCSV(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return errors.New("read_csv MODEL DIR FILE")
	}
	model, dir, file := args[0], args[1], args[2]
	db, err := sql.Open("duckdb", file)
	if err != nil {
		return err
	}
	defer db.Close()
	columns, err := columnTypes(ctx, db, model, filepath.Join(dir, pageName("bulk", 0)))
	if err != nil {
		return err
	}
	pages := strings.Replace(pageName("bulk", 0), "0", "*", 1)
	if _, err = db.ExecContext(ctx, fmt.Sprintf("CREATE TABLE account AS SELECT * FROM read_csv('%s', header = true, quote = '\"', escape = '\"', columns = {%s})",
		filepath.Join(dir, pages), columns)); err != nil {
		return err
	}
	return db.Close()
}

// columnTypes names the columns after the header of a page, which is in the
// order of the table.
func columnTypes(ctx context.Context, db *sql.DB, model, page string) (string, error) {
	f, err := os.Open(page)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head := make([]byte, 64<<10)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", err
	}
	line, _, _ := strings.Cut(string(head[:n]), "\n")
	names := strings.Split(strings.TrimSpace(line), ",")
	for _, s := range []string{"ATTACH '" + model + "' AS model (READ_ONLY)", "SET TimeZone = 'UTC'"} {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return "", err
		}
	}
	rows, err := db.QueryContext(ctx, "SELECT data_type FROM duckdb_columns() WHERE database_name = 'model' AND table_name = 'account' ORDER BY column_index")
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var columns []string
	for rows.Next() {
		var typ string
		if err := rows.Scan(&typ); err != nil || len(columns) == len(names) {
			return "", errors.Join(err, errors.New("the table is wider than the page"))
		}
		columns = append(columns, "'"+strings.Trim(names[len(columns)], `"`)+"': '"+typ+"'")
	}
	if err := rows.Err(); err != nil {
		return "", err
	}
	if err := rows.Close(); err != nil {
		return "", err
	}
	_, err = db.ExecContext(ctx, "DETACH model")
	return strings.Join(columns, ", "), err
}
