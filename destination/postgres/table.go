package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"sluice/destination"
)

// tableState is what the catalog says about the table a load goes to.
type tableState struct {
	exists      bool
	oid         int64
	owner       string
	owned       bool // by a role that we may act as
	partitioned bool
	columns     []existing
	// referrers lists the tables whose foreign keys point at this one, referred
	// those that its own point at.
	referrers []string
	referred  []destination.TableName
	// pinned tells what hangs on a column's type, by the column's name.
	pinned map[string][]string
	// mayCreate says whether we may make tables in the schema, or the schema
	// itself where there is none.
	hasSchema, mayCreate bool
}

// existing is a column as it is before the load.
type existing struct {
	name string
	// kind is the type, of a domain the one below it; declared is what the
	// column was declared as.
	kind, declared string
	enum           bool
	notNull        bool
	hasDefault     bool
	// generated says that the column takes no value of ours.
	generated, identity string
	collation           string
}

// filled says whether the column gets a value when none is given.
func (c existing) filled() bool { return c.hasDefault || c.generated != "" || c.identity != "" }

// inspect reads what the catalog says about t.
func inspect(ctx context.Context, q querier, t destination.TableName) (tableState, error) {
	var s tableState
	var r relation
	var b pgx.Batch
	b.Queue(selectSchema, t.Schema).QueryRow(func(row pgx.Row) error { return row.Scan(&s.hasSchema, &s.mayCreate) })
	queue(&b, selectRelation, []any{t.Schema, t.Table}, func(row pgx.Rows) error {
		s.exists = true
		return row.Scan(&s.oid, &r.kind, &r.rules, &r.children, &s.owner, &s.owned, &r.denied)
	})
	if err := q.SendBatch(ctx, &b).Close(); err != nil || !s.exists {
		return s, err
	}
	s.partitioned = r.kind == "p"
	if err := r.check(t); err != nil {
		return s, err
	}
	return s, s.read(ctx, q)
}

// relation is what a table must not be.
type relation struct {
	kind            string
	rules, children bool
	denied          string
}

func (r relation) check(t destination.TableName) error {
	refuse := func(what, mend string) error {
		return &destination.Error{Err: fmt.Errorf("%s %s", t, what), Mend: mend}
	}
	another := "rows go into a table: name another one, or drop this"
	switch r.kind {
	case "r", "p":
	case "v":
		return refuse("is a view", another)
	case "m":
		return refuse("is a materialized view", another)
	case "f":
		return refuse("is a foreign table", "load into the database that it is in")
	default:
		return refuse("is no table", another)
	}
	switch {
	case r.rules:
		return refuse("has rules, which change what a statement does", "use triggers instead, or load into another table")
	case r.children && r.kind == "r":
		return refuse("has tables that inherit from it", "load into a table without such children")
	case r.denied != "":
		return refuse("is not ours to write", fmt.Sprintf("let its owner GRANT %s ON %s TO this role", r.denied, qualify(t)))
	}
	return nil
}

// read asks for all that hangs on the table at once.
func (s *tableState) read(ctx context.Context, q querier) error {
	var b pgx.Batch
	queue(&b, selectColumns, []any{s.oid}, func(row pgx.Rows) error {
		var c existing
		err := row.Scan(&c.name, &c.kind, &c.declared, &c.enum, &c.notNull, &c.hasDefault, &c.generated, &c.identity, &c.collation)
		s.columns = append(s.columns, c)
		return err
	})
	queue(&b, selectReferrers, []any{s.oid}, func(row pgx.Rows) error {
		s.referrers = append(s.referrers, "")
		return row.Scan(&s.referrers[len(s.referrers)-1])
	})
	queue(&b, selectReferred, []any{s.oid}, func(row pgx.Rows) error {
		var t destination.TableName
		err := row.Scan(&t.Schema, &t.Table)
		s.referred = append(s.referred, t)
		return err
	})
	s.pinned = map[string][]string{}
	queue(&b, selectPinned, []any{s.oid}, func(row pgx.Rows) error {
		var column, what string
		err := row.Scan(&column, &what)
		s.pinned[column] = append(s.pinned[column], what)
		return err
	})
	return q.SendBatch(ctx, &b).Close()
}

// same says whether a table is as it was, as far as a load depends on it.
func (s tableState) same(o tableState) bool {
	return s.exists == o.exists && s.oid == o.oid && slices.Equal(s.columns, o.columns) &&
		strings.Join(s.referrers, ",") == strings.Join(o.referrers, ",")
}

// querier is a connection or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// each runs a query and hands out its rows.
func each(ctx context.Context, q querier, query string, args []any, scan func(pgx.Rows) error) error {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	return scanAll(rows, scan)
}

// queue adds a query to a batch, whose rows are handed out when that is closed.
func queue(b *pgx.Batch, query string, args []any, scan func(pgx.Rows) error) {
	b.Queue(query, args...).Query(func(rows pgx.Rows) error { return scanAll(rows, scan) })
}

func scanAll(rows pgx.Rows, scan func(pgx.Rows) error) error {
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
