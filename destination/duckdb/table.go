package duckdb

import (
	"context"
	"database/sql"
	"fmt"

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

// inspect reads what the catalog says about t.
func inspect(ctx context.Context, q *sql.DB, db string, t destination.TableName) (tableState, error) {
	var found tableState
	var relation, comment string
	args := []any{db, t.Schema, t.Table}
	err := q.QueryRowContext(ctx, selectRelation, args...).Scan(&relation, &comment)
	if err == sql.ErrNoRows {
		return found, nil
	}
	if err != nil {
		return found, err
	}
	if relation == "view" {
		return found, &destination.Error{
			Err:  fmt.Errorf("%s is a view", t),
			Mend: "rows go into a table: name another one, or drop the view",
		}
	}
	found.exists, found.comment = true, comment
	return found, found.read(ctx, q, args)
}

func (t *tableState) read(ctx context.Context, q *sql.DB, args []any) error {
	err := each(ctx, q, selectColumns, args, func(row *sql.Rows) error {
		var c existing
		var nullable bool
		err := row.Scan(&c.name, &c.kind, &nullable, &c.hasDefault, &c.comment)
		c.notNull = !nullable
		t.columns = append(t.columns, c)
		return err
	})
	if err != nil {
		return err
	}
	err = each(ctx, q, selectIndexes, args, func(row *sql.Rows) error {
		t.indexes = append(t.indexes, index{})
		i := &t.indexes[len(t.indexes)-1]
		return row.Scan(&i.name, &i.unique, &i.sql)
	})
	if err != nil {
		return err
	}
	err = each(ctx, q, selectConstraints, args, func(row *sql.Rows) error {
		t.constraints = append(t.constraints, "")
		return row.Scan(&t.constraints[len(t.constraints)-1])
	})
	if err != nil {
		return err
	}
	return each(ctx, q, selectReferrers, args, func(row *sql.Rows) error {
		var referrer string
		var columns []any
		err := row.Scan(&referrer, &columns)
		t.referrers = append(t.referrers, referrer)
		t.referenced = t.referenced[:0]
		for _, c := range columns {
			t.referenced = append(t.referenced, fmt.Sprint(c))
		}
		return err
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
