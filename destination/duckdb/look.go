package duckdb

import (
	"context"
	"database/sql"
	"errors"

	"sluice/destination"
)

// Look implements [destination.Destination].
func (d *Destination) Look(ctx context.Context, t destination.TableName, fields []string, landed map[string]string) (destination.Table, error) {
	found := &table{file: d.file, name: t}
	var existing []destination.Column
	err := d.file.look(ctx, func(db *sql.DB) error {
		if db == nil {
			return nil
		}
		there, err := columns(ctx, db, d.file.name, t)
		for _, c := range there {
			existing = append(existing, destination.Column{Name: c.name, Type: c.kind})
		}
		if there != nil && err == nil {
			return nil
		}
		view, failed := isView(ctx, db, d.file.name, t)
		if view {
			return &destination.Error{Err: errors.New("what the view shows is gone"), Mend: "make the view anew, or name the table"}
		}
		return errors.Join(err, failed)
	})
	if err == nil && existing == nil {
		err = destination.NoTable(t)
	}
	if err == nil {
		found.columns, err = destination.Naming{Landed: landed}.Present(fields, existing)
	}
	if err != nil {
		return nil, explain("look at "+t.String(), err)
	}
	return found, nil
}

// table implements [destination.Table].
type table struct {
	file    *file
	name    destination.TableName
	columns []destination.Column
}

func (t *table) Columns() []destination.Column { return t.columns }

// Totals implements [destination.Table].
func (t *table) Totals(ctx context.Context, o destination.Outline) ([]destination.Total, error) {
	totals := o.Totals()
	err := t.query(ctx, selectTotals(t.file.name, t.name, o), func(row *sql.Rows) error { return o.Scan(row.Scan, totals) })
	return totals, err
}

// Rows implements [destination.Table].
func (t *table) Rows(ctx context.Context, s destination.Selection, emit func([]destination.Value) error) error {
	texts, values := make([]sql.NullString, len(s.Columns)), make([]destination.Value, len(s.Columns))
	into := make([]any, len(texts))
	for i := range texts {
		into[i] = &texts[i]
	}
	return t.query(ctx, selectTexts(t.file.name, t.name, s), func(row *sql.Rows) error {
		if err := row.Scan(into...); err != nil {
			return err
		}
		for i, text := range texts {
			values[i] = destination.Value{Text: text.String, Null: !text.Valid}
		}
		return emit(values)
	})
}

func (t *table) query(ctx context.Context, query string, scan func(*sql.Rows) error) error {
	err := t.file.look(ctx, func(db *sql.DB) error {
		if db == nil {
			return destination.NoTable(t.name)
		}
		return each(ctx, db, query, nil, scan)
	})
	if err != nil {
		return explain("read "+t.name.String(), err)
	}
	return nil
}
