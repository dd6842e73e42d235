package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"sluice/destination"
)

// counted is what a commit has counted, for the steps that need it.
type counted struct {
	staged     int64
	keys, dead int64 // of the staged rows, at least so many; those marked deleted
	// pairs are those of rows of the table with a staged one, matched the staged
	// rows among them, differing the pairs whose values are not the same.
	pairs, matched, differing int64
	left                      int64 // staged rows that are still to be written
	erased                    bool  // keys of rows that are gone were staged
}

// has says whether there is a reason.
func (c *counted) has(n need) bool {
	switch n {
	case older:
		return c.keys < c.staged
	case dead:
		return c.dead > 0
	case doubles:
		return c.pairs > c.matched
	case differing:
		return c.differing > 0
	case missing:
		return c.left != c.matched
	case erased:
		return c.erased
	case always:
	}
	return true
}

// verify checks that every staged row is there (P2), and that the columns that
// keep another type, or need a value, can hold theirs (P1).
func (l *load) verify(ctx context.Context, conn *pgx.Conn) (c counted, err error) {
	if c, err = l.count(ctx, conn); err != nil {
		return c, err
	}
	c.left, c.erased = l.rows, slices.Contains(l.keyTables, goneSuffix)
	if c.staged != l.rows {
		return c, &destination.Error{
			Err:  fmt.Errorf("%d rows were staged, %d are there", l.rows, c.staged),
			Mend: "a crash of the server empties the staging tables: run again",
		}
	}
	if l.plan.way == create {
		return c, nil
	}
	for _, column := range l.plan.columns {
		// That a key is there was seen to when it was staged.
		if column.notNull && !slices.Contains(l.plan.key, column.name) {
			if err := l.findNull(ctx, conn, column); err != nil {
				return c, err
			}
		}
		if !column.exact() {
			if err := l.findMisfit(ctx, conn, column); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

// count counts the staged rows. Those of a part were committed together with
// their number, and both tables lose their rows together; so the rows are read
// only for what their passing by did not tell.
func (l *load) count(ctx context.Context, conn *pgx.Conn) (c counted, err error) {
	var told, dead int64
	for _, t := range l.tallies {
		told, dead = told+t.rows, dead+t.dead
	}
	if told < l.rows || l.plan.unique() && !distinct(l.tallies) {
		err = conn.QueryRow(ctx, countStaged(l.staging, &l.plan)).Scan(&c.staged, &c.keys, &c.dead)
		return c, err
	}
	err = conn.QueryRow(ctx, countParts(beside(l.staging, partsSuffix))).Scan(&c.staged)
	c.keys, c.dead = c.staged, dead
	return c, err
}

func (l *load) findNull(ctx context.Context, conn *pgx.Conn, c column) error {
	var key string
	err := conn.QueryRow(ctx, nulls(l.staging, c, l.plan.key)).Scan(&key)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return &destination.Error{
		Err:  fmt.Errorf("record %s of %s: field %s has no value, and column %s is NOT NULL", key, l.spec.Source, c.field, c.name),
		Mend: fmt.Sprintf("allow NULL in it: ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL", qualify(l.spec.Table), quote(c.name)),
	}
}

func (l *load) findMisfit(ctx context.Context, conn *pgx.Conn, c column) error {
	var key, value string
	err := within(ctx, conn, func() error {
		return conn.QueryRow(ctx, misfits(l.staging, c, l.plan.key)).Scan(&key, &value)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if isDataError(err) {
		key, value, err = l.search(ctx, conn, c)
	}
	if err != nil {
		return err
	}
	return &destination.Error{
		Err: fmt.Errorf("record %s of %s: field %s is %.100q, which column %s (%s) cannot hold",
			key, l.spec.Source, c.field, value, c.name, c.target),
		Mend: fmt.Sprintf("change the column's type to %s, or load into another table", c.kind),
	}
}

// within runs do and undoes its failure, so that the transaction goes on.
func within(ctx context.Context, conn *pgx.Conn, do func() error) error {
	if err := run(ctx, conn, "SAVEPOINT attempt"); err != nil {
		return err
	}
	err := do()
	if undo := run(ctx, conn, "ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt"); undo != nil {
		return errors.Join(err, undo)
	}
	return err
}

// search finds the first staged row whose value is none of its column's type:
// the block by halving, the row within it one by one.
func (l *load) search(ctx context.Context, conn *pgx.Conn, c column) (key, value string, err error) {
	var low, high int64 // the value is in a block of [low, high)
	if err := conn.QueryRow(ctx, lastBlock(l.staging)).Scan(&high); err != nil {
		return "", "", err
	}
	fails := func(from, to string) (bool, error) {
		var n int64
		err := within(ctx, conn, func() error { return conn.QueryRow(ctx, castable(l.staging, c), from, to).Scan(&n) })
		if isDataError(err) {
			return true, nil
		}
		return false, err
	}
	for high-low > 1 {
		middle := (low + high) / 2
		inLower, err := fails(tid(low, 0), tid(middle, 0))
		if err != nil {
			return "", "", err
		}
		if inLower {
			high = middle
		} else {
			low = middle
		}
	}
	for row := range int64(maxRowsOfBlock) {
		found, err := fails(tid(low, row), tid(low, row+1))
		if err != nil {
			return "", "", err
		}
		if found {
			err = conn.QueryRow(ctx, rowAt(l.staging, c, l.plan.key), tid(low, row)).Scan(&key, &value)
			return key, value, err
		}
	}
	return "", "", fmt.Errorf("column %s takes a value on its own, but not with others", c.name)
}

// maxRowsOfBlock is more than a block of 32 KiB, the largest, has room for.
const maxRowsOfBlock = 2048

func tid(block, row int64) string { return fmt.Sprintf("(%d,%d)", block, row) }
