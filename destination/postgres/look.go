package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"sluice/destination"
)

// Look implements [destination.Destination]. It takes a role that may only read.
func (d *Destination) Look(ctx context.Context, t destination.TableName, fields []string, landed map[string]string) (destination.Table, error) {
	found := &table{d: d, name: t}
	var existing []destination.Column
	err := d.reading(ctx, func(conn *pgx.Conn) error {
		var s tableState
		var r relation
		err := conn.QueryRow(ctx, selectRelation, t.Schema, t.Table).Scan(&s.oid, &r.kind, &r.rules, &r.children, &s.owner, &s.owned, &r.denied)
		if errors.Is(err, pgx.ErrNoRows) {
			return destination.NoTable(t)
		}
		if err == nil {
			err = s.read(ctx, conn)
		}
		for _, c := range s.columns {
			existing = append(existing, destination.Column{Name: c.name, Type: c.declared})
		}
		return err
	})
	if err == nil {
		found.columns, err = destination.Naming{Landed: landed, MaxBytes: maxName, Reserved: systemColumns}.Present(fields, existing)
	}
	if err != nil {
		return nil, explainWithin(ctx, "look at "+t.String(), err)
	}
	return found, nil
}

// table implements [destination.Table].
type table struct {
	d       *Destination
	name    destination.TableName
	columns []destination.Column
}

func (t *table) Columns() []destination.Column { return t.columns }

// Totals implements [destination.Table].
func (t *table) Totals(ctx context.Context, o destination.Outline) ([]destination.Total, error) {
	totals := o.Totals()
	err := t.query(ctx, selectTotals(t.name, o), func(row pgx.Rows) error { return o.Scan(row.Scan, totals) })
	return totals, err
}

// Rows implements [destination.Table].
func (t *table) Rows(ctx context.Context, s destination.Selection, emit func([]destination.Value) error) error {
	values := make([]destination.Value, len(s.Columns))
	return t.query(ctx, selectTexts(t.name, s), func(row pgx.Rows) error {
		for i, raw := range row.RawValues() { // of text, which is the same in either format
			values[i] = destination.Value{Text: string(raw), Null: raw == nil}
		}
		return emit(values)
	})
}

func (t *table) query(ctx context.Context, query string, scan func(pgx.Rows) error) error {
	err := t.d.reading(ctx, func(conn *pgx.Conn) error { return each(ctx, conn, query, nil, scan) })
	if err != nil {
		return explainWithin(ctx, "read "+t.name.String(), err)
	}
	return nil
}
