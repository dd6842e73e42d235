package destination

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Table is a table to read. Between calls nothing is held open; each call sees
// the rows as they are then.
type Table interface {
	// Columns are those of the fields that have one, in the order of the fields.
	Columns() []Column
	// Totals adds up the rows in one pass: those before the first bound, and
	// those from each bound on. It returns one more than there are bounds.
	Totals(ctx context.Context, o Outline) ([]Total, error)
	// Rows calls emit with the values of each selected row, in any order. The
	// row is good until emit returns.
	Rows(ctx context.Context, s Selection, emit func(row []Value) error) error
}

// Outline says how rows are added up. All but Bounds are names of columns.
type Outline struct {
	// Clock is the time by which a row is before or after a bound; a row without
	// one is before all. It may be empty when there are no bounds.
	Clock string
	// Bounds are in ascending order.
	Bounds []time.Time
	// Cursor is the column of Total.Newest, Sums those of Total.Sums. Cursor may
	// be empty.
	Cursor string
	Sums   []string
	// Deleted, if not empty, leaves out the rows in which it is true.
	Deleted string
}

// Totals are those of no rows.
func (o Outline) Totals() []Total {
	totals := make([]Total, len(o.Bounds)+1)
	for i := range totals {
		totals[i].Sums, totals[i].Sizes = make([]float64, len(o.Sums)), make([]float64, len(o.Sums))
	}
	return totals
}

// Scan reads a row of the database into the total that it is of: how many bounds
// are before its rows, how many they are, the newest, and the sum and the size of
// each sum.
func (o Outline) Scan(scan func(...any) error, totals []Total) error {
	var period int
	var newest *time.Time
	total := (Outline{Sums: o.Sums}).Totals()[0]
	into := []any{&period, &total.Rows, &newest}
	for i := range o.Sums {
		into = append(into, &total.Sums[i], &total.Sizes[i])
	}
	if err := scan(into...); err != nil {
		return err
	}
	if newest != nil {
		total.Newest = newest.UTC()
	}
	totals[period] = total
	return nil
}

// Total is what some rows add up to.
type Total struct {
	Rows int64
	// Newest is the greatest Cursor, zero when there is none.
	Newest time.Time
	// Sums leave nulls out, and so do Sizes, which add up the values without
	// their signs: how exact a sum of doubles can be hangs on them.
	Sums, Sizes []float64
}

// Selection says which rows are read, and which of their columns.
type Selection struct {
	Columns []string
	// Clock is the column that Spans speak of. Rows in any of them are read; no
	// spans are no bounds.
	Clock string
	Spans []Span
	// Key, if not empty, leaves only the rows in which that column has one of
	// the texts Keys.
	Key  string
	Keys []string
}

// Condition writes s as a WHERE of SQL, "" when all rows are selected. Text and
// moment give a column in those types, literal a text.
func (s Selection) Condition(text, moment, literal func(string) string) string {
	var all []string
	if len(s.Spans) > 0 {
		spans := make([]string, len(s.Spans))
		for i, span := range s.Spans {
			spans[i] = span.condition(moment(s.Clock))
		}
		all = append(all, "("+strings.Join(spans, " OR ")+")")
	}
	if s.Key != "" {
		keys := make([]string, len(s.Keys))
		for i, k := range s.Keys {
			keys[i] = literal(k)
		}
		all = append(all, text(s.Key)+" IN ("+strings.Join(keys, ", ")+")")
	}
	if len(all) == 0 {
		return ""
	}
	return "\nWHERE " + strings.Join(all, " AND ")
}

func (s Span) condition(clock string) string {
	from, to := clock+" >= "+TimeLiteral(s.From), clock+" < "+TimeLiteral(s.To)
	switch {
	case s.From.IsZero() && s.To.IsZero():
		return "TRUE"
	case s.From.IsZero():
		return "(" + to + " OR " + clock + " IS NULL)"
	case s.To.IsZero():
		return from
	}
	return "(" + from + " AND " + to + ")"
}

// TimeLiteral is a moment in SQL.
func TimeLiteral(at time.Time) string {
	return "TIMESTAMPTZ '" + at.UTC().Format("2006-01-02 15:04:05.000000+00") + "'"
}

// Span is a time from From, inclusive, to To, exclusive. A zero time is no
// bound; rows without a time are in the spans without From.
type Span struct{ From, To time.Time }

// Value is one value as the database writes it in text; times are in UTC, and
// numbers have all their digits.
type Value struct {
	Text string
	Null bool
}

// Present leaves the columns of fields that a table has, which existing tells
// with their types. Names are those that n gives.
func (n Naming) Present(fields []string, existing []Column) ([]Column, error) {
	types := make(map[string]string, len(existing))
	for _, c := range existing {
		n.Existing = append(n.Existing, c.Name)
		types[c.Name] = c.Type
	}
	names, _, err := n.Columns(fields)
	if err != nil {
		return nil, err
	}
	var present []Column
	for i, f := range fields {
		if t, ok := types[names[i]]; ok {
			present = append(present, Column{Field: f, Name: names[i], Type: t})
		}
	}
	return present, nil
}

// NoTable is the error for a table that is not there.
func NoTable(t TableName) error {
	return &Error{
		Err:   fmt.Errorf("there is no table %s", t),
		Mend:  "load it by sluice ingest first, or name another one with --dest-table",
		Usage: true,
	}
}
