package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sluice/destination"
)

// retry is the pause between two tries to open a file that is locked.
const retry = 100 * time.Millisecond

// stay says how long a file stays open after a load. To open it, and to move the
// log into it at the end, takes longer than a small table does; and another load
// that has begun may have its rows by now.
type stay struct {
	unused time.Duration // by any load
	inAll  time.Duration // since it was opened
	rows   int64         // bytes of rows that are not in the file yet, in memory
}

var usualStay = stay{unused: 100 * time.Millisecond, inAll: time.Second, rows: 24 << 20}

// file is the database file: closed while nobody writes, shared by the loads
// that do.
type file struct {
	path string // absolute; "" is a database in memory
	name string // what the database is called while it is attached
	opt  Options

	turn turn // guards what follows
	db   *sql.DB
	// idle is an engine without the file, nil if there is none. Its start and the
	// first look at its catalog take 20 ms each, for each table of a run.
	idle  *sql.DB
	pages *os.File // of the file that db writes, for its journal
	torn  error    // of a checkpoint of this opening, after which there is no other
	users int
	// opened is when db got the file; zero once it was attached anew. Lingering
	// closes it when no load comes; nil before the first has ended.
	stay      stay
	opened    time.Time
	lingering *time.Timer
	// fresh is true while the file holds nothing but what a load that has not
	// been committed staged, so that it goes away with it.
	fresh  bool
	memory int64
	// block is the size of the file's blocks in bytes, newBlock that of a new
	// file.
	block, newBlock int64
	writers         int
	desk            *desk
}

func newFile(path string, o Options) (*file, error) {
	f := &file{opt: o, turn: newTurn(), name: "memory_file", newBlock: blockBytes, stay: usualStay}
	if path == ":memory:" {
		return f, nil
	}
	var err error
	if f.path, err = canonical(path); err != nil {
		return nil, &destination.Error{Op: "open " + path, Err: err}
	}
	f.name = databaseName(f.path)
	return f, nil
}

// canonical is the one absolute path of a file, whatever links lead to it.
func canonical(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real, nil
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path)), nil
	}
	return path, nil
}

// databaseName is the name that DuckDB gives a file, so that views and
// defaults that were written with it go on working. A name that a schema has, too,
// would make "public.account" ambiguous.
func databaseName(path string) string {
	base := filepath.Base(path)
	name := strings.TrimSuffix(base, filepath.Ext(base))
	switch strings.ToLower(name) {
	case "", "memory", "temp", "system", "public", "main":
		return "sluice_file"
	}
	return name
}

// look hands the database to do, nil when there is no file. A file that no
// load has open is opened for reading and closed again.
func (f *file) look(ctx context.Context, do func(*sql.DB) error) error {
	if err := f.turn.take(ctx); err != nil {
		return err
	}
	defer f.turn.give()
	if f.db != nil {
		return do(f.db)
	}
	exists, err := f.exists()
	if err != nil {
		return err
	}
	if !exists {
		return do(nil)
	}
	db, err := f.open(ctx, f.path != "")
	if err != nil {
		return err
	}
	if f.path == "" { // closing it would lose it
		if err := f.use(ctx, db); err != nil {
			return err
		}
		return do(db)
	}
	err = do(db)
	f.shut(ctx, db, nil, err == nil)
	return err
}

// acquire opens the database for writing, or joins those who have. Each
// acquire is followed by one release.
func (f *file) acquire(ctx context.Context, columns int) (*sql.DB, error) {
	if err := f.turn.take(ctx); err != nil {
		return nil, err
	}
	defer f.turn.give()
	kept := f.db != nil && f.users == 0 && f.path != ""
	if f.db == nil {
		exists, err := f.exists()
		if err != nil {
			return nil, err
		}
		db, err := f.open(ctx, false)
		if err != nil {
			return nil, err
		}
		f.fresh = !exists
		err = f.use(ctx, db)
		if err == nil {
			err = f.clearOrphans(ctx)
		}
		if err != nil {
			f.leave(ctx)
			return nil, err
		}
	}
	if err := f.grow(ctx, columns, kept); err != nil {
		if f.users == 0 && f.path != "" {
			f.leave(ctx)
		}
		return nil, err
	}
	f.users++
	if f.lingering != nil {
		f.lingering.Stop()
	}
	return f.db, nil
}

// use takes an engine that has the file for the loads to come.
func (f *file) use(ctx context.Context, db *sql.DB) error {
	f.db, f.memory, f.torn, f.opened = db, 0, nil, time.Now()
	if err := db.QueryRowContext(ctx, selectBlockSize, f.name).Scan(&f.block); err != nil {
		return err
	}
	if f.block == 0 { // in memory
		f.block = plainBlock
	}
	f.writers = writersFor(f.block, f.opt.Memory)
	f.desk = newDesk(f.writers)
	return nil
}

// release ends one acquire. The last one closes the file, or has it closed soon
// if more loads are to come.
func (f *file) release(ctx context.Context, committed, more bool) {
	f.turn <- struct{}{}
	defer f.turn.give()
	f.users--
	f.fresh = f.fresh && !committed
	switch {
	case f.users > 0 || f.path == "":
	case committed && more && f.mayStay(ctx):
		f.lingering = time.AfterFunc(f.stay.unused, f.leaveUnused)
	default:
		f.leave(ctx)
	}
}

// mayStay says whether the file, which no load uses, may stay open for the next.
// That one has room for the rows that are in memory still, unless the user has set
// the limit: then they may take what a load does not need. Where they take more
// they are put into the file first.
func (f *file) mayStay(ctx context.Context) bool {
	if time.Since(f.opened) >= f.stay.inAll {
		return false
	}
	ctx = context.WithoutCancel(ctx)
	room := f.stay.rows
	if f.opt.Memory > 0 {
		room = min(room, f.opt.Memory-defaultMemory)
	}
	unsaved, err := f.unsaved(ctx)
	if err == nil && unsaved >= room {
		err = f.save(ctx)
	}
	return err == nil
}

// save moves the log into the file, which stays open. A file that was new has
// blocks to lose from then on, and needs a journal for the next time.
func (f *file) save(ctx context.Context) error {
	if err := f.checkpoint(ctx); err != nil {
		return err
	}
	if err := os.Remove(f.journal()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f.keepPages()
}

// keepPages opens the file for its journal, if it was not there before.
func (f *file) keepPages() (err error) {
	if f.pages == nil {
		f.pages, err = f.openPages()
	}
	return err
}

// leaveUnused closes the file unless a load has come.
func (f *file) leaveUnused() {
	f.turn <- struct{}{}
	defer f.turn.give()
	if f.users == 0 && f.db != nil {
		f.leave(context.Background())
	}
}

// unsaved is how many bytes of rows DuckDB has in memory that it has not put
// into the file.
func (f *file) unsaved(ctx context.Context) (bytes int64, err error) {
	err = f.db.QueryRowContext(ctx, selectUnsaved).Scan(&bytes)
	return bytes, err
}

// logBytes is the size of the file's log.
func (f *file) logBytes() int64 {
	info, err := os.Stat(f.path + ".wal")
	if err != nil {
		return 0
	}
	return info.Size()
}

func (f *file) close(ctx context.Context) error {
	f.turn <- struct{}{}
	defer f.turn.give()
	if f.users > 0 {
		return &destination.Error{Op: "close " + f.path, Err: fmt.Errorf("%d loads are under way", f.users)}
	}
	if f.db != nil {
		f.leave(ctx)
	}
	if f.idle != nil {
		f.end(f.idle)
		f.idle = nil
	}
	return nil
}

// leave closes the database. What was committed is safe by then, in the file
// or its log, so that an error of the last checkpoint costs nothing.
func (f *file) leave(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	var err error
	if f.path != "" {
		err = f.checkpoint(ctx)
	}
	f.shut(ctx, f.db, f.pages, err == nil)
	f.db, f.pages = nil, nil
	if f.path == "" {
		return
	}
	if err != nil {
		f.opt.Log.Warn("the last checkpoint is left to the next open", "error", err)
	} else if err := os.Remove(f.journal()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.opt.Log.Warn("journal stays", "path", f.journal(), "error", err)
	}
	if err := os.RemoveAll(f.spill()); err != nil {
		f.opt.Log.Warn("spill directory stays", "path", f.spill(), "error", err)
	}
	if f.fresh {
		_ = os.Remove(f.path)
		_ = os.Remove(f.path + ".wal")
	}
}

// checkpoint moves the log into the file, if there is one. What mends a file
// whose checkpoint failed is the journal of that one, which another try would
// write over.
func (f *file) checkpoint(ctx context.Context) error {
	if f.torn != nil {
		return f.torn
	}
	if f.logBytes() == 0 {
		return nil
	}
	if f.pages != nil {
		if err := f.saveBlocks(ctx, f.db, f.pages); err != nil {
			return err
		}
	}
	_, f.torn = f.db.ExecContext(ctx, "CHECKPOINT "+quote(f.name))
	return f.torn
}

// renew detaches the file and attaches it again, so that DuckDB forgets what it
// has of it in memory, unless another load is at work. No statement may be under
// way. Another process may take the file in between; it is waited for.
func (f *file) renew(ctx context.Context) error {
	if err := f.turn.take(ctx); err != nil {
		return err
	}
	defer f.turn.give()
	if f.users > 1 || f.path == "" {
		return nil
	}
	if err := f.checkpoint(ctx); err != nil {
		return err
	}
	f.opened = time.Time{}
	if _, err := f.db.ExecContext(ctx, "DETACH "+quote(f.name)); err != nil {
		return err
	}
	if err := os.Remove(f.journal()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := f.keepPages(); err != nil {
		return err
	}
	return f.patiently(ctx, func() error {
		_, err := f.db.ExecContext(ctx, attach(f.path, f.name, false, false, f.newBlock))
		return err
	})
}

// shut closes the file and then the descriptor beside it: the other way round
// the locks of the engine would go first. The engine stays for the next use if
// all went well.
func (f *file) shut(ctx context.Context, db *sql.DB, pages *os.File, well bool) {
	_, err := db.ExecContext(context.WithoutCancel(ctx), "DETACH "+quote(f.name))
	if err != nil {
		f.opt.Log.Debug("detach", "path", f.path, "error", err)
	}
	// DuckDB would go on with a spill directory that is removed.
	if _, spilled := os.Stat(f.spill()); well && err == nil && errors.Is(spilled, fs.ErrNotExist) {
		f.idle = db
	} else {
		f.end(db)
	}
	if pages != nil {
		_ = pages.Close()
	}
	inProcess.release(f.path)
}

// end closes an engine.
func (f *file) end(db *sql.DB) {
	if err := db.Close(); err != nil {
		f.opt.Log.Warn("close", "path", f.path, "error", err)
	}
}

// exists says whether the file is there, and refuses what can never be one.
// It opens nothing: closing any descriptor of a file drops the locks that the
// process holds on it.
func (f *file) exists() (bool, error) {
	if f.path == "" {
		return true, nil
	}
	info, err := os.Stat(f.path)
	switch {
	case err == nil && info.IsDir():
		return false, &destination.Error{
			Op: "open " + f.path, Err: errors.New("it is a directory"),
			Mend: "name a file in it: duckdb:///" + filepath.Join(f.path, "crm.db"),
		}
	case err == nil && !info.Mode().IsRegular():
		return false, &destination.Error{Op: "open " + f.path, Err: errors.New("it is not a regular file")}
	case err == nil:
		return true, nil
	case !errors.Is(err, fs.ErrNotExist):
		return false, &destination.Error{Op: "open " + f.path, Err: cause(err), Mend: "check the path and its permissions"}
	}
	dir := filepath.Dir(f.path)
	if _, err := os.Stat(dir); err != nil {
		return false, &destination.Error{Op: "open " + f.path, Err: fmt.Errorf("directory %s: %w", dir, cause(err)), Mend: "create the directory, or name another path"}
	}
	return false, nil
}

// cause is the system's own word for an error about a path.
func cause(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

// open opens the file, and waits while another process holds it.
func (f *file) open(ctx context.Context, readOnly bool) (db *sql.DB, err error) {
	err = f.patiently(ctx, func() (err error) {
		db, err = f.try(ctx, readOnly)
		return err
	})
	return db, err
}

// patiently tries again while another process holds the file.
func (f *file) patiently(ctx context.Context, try func() error) error {
	timeout := time.NewTimer(f.opt.LockTimeout)
	defer timeout.Stop()
	for said := false; ; said = true {
		err := try()
		if err == nil {
			return nil
		}
		holder, locked := lockHolder(err)
		if !locked {
			return openError(f.path, err)
		}
		if !said {
			f.opt.Log.Info("waiting for file", "path", f.path, "holder", holder, "at_most", f.opt.LockTimeout)
		}
		select {
		case <-ctx.Done():
			return &destination.Error{Op: "open " + f.path, Err: context.Cause(ctx)}
		case <-timeout.C:
			return lockedError(f.path, holder, f.opt.LockTimeout)
		case <-time.After(retry):
		}
	}
}

func (f *file) try(ctx context.Context, readOnly bool) (*sql.DB, error) {
	if err := inProcess.hold(f.path); err != nil {
		return nil, err
	}
	var pages *os.File
	err := f.mend()
	if err == nil && !readOnly {
		pages, err = f.openPages()
	}
	var db *sql.DB
	if err == nil {
		db, err = f.attach(ctx, readOnly)
	}
	if err != nil {
		if pages != nil {
			_ = pages.Close()
		}
		inProcess.release(f.path)
		return nil, err
	}
	if !readOnly {
		f.pages = pages
	}
	return db, nil
}
