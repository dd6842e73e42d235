package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"sluice/destination"
	"sluice/state"
)

// stateTable holds the states of all tables of the file. Its schema is out of
// the way of the user's tables.
var stateTable = destination.TableName{Schema: "_sluice", Table: "state"}

// querier is a database or one connection of it.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// readState gives the encoded state of a key, "" when there is none.
func (f *file) readState(ctx context.Context, q querier, k state.Key) (text string, err error) {
	err = q.QueryRowContext(ctx, selectState(f.name), k.Org, k.Source, k.Dest).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) || missing(err) {
		return "", nil
	}
	return text, err
}

// writeState puts text in the place of the state of a key; "" removes it.
func (f *file) writeState(ctx context.Context, q querier, k state.Key, text string) error {
	if _, err := q.ExecContext(ctx, deleteState(f.name), k.Org, k.Source, k.Dest); err != nil || text == "" {
		return err
	}
	_, err := q.ExecContext(ctx, insertState(f.name), k.Org, k.Source, k.Dest, text, time.Now().UTC())
	return err
}

// makeStates makes the table of states.
func (f *file) makeStates(ctx context.Context, q querier) error {
	for _, s := range []string{createSchema(f.name, stateTable.Schema), createStates(f.name)} {
		if _, err := q.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// states is the [state.Store] of a file.
type states struct{ d *Destination }

// States implements [destination.Destination].
func (d *Destination) States() state.Store { return states{d} }

// Get implements [state.Store].
func (s states) Get(ctx context.Context, k state.Key) (found state.State, err error) {
	err = s.d.file.look(ctx, func(db *sql.DB) error {
		if db == nil {
			return nil
		}
		text, err := s.d.file.readState(ctx, db, k)
		if err == nil && text != "" {
			found, err = state.Decode([]byte(text))
		}
		return err
	})
	return found, s.explain("read the state of "+k.String(), err)
}

// Put implements [state.Store].
func (s states) Put(ctx context.Context, k state.Key, st state.State) error {
	text, err := state.Encode(st)
	if err != nil {
		return err
	}
	return s.write(ctx, "write the state of "+k.String(), k, string(text))
}

// Delete implements [state.Store].
func (s states) Delete(ctx context.Context, k state.Key) error {
	return s.write(ctx, "delete the state of "+k.String(), k, "")
}

// List implements [state.Store].
func (s states) List(ctx context.Context) (entries []state.Entry, err error) {
	err = s.d.file.look(ctx, func(db *sql.DB) error {
		if db == nil {
			return nil
		}
		err := each(ctx, db, selectStates(s.d.file.name), nil, func(row *sql.Rows) error {
			var e state.Entry
			var text string
			if err := row.Scan(&e.Org, &e.Source, &e.Dest, &text); err != nil {
				return err
			}
			var err error
			e.State, err = state.Decode([]byte(text))
			entries = append(entries, e)
			return err
		})
		if missing(err) { // nothing was loaded yet
			return nil
		}
		return err
	})
	return entries, s.explain("list states", err)
}

// Exclusive implements [state.Store]: the file is held, and it is given to one
// process at a time; within this one, loads take care of themselves.
func (s states) Exclusive(ctx context.Context, do func(state.Store) error) error {
	if _, err := s.d.file.acquire(ctx, 0); err != nil {
		return s.explain("lock states", err)
	}
	err := do(s)
	s.d.file.release(ctx, err == nil, false)
	return err
}

func (s states) write(ctx context.Context, op string, k state.Key, text string) error {
	f := s.d.file
	db, err := f.acquire(ctx, 0)
	if err != nil {
		return s.explain(op, err)
	}
	err = f.makeStates(ctx, db)
	if err == nil {
		err = inTransaction(ctx, db, func(conn *sql.Conn) error { return f.writeState(ctx, conn, k, text) })
	}
	f.release(ctx, err == nil, false)
	return s.explain(op, err)
}

// inTransaction runs do in a transaction on a connection of its own.
func inTransaction(ctx context.Context, db *sql.DB, do func(*sql.Conn) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err = conn.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	if err = do(conn); err != nil {
		rollback(ctx, conn)
		return err
	}
	return commit(ctx, conn)
}

func (s states) explain(op string, err error) error {
	if err == nil {
		return nil
	}
	if newer, ok := errors.AsType[*state.NewerError](err); ok {
		return &destination.Error{Op: op, Err: newer, Mend: newer.Hint()}
	}
	return explain(op, err)
}
