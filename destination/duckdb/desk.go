package duckdb

import (
	"context"
	"sync"
	"time"
)

// patience is how long a stage waits while nobody writes before it begins, too.
const patience = 20 * time.Millisecond

// desk lets as many stages hold rows in memory as there is room for. What a
// stage holds until a row group is full is most of the memory of a load, and
// three of them at once had DuckDB write and read it to and from its spill: half
// of the time of a load. A page that waits stays with the org meanwhile. But one
// stage that waits for its page does not stop others: whoever has rows while
// nobody writes comes in.
type desk struct {
	places turn // as many as insert at once
	rows   turn // taken for each insert

	mu      sync.Mutex // guards what follows
	writing int
	quiet   time.Time // since when nobody writes
}

func newDesk(writers int) *desk {
	return &desk{places: make(turn, writers), rows: make(turn, writers)}
}

// sit waits for a place, or for a moment in which nobody writes. The caller
// calls leave in the end.
func (d *desk) sit(ctx context.Context) (leave func(), err error) {
	for {
		select {
		case d.places <- struct{}{}:
			return d.places.give, nil
		case <-time.After(patience):
			if d.idle() {
				return func() {}, nil
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// idle says whether nobody has written for a while; only one of those who ask
// at the same time is told so.
func (d *desk) idle() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.writing > 0 || time.Since(d.quiet) < patience {
		return false
	}
	d.quiet = time.Now()
	return true
}

// write runs do once it is its turn.
func (d *desk) write(ctx context.Context, do func() error) error {
	if err := d.rows.take(ctx); err != nil {
		return err
	}
	defer d.rows.give()
	d.count(1)
	defer d.count(-1)
	return do()
}

func (d *desk) count(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writing += n
	d.quiet = time.Now()
}
