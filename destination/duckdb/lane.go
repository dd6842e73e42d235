package duckdb

import (
	"context"
	"database/sql"

	"sluice/destination"
)

// lane is a connection with what a stage takes batches to its table by: a view of
// the batch that is put into the feed, and an INSERT from it. One stage at a time
// uses it, and then the next one of the load. To make one takes 6 ms, and some
// memory for good: DuckDB asks a view over Arrow for its schema five times until
// it is inserted from, and releases none of them, 75 kB of 75 columns in all.
type lane struct {
	conn    *sql.Conn
	view    string
	feed    *feed
	release func()    // frees the stream that the view reads
	insert  *sql.Stmt // nil until a stage needs it, and again once the file was detached
	to      destination.TableName
}

func newLane(ctx context.Context, l *load, to *stageTarget, view string) (n *lane, err error) {
	n = &lane{view: view, to: to.table, feed: &feed{schema: plainSchema(to.schema)}}
	if n.conn, err = l.db.Conn(ctx); err != nil {
		return nil, err
	}
	err = n.conn.Raw(func(c any) (err error) {
		n.release, err = register(c, n.feed, view)
		return err
	})
	if err != nil {
		n.close(ctx)
		return nil, err
	}
	return n, nil
}

// prepare readies the lane for batches of to.
func (n *lane) prepare(ctx context.Context, db string, to *stageTarget) (err error) {
	if n.insert == nil {
		n.insert, err = n.conn.PrepareContext(ctx, insertView(db, to.table, to.columns, n.view))
	}
	return err
}

// detach lets go of the file.
func (n *lane) detach() {
	if n.insert != nil {
		_ = n.insert.Close()
		n.insert = nil
	}
}

// close gives back what the lane holds of DuckDB. The view goes before the stream
// that it reads, the stream before the connection.
func (n *lane) close(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	n.detach()
	if n.release != nil {
		_, _ = n.conn.ExecContext(ctx, dropView(n.view))
		n.release()
	}
	_ = n.conn.Close()
}

// lane gives a lane to the table: one that has been used before, or a new one.
func (l *load) lane(ctx context.Context, to *stageTarget, view string) (*lane, error) {
	if n := l.freeLane(to.table); n != nil {
		return n, nil
	}
	return newLane(ctx, l, to, view)
}

func (l *load) freeLane(to destination.TableName) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, n := range l.lanes {
		if n.to == to {
			l.lanes = append(l.lanes[:i], l.lanes[i+1:]...)
			return n
		}
	}
	return nil
}

// keepLane takes a lane back from a stage.
func (l *load) keepLane(n *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lanes = append(l.lanes, n)
}

// closeLanes closes the lanes that no stage uses.
func (l *load) closeLanes(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.lanes {
		n.close(ctx)
	}
	l.lanes = nil
}

// detachLanes has them let go of the file.
func (l *load) detachLanes() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.lanes {
		n.detach()
	}
}
