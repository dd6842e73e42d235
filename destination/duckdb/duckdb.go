// Package duckdb writes tables into a DuckDB file.
//
// DuckDB gives a file to one process at a time, so the file is held only from
// the first rows of a load to its end, and for a moment after it if another load
// is to come. Rows go by Arrow into a staging table
// of the same file, and become the table's in one transaction.
package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"sluice/destination"
	"sluice/state"
	"sluice/uri"
)

// Options of a [Destination]. The zero value is ready to use.
type Options struct {
	// LockTimeout is how long to wait for a file that another process holds;
	// 0 refuses it at once.
	LockTimeout time.Duration
	// Memory is DuckDB's own limit in bytes; Go's buffers and the engine's
	// code come on top, some 200 MB. 0 means 80 MB, and more for a table of
	// more than 75 columns: DuckDB fills some blocks for each. What is more
	// than the writers need lets others write at the same time.
	Memory int64
	// Threads is how many threads DuckDB uses beside those of the writers; 0
	// means none.
	Threads int
	// Early starts the engine at once, in the background, instead of with the
	// first load: it takes 40 ms, during which a source can be asked.
	Early bool
	// Log is told of waits and of what was cleared away. It may be nil.
	Log *slog.Logger
}

// Destination is one DuckDB file. It implements [destination.Destination].
type Destination struct {
	file    *file
	log     *slog.Logger
	renewal int64 // see manyCells

	mu      sync.Mutex
	loading map[string]bool // tables, by folded name
}

// Open returns the destination at u. It opens no file: the first load does.
func Open(u uri.DuckDB, o Options) (*Destination, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	f, err := newFile(u.Path, o)
	if err != nil {
		return nil, err
	}
	if o.Early {
		f.warm()
	}
	return &Destination{file: f, log: o.Log, renewal: manyCells, loading: map[string]bool{}}, nil
}

// Close ends the use of the file. Loads that are under way must have ended.
func (d *Destination) Close() error { return d.file.close(context.Background()) }

// Begin implements [destination.Destination].
func (d *Destination) Begin(ctx context.Context, s destination.Spec) (destination.Load, error) {
	if err := d.claim(s.Table); err != nil {
		return nil, err
	}
	var p plan
	var left *leftover
	err := d.file.look(ctx, func(db *sql.DB) (err error) {
		if p, err = d.plan(ctx, db, s); err == nil && db != nil {
			left, err = d.file.usable(ctx, db, &p)
		}
		return err
	})
	if err != nil {
		d.disclaim(s.Table)
		return nil, explain("look at "+s.Table.String(), err)
	}
	if s.Observe != nil {
		for _, w := range p.warnings {
			s.Observe(w)
		}
	}
	l := &load{d: d, spec: s, found: p.found(), seen: p.seen, left: left, turn: newTurn(), quiet: make(chan struct{}, 1)}
	l.found.DDL = p.ddl(d.file.name)
	if left != nil {
		l.found.Staged = left.Staged
	}
	return l, nil
}

// plan inspects the table and decides. A nil db is a file that is not there.
func (d *Destination) plan(ctx context.Context, db *sql.DB, s destination.Spec) (plan, error) {
	var t tableState
	var seen string
	if db != nil {
		var err error
		if t, err = inspect(ctx, db, d.file.name, s.Table); err != nil {
			return plan{}, err
		}
		if s.State != (state.Key{}) {
			if seen, err = d.file.readState(ctx, db, s.State); err != nil {
				return plan{}, err
			}
		}
	}
	p, err := newPlan(s, t, seen)
	if err == nil && p.way == swap && t.exists {
		err = p.old.readComments(ctx, db, d.file.name, s.Table)
	}
	return p, err
}

// claim keeps two loads of one table apart: the later one would undo the
// other.
func (d *Destination) claim(t destination.TableName) error {
	if strings.HasPrefix(strings.ToLower(t.Table), stagingPrefix) {
		return &destination.Error{
			Err:   fmt.Errorf("table %s: names that begin with %s are for staging", t, stagingPrefix),
			Mend:  "name another table",
			Usage: true,
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	name := strings.ToLower(t.String())
	if d.loading[name] {
		return &destination.Error{
			Err:  errors.New("table " + t.String() + " is being loaded already"),
			Mend: "load each table once at a time, or give one of the two another name",
		}
	}
	d.loading[name] = true
	return nil
}

func (d *Destination) disclaim(t destination.TableName) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.loading, strings.ToLower(t.String()))
}

// others says whether a load has begun beside the one that asks.
func (d *Destination) others() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.loading) > 1
}
