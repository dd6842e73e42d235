package postgres

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/destination"
	"sluice/state"
)

// stateTable holds the states of all tables of the database. Its schema is out
// of the way of the user's tables.
var stateTable = destination.TableName{Schema: "_sluice", Table: "state"}

// statesThere says whether the database has states at all, and refuses it when
// we could not write them.
func statesThere(ctx context.Context, q querier) (there bool, err error) {
	var lacks string
	if err := q.QueryRow(ctx, hasStates, stateTable.Schema, stateTable.Table).Scan(&there, &lacks); err != nil {
		return false, err
	}
	if lacks != "" {
		mend := "let its owner GRANT " + lacks + " TO this role"
		if strings.HasSuffix(lacks, " ON SCHEMA "+stateTable.Schema) && there {
			mend += ", and SELECT, INSERT, UPDATE, DELETE ON TABLE " + stateTable.String()
		}
		return there, &destination.Error{Err: errors.New("this role may not keep its state in table " + stateTable.String()), Mend: mend}
	}
	return there, nil
}

// readState gives the encoded state of a key, "" when there is none, and whether
// the database has states at all.
func readState(ctx context.Context, q querier, k state.Key) (text string, there bool, err error) {
	if there, err = statesThere(ctx, q); there && err == nil {
		text, err = scanState(q.QueryRow(ctx, selectState, k.Org, k.Source, k.Dest))
	}
	return text, there, err
}

func scanState(row pgx.Row) (text string, err error) {
	if err = row.Scan(&text); errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return text, err
}

// makeStates makes the table of states where there is none.
func makeStates(ctx context.Context, conn *pgx.Conn) error {
	there, err := statesThere(ctx, conn)
	if err != nil || there {
		return err
	}
	if err := run(ctx, conn, lockSchemas); err != nil {
		return err
	}
	if there, err = statesThere(ctx, conn); err != nil || there { // somebody has made it meanwhile
		return err
	}
	return run(ctx, conn, createSchema(stateTable.Schema), createStates)
}

// lockSchemas keeps two runs from making one schema at once, which would meet.
var lockSchemas = lockName(lockKey("schemas", destination.TableName{}))

// swapState writes a state, unless another load has written it since it was
// seen.
func swapState(ctx context.Context, conn *pgx.Conn, k state.Key, seen, text string) error {
	now, err := scanState(conn.QueryRow(ctx, lockState, k.Org, k.Source, k.Dest))
	if err != nil {
		return err
	}
	if now == seen {
		statement := updateState
		if seen == "" {
			statement = insertState
		}
		tag, err := conn.Exec(ctx, statement, k.Org, k.Source, k.Dest, text, time.Now().UTC())
		if err != nil || tag.RowsAffected() == 1 {
			return err
		}
	}
	return &destination.Error{
		Err:  errors.New("another run has loaded the table meanwhile"),
		Mend: "nothing was written; run again, and let one run of a table end before the next begins",
		Busy: true,
	}
}

// states is the [state.Store] of a database.
type states struct {
	d *Destination
	// conn is that of a transaction which has the table of states locked; nil
	// outside Exclusive.
	conn *pgx.Conn
}

// States implements [destination.Destination].
func (d *Destination) States() state.Store { return states{d: d} }

// Get implements [state.Store].
func (s states) Get(ctx context.Context, k state.Key) (found state.State, err error) {
	err = s.read(ctx, func(conn *pgx.Conn) error {
		text, _, err := readState(ctx, conn, k)
		if err == nil && text != "" {
			found, err = state.Decode([]byte(text))
		}
		return err
	})
	return found, s.explain("read the state of "+k.String(), err)
}

// Put implements [state.Store].
func (s states) Put(ctx context.Context, k state.Key, st state.State) error {
	if s.conn == nil {
		return s.Exclusive(ctx, func(alone state.Store) error { return alone.Put(ctx, k, st) })
	}
	text, err := state.Encode(st)
	if err != nil {
		return err
	}
	if _, err = s.conn.Exec(ctx, deleteState, k.Org, k.Source, k.Dest); err == nil {
		_, err = s.conn.Exec(ctx, insertState, k.Org, k.Source, k.Dest, string(text), time.Now().UTC())
	}
	return s.explain("write the state of "+k.String(), err)
}

// Delete implements [state.Store].
func (s states) Delete(ctx context.Context, k state.Key) error {
	err := s.do(ctx, func(conn *pgx.Conn) error {
		if there, err := statesThere(ctx, conn); !there || err != nil {
			return err
		}
		_, err := conn.Exec(ctx, deleteState, k.Org, k.Source, k.Dest)
		return err
	})
	return s.explain("delete the state of "+k.String(), err)
}

// List implements [state.Store].
func (s states) List(ctx context.Context) (entries []state.Entry, err error) {
	err = s.read(ctx, func(conn *pgx.Conn) error {
		if there, err := statesThere(ctx, conn); !there || err != nil {
			return err
		}
		return each(ctx, conn, selectStates, nil, func(row pgx.Rows) error {
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
	})
	return entries, s.explain("list states", err)
}

// Exclusive implements [state.Store]: a transaction that keeps other writers
// away, and that ends with do.
func (s states) Exclusive(ctx context.Context, do func(state.Store) error) error {
	var failed error
	waiting := begin + "; " + lockTimeout(s.d.lockTime())
	// The lock of schemas is not kept: do may take it elsewhere.
	if err := s.d.apart(ctx, waiting, func(conn *pgx.Conn) error { return makeStates(ctx, conn) }); err != nil {
		return s.explain("make the table of states", err)
	}
	err := s.d.apart(ctx, waiting, func(conn *pgx.Conn) error {
		if err := run(ctx, conn, lockStates); err != nil {
			return err
		}
		failed = do(states{s.d, conn})
		return failed
	})
	if failed != nil {
		return failed
	}
	return s.explain("lock states", err)
}

// do runs f in the transaction that there is, or in one of its own.
func (s states) do(ctx context.Context, f func(*pgx.Conn) error) error {
	if s.conn != nil {
		return f(s.conn)
	}
	return s.d.inTransaction(ctx, f)
}

// read is do for what changes nothing.
func (s states) read(ctx context.Context, f func(*pgx.Conn) error) error {
	if s.conn != nil {
		return f(s.conn)
	}
	return s.d.reading(ctx, f)
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
