package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	engine "github.com/duckdb/duckdb-go/v2"

	"sluice/destination"
)

// tableState is what the catalog says about the table a load goes to.
type tableState struct {
	exists  bool
	comment string
	columns []existing
	indexes []index
	// constraints lists PRIMARY KEY, UNIQUE, CHECK and FOREIGN KEY clauses.
	constraints []string
	// referrers lists the tables whose foreign keys point at this one, and
	// referenced the columns that they point at.
	referrers  []string
	referenced []string
	// parts are the tables of the schema that list what is staged. They are read
	// where the table is not there, too.
	parts []string
}

// existing is a column as it is before the load.
type existing struct {
	name, kind string
	notNull    bool
	// hasDefault is true of generated columns, too.
	hasDefault bool
	comment    string
}

// index is an index that was made by CREATE INDEX; those of constraints are
// not listed.
type index struct {
	name   string
	unique bool
	sql    string
}

// inspect reads what the catalog says about t, but for comments.
func inspect(ctx context.Context, q *sql.DB, db string, t destination.TableName) (found tableState, err error) {
	view, err := isView(ctx, q, db, t)
	if err != nil {
		return found, err
	}
	if view {
		return found, &destination.Error{
			Err:  fmt.Errorf("%s is a view", t),
			Mend: "rows go into a table: name another one, or drop the view",
		}
	}
	if found.columns, err = columns(ctx, q, db, t); err != nil {
		return found, err
	}
	args := []any{db, t.Schema, t.Table}
	if err := found.readConstraints(ctx, q, args, t.Schema); err != nil || found.columns == nil {
		return found, err
	}
	found.exists = true
	return found, each(ctx, q, selectIndexes, args, func(row *sql.Rows) error {
		var i index
		err := row.Scan(&i.name, &i.unique, &i.sql)
		found.indexes = append(found.indexes, i)
		return err
	})
}

// isView also knows the views that cannot be read any more, as what they show is
// gone: for those columns tells nothing, or an error.
func isView(ctx context.Context, q *sql.DB, db string, t destination.TableName) (bool, error) {
	var views int
	err := q.QueryRowContext(ctx, selectViews, db, t.Schema, t.Table).Scan(&views)
	return views > 0, err
}

// columns gives the columns of a table or view, nil when there is none.
func columns(ctx context.Context, q *sql.DB, db string, t destination.TableName) (list []existing, err error) {
	query, args := selectColumns, []any{qualify(db, t)}
	if strings.Contains(db+t.Schema+t.Table, `"`) {
		query, args = selectColumnsSlowly, []any{db, t.Schema, t.Table}
	}
	list, err = readColumns(ctx, q, query, args)
	if missing(err) {
		return nil, nil
	}
	return list, err
}

func readColumns(ctx context.Context, q *sql.DB, query string, args []any) (list []existing, err error) {
	err = each(ctx, q, query, args, func(row *sql.Rows) error {
		var c existing
		var nullable bool
		err := row.Scan(&c.name, &c.kind, &nullable, &c.hasDefault)
		c.notNull = !nullable
		list = append(list, c)
		return err
	})
	return list, err
}

// missing says whether a query has named something that is not there.
func missing(err error) bool {
	e, ok := errors.AsType[*engine.Error](err)
	return ok && e.Type == engine.ErrorTypeCatalog
}

func (t *tableState) readConstraints(ctx context.Context, q *sql.DB, args []any, schema string) error {
	return each(ctx, q, selectConstraints, append(args, stagingPrefix, partsSuffix), func(row *sql.Rows) error {
		var table, constraint string
		var refers bool
		var columns []any
		if err := row.Scan(&table, &constraint, &refers, &columns); err != nil {
			return err
		}
		if constraint != "" {
			t.constraints = append(t.constraints, constraint)
		}
		if refers {
			t.referrers = append(t.referrers, schema+"."+table)
			t.referenced = t.referenced[:0]
			for _, c := range columns {
				t.referenced = append(t.referenced, fmt.Sprint(c))
			}
		}
		if strings.HasPrefix(table, stagingPrefix) {
			t.parts = append(t.parts, table)
		}
		return nil
	})
}

// readComments reads the comments of the table and its columns, which a new one
// in its place is to have.
func (t *tableState) readComments(ctx context.Context, q *sql.DB, db string, name destination.TableName) error {
	return each(ctx, q, selectComments, []any{db, name.Schema, name.Table}, func(row *sql.Rows) error {
		var column, text string
		if err := row.Scan(&column, &text); err != nil {
			return err
		}
		if column == "" {
			t.comment = text
		}
		for i := range t.columns {
			if t.columns[i].name == column {
				t.columns[i].comment = text
			}
		}
		return nil
	})
}

// each runs a query and hands out its rows.
func each(ctx context.Context, q *sql.DB, query string, args []any, scan func(*sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
