// Package postgres writes tables into a PostgreSQL database.
//
// Rows go by binary COPY into staging tables beside the table, and become its
// rows in one transaction. Readers of the table wait for nothing but a change of
// its columns.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"sluice/destination"
	"sluice/uri"
)

// Options of a [Destination]. The zero value is ready to use.
type Options struct {
	// LockTimeout is how long to wait for a table that another process loads or
	// locks; 0 refuses one that is being loaded at once.
	LockTimeout time.Duration
	// NulStrip removes NUL characters from texts, which PostgreSQL cannot hold;
	// they are refused otherwise.
	NulStrip bool
	// Log is told of waits and of what was cleared away. It may be nil.
	Log *slog.Logger
}

// Destination is one database. It implements [destination.Destination].
type Destination struct {
	server  *server
	options Options
	log     *slog.Logger

	mu      sync.Mutex // guards what follows
	loading map[destination.TableName]bool
	looked  time.Time // for orphans, the last time

	locking turn         // guards locks
	locks   *lockSession // nil while no table is loaded, or when it was lost
}

// Open returns the destination at u. It connects to nothing: the first load
// does.
func Open(u uri.Postgres, o Options) (*Destination, error) {
	return open(&server{address: func(context.Context) (uri.Postgres, error) { return u, nil }}, o), nil
}

func open(s *server, o Options) *Destination {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Destination{server: s, options: o, log: o.Log, loading: map[destination.TableName]bool{}, locking: newTurn()}
}

// Close ends the use of the database. Loads that are under way must have ended.
func (d *Destination) Close() error {
	d.server.mu.Lock()
	pool := d.server.pool
	d.server.mu.Unlock()
	if pool != nil {
		pool.hangUp(0)
	}
	return nil
}

// Begin implements [destination.Destination]. It takes the lock of the table,
// and waits for it as long as the options say.
func (d *Destination) Begin(ctx context.Context, s destination.Spec) (destination.Load, error) {
	if err := d.claim(s.Table); err != nil {
		return nil, err
	}
	l := &load{d: d, spec: s, turn: newTurn()}
	if err := l.open(ctx); err != nil {
		if l.lock != nil {
			d.release(ctx, l.lock)
		}
		d.disclaim(s.Table)
		return nil, explainWithin(ctx, "look at "+s.Table.String(), err)
	}
	for _, w := range l.plan.warnings {
		l.warn(w)
	}
	return l, nil
}

// claim keeps two loads of one table apart: the later one would undo the
// other.
func (d *Destination) claim(t destination.TableName) error {
	refuse := func(what, mend string) error {
		return &destination.Error{Err: fmt.Errorf("table %s: %s", t, what), Mend: mend, Usage: true}
	}
	switch {
	case strings.HasPrefix(t.Table, stagingPrefix):
		return refuse("names that begin with "+stagingPrefix+" are for staging", "name another table")
	case len(t.Table) > maxName || len(t.Schema) > maxName:
		return refuse(fmt.Sprintf("PostgreSQL cuts names off after %d bytes", maxName), "give a shorter name")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.loading[t] {
		return &destination.Error{
			Err:  errors.New("table " + t.String() + " is being loaded already"),
			Mend: "load each table once at a time, or give one of the two another name",
		}
	}
	d.loading[t] = true
	return nil
}

func (d *Destination) disclaim(t destination.TableName) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.loading, t)
}
