package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"

	engine "github.com/duckdb/duckdb-go/v2"

	"sluice/destination"
)

const (
	// defaultMemory is enough for a load of plainColumns: by two writers into a
	// file of blockBytes, by one into one of DuckDB's own blocks.
	defaultMemory = 80 << 20
	plainColumns  = 75
	// blockBytes is the block of new files. DuckDB's own of 256 KiB has a row
	// group take three times the memory, as each column begins blocks of its own.
	// In alternation, 1,000,000 rows of 75 columns in 80 MB: blocks of 256 KiB
	// 12.9 s by one writer; of 128 KiB 12.0, of 64 KiB 13.5, and 8.3 by two; of
	// 32 KiB they are slower, as texts are compressed in small pieces.
	blockBytes = 64 << 10
	plainBlock = 256 << 10 // DuckDB's own
	// blocksOfWriter are what each further writer takes, blocksOfColumn what a
	// further column of each needs at the most: two blocks each of rows and of
	// validity, and one while they are compressed.
	blocksOfWriter = 256
	blocksOfColumn = 5
	// vectorRows is how many rows share the marks of deletion, which take
	// vectorMemory until the transaction ends: two numbers of eight bytes a
	// row. 10,000 rows all over a table of 5,000,000 need 80 MB.
	vectorRows   = 2048
	vectorMemory = 40 << 10
	// updateMemory is what a changed value takes until then.
	updateMemory = 64
	// rowGroup is the rows that DuckDB compresses and writes at a time. Its
	// own default of 122,880 holds 150 MB of a table of 75 columns in memory,
	// for each stage.
	rowGroup = 16384
)

// attach attaches the file to an engine in memory. Views over Arrow then live
// in the memory of the engine, never in the file; and a path may hold any
// character.
func (f *file) attach(ctx context.Context, readOnly bool) (*sql.DB, error) {
	db, err := f.start(ctx)
	if err != nil {
		return nil, err
	}
	path, spill, fresh := f.path, "", false
	if path == "" {
		path = ":memory:"
	} else if !readOnly {
		spill = f.spill()
		_, err := os.Stat(path)
		fresh = errors.Is(err, fs.ErrNotExist)
	}
	for _, s := range []string{tempDirectory(spill), attach(path, f.name, readOnly, fresh, f.newBlock)} {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}

// start gives the engine that the last use of the file has left, or a new one.
func (f *file) start(ctx context.Context) (*sql.DB, error) {
	if db := f.idle; db != nil {
		f.idle = nil
		return db, nil
	}
	connector, err := engine.NewConnector("", nil)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxIdleConns(1) // the engine lives as long as one connection
	for _, s := range settings(defaultMemory, f.opt.Threads) {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}

// warm starts an engine in the background, and has it make the parts of its
// catalog that the first look at a table asks for. Who takes the turn waits for it.
func (f *file) warm() {
	f.turn <- struct{}{}
	go func() {
		defer f.turn.give()
		db, err := f.start(context.Background())
		if err != nil {
			return // the first use meets it again
		}
		_, _ = inspect(context.Background(), db, "memory", destination.TableName{Schema: "main", Table: "none"})
		f.idle = db
	}()
}

// spill is where DuckDB puts what does not fit into memory: beside the file,
// never in a directory for temporary files.
func (f *file) spill() string { return f.path + ".sluice.tmp" }

func (f *file) limit(columns int) int64 {
	if f.opt.Memory > 0 {
		return f.opt.Memory
	}
	return defaultMemory + int64(max(0, columns-plainColumns))*blocksOfColumn*f.block*int64(f.writers)
}

// writersFor is how many stages insert at the same time into a file of such
// blocks.
func writersFor(block, memory int64) int {
	n := max(0, memory-defaultMemory)/(blocksOfWriter*block) + 1
	if block <= blockBytes {
		n++
	}
	return min(runtime.GOMAXPROCS(0), int(n))
}

// grow makes room for a table of so many columns, beside the rows of loads before
// it if the file was kept open.
func (f *file) grow(ctx context.Context, columns int, kept bool) error {
	want := f.limit(columns)
	if kept && f.opt.Memory == 0 {
		unsaved, err := f.unsaved(ctx)
		if err != nil {
			return err
		}
		want += unsaved
	}
	return f.atLeast(ctx, want)
}

// reserve makes room for so many bytes beside those of a table of so many
// columns, unless the user has set the limit.
func (f *file) reserve(ctx context.Context, columns int, bytes int64) error {
	if f.opt.Memory > 0 {
		return nil
	}
	if err := f.turn.take(ctx); err != nil {
		return err
	}
	defer f.turn.give()
	return f.atLeast(ctx, f.limit(columns)+bytes)
}

func (f *file) atLeast(ctx context.Context, want int64) error {
	if want <= f.memory {
		return nil
	}
	if _, err := f.db.ExecContext(ctx, memoryLimit(want)); err != nil {
		return err
	}
	f.memory = want
	return nil
}

// clearOrphans drops what a run that was killed left behind. The file is
// locked and no load of this process has begun, so all staging is orphaned; what
// a next run can go on with waits for it, but not for ever.
func (f *file) clearOrphans(ctx context.Context) error {
	if f.path != "" {
		if err := os.RemoveAll(f.spill()); err != nil {
			return &destination.Error{Op: "clear " + f.spill(), Err: cause(err)}
		}
	}
	tables := map[destination.TableName]bool{}
	err := each(ctx, f.db, selectStaging, []any{f.name, stagingPrefix}, func(row *sql.Rows) error {
		var t destination.TableName
		err := row.Scan(&t.Schema, &t.Table)
		tables[t] = true
		return err
	})
	if err != nil {
		return err
	}
	for t := range tables {
		staging := t
		for _, suffix := range []string{goneSuffix, keptSuffix, partsSuffix} {
			staging.Table = strings.TrimSuffix(staging.Table, suffix)
		}
		if waits, err := f.waits(ctx, staging, tables); err != nil || waits {
			if err != nil {
				return err
			}
			continue
		}
		if err := f.dropStaging(ctx, f.db, staging); err != nil {
			return err
		}
		f.opt.Log.Info("cleared staging of a run that was killed", "table", t.String())
	}
	return nil
}

// waits says whether a later run can go on with what is staged.
func (f *file) waits(ctx context.Context, staging destination.TableName, tables map[destination.TableName]bool) (bool, error) {
	parts := beside(staging, partsSuffix)
	if !tables[staging] || !tables[parts] {
		return false, nil
	}
	var begun sql.NullTime
	err := f.db.QueryRowContext(ctx, selectBegun(f.name, parts)).Scan(&begun)
	return begun.Valid && time.Since(begun.Time) < keptFor, err
}
