package duckdb

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"sluice/destination"
)

// keptFor is how long staged rows wait for a run that goes on with them.
const keptFor = 24 * time.Hour

// Tables beside a staging table, by the end of their names: the keys of rows
// that are gone, those of all rows there are, and what is staged, for a run that
// goes on with it.
const (
	goneSuffix  = "_gone"
	keptSuffix  = "_kept"
	partsSuffix = "_parts"
)

// beside is a table that belongs to staging.
func beside(staging destination.TableName, suffix string) destination.TableName {
	return destination.TableName{Schema: staging.Schema, Table: staging.Table + suffix}
}

// leftover is what an earlier run has staged for a table, and not committed.
type leftover struct {
	staging destination.TableName
	shape   string
	begun   time.Time
	destination.Staged
}

// shape tells whether rows staged by one plan can be published by another: a
// hash of all that decides what the staging tables look like and hold.
func (p *plan) shape() string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s %d %q %q %q", p.spec.Mode, p.way, p.key, p.cursor, p.deleted)
	for _, c := range p.staged() {
		_, _ = fmt.Fprintf(h, " %q %q %q", c.field, c.name, c.target)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// leftovers gives what earlier runs have staged for the table of p under a token.
func (f *file) leftovers(ctx context.Context, db *sql.DB, p *plan) (list []leftover, err error) {
	t := p.spec.Table
	for _, name := range p.old.parts {
		parts := destination.TableName{Schema: t.Schema, Table: name}
		left := leftover{staging: destination.TableName{Schema: parts.Schema, Table: strings.TrimSuffix(parts.Table, partsSuffix)}}
		left.Rows = map[string]int64{}
		var of string
		err := each(ctx, db, selectParts(f.name, parts), nil, func(row *sql.Rows) error {
			var part sql.NullString
			var rows int64
			err := row.Scan(&of, &left.Token, &left.shape, &left.begun, &part, &rows)
			if part.Valid {
				left.Rows[part.String] = rows
			}
			return err
		})
		if missing(err) { // dropped by the load of another table meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		if strings.EqualFold(of, t.Table) {
			list = append(list, left)
		}
	}
	return list, nil
}

// usable picks the leftover that a load of p can go on with; nil when there is
// none.
func (f *file) usable(ctx context.Context, db *sql.DB, p *plan) (*leftover, error) {
	all, err := f.leftovers(ctx, db, p)
	if err != nil {
		return nil, err
	}
	var best *leftover
	for i, left := range all {
		if left.shape == p.shape() && len(left.Rows) > 0 && (best == nil || left.begun.After(best.begun)) {
			best = &all[i]
		}
	}
	if best == nil || p.cursor == "" {
		return best, nil
	}
	var newest sql.NullTime
	if err := db.QueryRowContext(ctx, selectNewest(f.name, best.staging, p.cursor)).Scan(&newest); err != nil {
		return nil, err
	}
	best.Newest = newest.Time.UTC()
	return best, nil
}

// takeOver makes the staging tables that the load writes to: those that an
// earlier run has left under the same token, or new ones. What else earlier
// runs have left for the table is dropped.
func (l *load) takeOver(ctx context.Context) error {
	db := l.d.file.name
	all, err := l.d.file.leftovers(ctx, l.db, &l.plan)
	if err != nil {
		return err
	}
	goesOn := false
	for _, left := range all {
		if l.resumed != nil && left.staging == l.resumed.staging && left.shape == l.plan.shape() && maps.Equal(left.Rows, l.resumed.Rows) {
			goesOn = true
			continue
		}
		if err := l.d.file.dropStaging(ctx, l.db, left.staging); err != nil {
			return err
		}
	}
	switch {
	case goesOn:
		l.staging = l.resumed.staging
		l.rows += sum(l.resumed.Rows)
		return run(ctx, l.db, append([]string{
			dropIfThere(db, beside(l.staging, goneSuffix)), dropIfThere(db, beside(l.staging, keptSuffix)),
		}, l.keyTables()...))
	case l.resumed != nil:
		return &destination.Error{
			Err:  errors.New("another run has changed the table, or what was staged for it, meanwhile"),
			Mend: "run again, and let one run of a table end before the next begins",
			Busy: true,
		}
	}
	return l.makeStaging(ctx)
}

// makeStaging makes the staging tables in one transaction, so that what a kill
// leaves is always told apart.
func (l *load) makeStaging(ctx context.Context) error {
	db := l.d.file.name
	statements := append([]string{createTable(db, l.staging, l.plan.staged())}, l.keyTables()...)
	parts := beside(l.staging, partsSuffix)
	if l.token != "" {
		statements = append(statements, createParts(db, parts))
	}
	return inTransaction(ctx, l.db, func(conn *sql.Conn) error {
		if err := run(ctx, conn, statements); err != nil || l.token == "" {
			return err
		}
		return l.note(ctx, conn, nil, 0)
	})
}

// keyTables gives the SQL that makes the tables of the keys that are gone and
// of those that are kept.
func (l *load) keyTables() []string {
	if len(l.plan.key) == 0 {
		return nil
	}
	var list []string
	for _, suffix := range []string{goneSuffix, keptSuffix} {
		list = append(list, createTable(l.d.file.name, beside(l.staging, suffix), l.plan.keyColumns()))
	}
	return list
}

// note writes down that a part was staged; a nil part is the load itself.
func (l *load) note(ctx context.Context, conn querier, part *string, rows int64) error {
	_, err := conn.ExecContext(ctx, insertPart(l.d.file.name, beside(l.staging, partsSuffix)),
		l.spec.Table.Table, l.token, l.plan.shape(), time.Now().UTC(), part, rows)
	return err
}

// run carries out statements up to the first that fails.
func run(ctx context.Context, q querier, statements []string) error {
	for _, s := range statements {
		if _, err := q.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// dropStaging drops a staging table and those beside it; the list of parts goes
// first, so that nobody goes on with what is left of them after a kill.
func (f *file) dropStaging(ctx context.Context, db querier, staging destination.TableName) error {
	return run(ctx, db, append(dropBeside(f.name, staging), dropIfThere(f.name, staging)))
}

func sum(rows map[string]int64) (n int64) {
	for _, r := range rows {
		n += r
	}
	return n
}
