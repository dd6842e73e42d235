package duckdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/destination"
	"sluice/uri"
)

func TestFilesThatAreNoDatabaseAreRefused(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	must(t, os.WriteFile(text, []byte(strings.Repeat("hello\n", 5000)), 0o600))
	sqlite := filepath.Join(dir, "sqlite.db")
	must(t, os.WriteFile(sqlite, append([]byte("SQLite format 3\x00"), make([]byte, 20000)...), 0o600))
	for name, tt := range map[string]struct{ path, want string }{
		"text":         {text, "not a DuckDB database"},
		"sqlite":       {sqlite, "not a DuckDB database"},
		"directory":    {dir, "is a directory"},
		"no directory": {filepath.Join(dir, "none", "crm.db"), "none: no such file or directory"},
		"under a file": {filepath.Join(text, "crm.db"), "not a directory"},
		"device":       {"/dev/null", "not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, tt.path)
			defer d.Close()
			err := loadGeneration(t.Context(), d, 1)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			if e, ok := errors.AsType[*destination.Error](err); !ok || !strings.Contains(e.Error(), filepath.Base(tt.path)) {
				t.Errorf("the file is not named: %v", err)
			}
		})
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("files left: %v", entries)
	}
}

func TestPathMayHoldAnyCharacter(t *testing.T) {
	for _, name := range []string{"it's ?x=1&y.db", "100%zz.db", "a b#c.db", "memory.db", "temp.db", `quo"te.db`, "😀", "a.b.c"} {
		path := filepath.Join(t.TempDir(), name)
		d := open(t, path)
		if err := loadGeneration(t.Context(), d, 1); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
		must(t, d.Close())
	}
}

func TestLoadLeavesTheFileAlone(t *testing.T) {
	dir := t.TempDir()
	d := open(t, filepath.Join(dir, "crm.db"))
	must(t, loadGeneration(t.Context(), d, 1))
	must(t, d.Close())
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("files left: %v %v", entries, err)
	}
}

func TestAbortedFirstLoadLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	d := open(t, filepath.Join(dir, "crm.db"))
	defer d.Close()
	l, err := d.Begin(t.Context(), destination.Spec{
		Table: destination.TableName{Schema: "public", Table: "a"}, Schema: generation, Mode: destination.Replace,
	})
	must(t, err)
	s, err := l.Stage(t.Context(), "part")
	must(t, err)
	must(t, s.Abort(t.Context()))
	must(t, l.Abort(t.Context()))
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("files left: %v", entries)
	}
}

// TestAReplaceAttachesItsFileAnew lets a stage begin while another is open, after
// a third that was large.
func TestAReplaceAttachesItsFileAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crm.db")
	d := open(t, path)
	defer d.Close()
	l, err := d.Begin(t.Context(), destination.Spec{
		Table: destination.TableName{Schema: "public", Table: "account"}, Source: "Account",
		Schema: generation, Key: []string{"Id"}, Mode: destination.Replace, Run: "run",
	})
	must(t, err)
	stage := func(from int64) destination.Stage {
		s, err := l.Stage(t.Context(), fmt.Sprint("part", from))
		must(t, err)
		b := generationBatch(1, from, 100)
		defer b.Release()
		must(t, s.Write(t.Context(), b))
		return s
	}
	logged := func() int64 {
		info, err := os.Stat(path + ".wal")
		if err != nil {
			return 0
		}
		return info.Size()
	}
	first, second := stage(0), stage(100)
	must(t, first.Close(t.Context()))
	if logged() == 0 {
		t.Fatal("the first stage is not in the log")
	}
	time.AfterFunc(50*time.Millisecond, func() { _ = second.Close(t.Context()) })
	third := stage(200)
	if size := logged(); size != 0 {
		t.Errorf("the log has %d bytes while the third stage is open", size)
	}
	must(t, third.Close(t.Context()))
	r, err := l.Commit(t.Context(), nil)
	must(t, err)
	if _, rows := query(t, d, "SELECT count(*), count(DISTINCT id) FROM crm.public.account"); r.Written != 300 || fmt.Sprint(rows) != "[[300 300]]" {
		t.Errorf("%d rows are written, and rows and keys in the table are %v", r.Written, rows)
	}
}

// TestATableThatChangesWhileItsFileIsAttachedAnewIsLeftAlone changes the table
// where another process could.
func TestATableThatChangesWhileItsFileIsAttachedAnewIsLeftAlone(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "crm.db"))
	defer d.Close()
	must(t, loadGeneration(t.Context(), d, 1))
	l, err := d.Begin(t.Context(), destination.Spec{
		Table: destination.TableName{Schema: "public", Table: "account"}, Source: "Account",
		Schema: generation, Key: []string{"Id"}, Mode: destination.Replace, Run: "run",
	})
	must(t, err)
	s, err := l.Stage(t.Context(), "part")
	must(t, err)
	b := generationBatch(2, 0, 100)
	defer b.Release()
	must(t, errors.Join(s.Write(t.Context(), b), s.Close(t.Context())))
	_, err = d.file.db.ExecContext(t.Context(), "ALTER TABLE crm.public.account ADD COLUMN mine INTEGER DEFAULT 7")
	must(t, err)
	if _, err = l.Stage(t.Context(), "next"); err == nil || !strings.Contains(err.Error(), "another process has changed the table") {
		t.Errorf("got %v", err)
	}
	must(t, l.Abort(t.Context()))
	if _, rows := query(t, d, "SELECT count(*), min(mine) FROM crm.public.account"); fmt.Sprint(rows) != fmt.Sprintf("[[%d 7]]", generationRows) {
		t.Errorf("the table holds %v", rows)
	}
}

func TestSpillOfAKilledRunIsCleared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crm.db")
	d := open(t, path)
	defer d.Close()
	must(t, os.MkdirAll(d.file.spill(), 0o700))
	must(t, os.WriteFile(filepath.Join(d.file.spill(), "duckdb_temp_storage_DEFAULT-0.tmp"), []byte("data"), 0o600))
	must(t, loadGeneration(t.Context(), d, 1))
	if _, err := os.Stat(d.file.spill()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the spill directory is left: %v", err)
	}
}

// holdElsewhere keeps the file open in another process until the func that it
// returns is called.
func holdElsewhere(t testing.TB, path string) (pid int, release func()) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), hold+"="+path)
	out, err := c.StdoutPipe()
	must(t, err)
	in, err := c.StdinPipe()
	must(t, err)
	must(t, c.Start())
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(func() { _ = in.Close(); _ = c.Wait() })
	t.Cleanup(release)
	return c.Process.Pid, release
}

// hold is the environment variable that makes this binary keep a file open
// until its standard input ends.
const hold = "SLUICE_TEST_HOLD"

func holdFile(path string) error {
	d, err := Open(uri.DuckDB{Path: path}, Options{})
	if err != nil {
		return err
	}
	if _, err := d.file.acquire(context.Background(), 1); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(os.Stdout, "held")
	_, _ = os.Stdin.Read(make([]byte, 1))
	d.file.release(context.Background(), true, false)
	return nil
}

func TestFileOfAnotherProcessIsRefusedByName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crm.db")
	pid, _ := holdElsewhere(t, path)
	d := open(t, path)
	defer d.Close()
	err := loadGeneration(t.Context(), d, 1)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("pid %d", pid)) || !strings.Contains(err.Error(), filepath.Base(os.Args[0])) {
		t.Errorf("got %v, want the holder's name and pid %d", err, pid)
	}
}

func TestFileOfAnotherProcessIsWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crm.db")
	_, release := holdElsewhere(t, path)
	d, err := Open(uri.DuckDB{Path: path}, Options{LockTimeout: time.Minute})
	must(t, err)
	defer d.Close()
	time.AfterFunc(2*retry, release)
	if err := loadGeneration(t.Context(), d, 1); err != nil {
		t.Error(err)
	}
}

func TestWaitForAFileEndsOnCancel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crm.db")
	holdElsewhere(t, path)
	d, err := Open(uri.DuckDB{Path: path}, Options{LockTimeout: time.Hour})
	must(t, err)
	defer d.Close()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(2*retry, cancel)
	if err := loadGeneration(ctx, d, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want a cancelled context", err)
	}
}

func TestSecondDestinationOfThisProcessIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crm.db")
	first, second := open(t, path), open(t, path)
	defer second.Close()
	defer first.Close()
	_, err := first.file.acquire(t.Context(), 1)
	must(t, err)
	if err := loadGeneration(t.Context(), second, 1); err == nil || !strings.Contains(err.Error(), "this process") {
		t.Errorf("got %v", err)
	}
	first.file.release(t.Context(), true, false)
	must(t, loadGeneration(t.Context(), second, 1))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// An engine that has spilled would go on with its directory, which is removed.
func TestTheEngineStaysForTheNextTableUnlessItSpilled(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "crm.db"))
	mustLoad(t, d, account, destination.Replace, wideBatch(3, 10))
	kept := d.file.idle
	if kept == nil {
		t.Error("no engine was kept after a load")
	}
	if held := descriptors(d.file.path); held > 0 {
		t.Errorf("the engine that was kept has the file open %d times", held)
	}
	l, err := d.Begin(t.Context(), spec(account, wideBatch(3, 1).Schema(), destination.Replace))
	must(t, err)
	s, err := l.Stage(t.Context(), "part")
	must(t, err)
	if d.file.db != kept {
		t.Error("a second load did not use the engine of the first")
	}
	if descriptors(d.file.path) == 0 && runtime.GOOS == "linux" {
		t.Error("a load does not have the file open")
	}
	must(t, s.Close(t.Context()))
	must(t, os.Mkdir(d.file.spill(), 0o700))
	_, err = l.Commit(t.Context(), nil)
	must(t, err)
	if d.file.idle != nil {
		t.Error("an engine with a spill directory was kept")
	}
	mustLoad(t, d, account, destination.Replace, wideBatch(3, 10))
	must(t, d.Close())
	if d.file.idle != nil {
		t.Error("an engine outlived its destination")
	}
}

// opening tells one opening of a file from the next; zero is a file that is
// closed.
func (f *file) opening() time.Time {
	f.turn <- struct{}{}
	defer f.turn.give()
	if f.db == nil {
		return time.Time{}
	}
	return f.opened
}

// A run of many small tables opens its file once for some of them, not for each.
func TestTheFileStaysOpenForALoadThatHasBegun(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("which files are open is not told here")
	}
	contact := destination.TableName{Schema: "public", Table: "contact"}
	long := stay{unused: time.Hour, inAll: time.Hour, rows: 1 << 30}
	begin := func(t *testing.T, s stay) (*Destination, destination.Load) {
		d := open(t, filepath.Join(t.TempDir(), "crm.db"))
		t.Cleanup(func() { must(t, d.Close()) })
		d.file.stay = s
		next, err := d.Begin(t.Context(), spec(contact, wideBatch(3, 1).Schema(), destination.Replace))
		must(t, err)
		mustLoad(t, d, account, destination.Replace, wideBatch(3, 10))
		if s == long && d.file.opening().IsZero() {
			t.Error("the file was closed although a load had begun")
		}
		return d, next
	}
	end := func(t *testing.T, d *Destination, next destination.Load) {
		s, err := next.Stage(t.Context(), "part")
		must(t, err)
		b := wideBatch(3, 10)
		defer b.Release()
		must(t, errors.Join(s.Write(t.Context(), b), s.Close(t.Context())))
		_, err = next.Commit(t.Context(), nil)
		must(t, err)
		if n := descriptors(d.file.path); n > 0 {
			t.Errorf("the file is open %d times after the last load", n)
		}
		if _, err := os.Stat(d.file.path + ".wal"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the log is left: %v", err)
		}
		for _, table := range []string{"account", "contact"} {
			if _, rows := query(t, d, "SELECT count(*) FROM crm.public."+table); fmt.Sprint(rows) != "[[10]]" {
				t.Errorf("%s holds %v rows", table, rows)
			}
		}
	}
	t.Run("it comes", func(t *testing.T) {
		d, next := begin(t, long)
		opened := d.file.opening()
		s, err := next.Stage(t.Context(), "first")
		must(t, errors.Join(err, s.Abort(t.Context())))
		if d.file.opening() != opened {
			t.Error("the file was opened anew")
		}
		end(t, d, next)
	})
	t.Run("it does not come", func(t *testing.T) {
		d, next := begin(t, stay{unused: time.Millisecond, inAll: time.Hour, rows: 1 << 30})
		for deadline := time.Now().Add(time.Minute); !d.file.opening().IsZero(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the file stays open")
			}
		}
		end(t, d, next)
	})
	t.Run("it comes as the file is closed", func(t *testing.T) {
		for range 20 {
			d, next := begin(t, stay{unused: time.Millisecond, inAll: time.Hour, rows: 1 << 30})
			time.Sleep(time.Millisecond)
			end(t, d, next)
		}
	})
	for name, c := range map[string]struct {
		stay  stay
		stays bool // and its rows are in the file
	}{
		"it was open for long":         {stay: stay{unused: time.Hour, inAll: 0, rows: 1 << 30}},
		"it has been renewed":          {stay: stay{unused: time.Hour, inAll: 100 * 365 * 24 * time.Hour, rows: 1 << 30}},
		"its rows are in memory":       {stay{unused: time.Hour, inAll: time.Hour, rows: 1}, true},
		"the user's limit has no room": {long, true},
	} {
		t.Run(name, func(t *testing.T) {
			d, next := begin(t, long)
			opened := d.file.opening()
			d.file.stay = c.stay
			lead := destination.TableName{Schema: "public", Table: "lead"}
			l, err := d.Begin(t.Context(), spec(lead, wideBatch(3, 1).Schema(), destination.Replace))
			must(t, err)
			st, err := l.Stage(t.Context(), "part")
			must(t, err)
			b := wideBatch(3, 10)
			defer b.Release()
			must(t, errors.Join(st.Write(t.Context(), b), st.Close(t.Context())))
			switch name {
			case "it has been renewed":
				must(t, d.file.renew(t.Context()))
			case "the user's limit has no room":
				d.file.opt.Memory = defaultMemory
			}
			if d.file.logBytes() == 0 && c.stays {
				t.Fatal("nothing is in the log before the commit")
			}
			_, err = l.Commit(t.Context(), nil)
			must(t, err)
			if stays := !d.file.opening().IsZero(); opened.IsZero() || stays != c.stays {
				t.Errorf("the file stays open: %v", stays)
			}
			if n := d.file.logBytes(); n > 0 {
				t.Errorf("%d bytes are in the log", n)
			}
			if c.stays && d.file.pages == nil {
				t.Error("the next checkpoint of the file, which was new, will have no journal")
			}
			if _, err := os.Stat(d.file.journal()); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the journal is left: %v", err)
			}
			end(t, d, next)
		})
	}
	t.Run("it fails", func(t *testing.T) {
		d, next := begin(t, long)
		s, err := next.Stage(t.Context(), "part")
		must(t, errors.Join(err, s.Abort(t.Context()), next.Abort(t.Context())))
		if n := descriptors(d.file.path); n > 0 {
			t.Errorf("the file is open %d times after the last load", n)
		}
		if _, rows := query(t, d, "SELECT count(*) FROM crm.public.account"); fmt.Sprint(rows) != "[[10]]" {
			t.Errorf("account holds %v rows", rows)
		}
	})
	t.Run("the destination is closed", func(t *testing.T) {
		d, next := begin(t, long)
		must(t, next.Abort(t.Context()))
		must(t, d.Close())
		if n := descriptors(d.file.path); n > 0 {
			t.Errorf("the file is open %d times after all", n)
		}
	})
}

// descriptors counts those of a file that this process has; 0 where the system
// does not tell.
func descriptors(path string) (n int) {
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && to == path {
			n++
		}
	}
	return n
}

func TestAnEngineThatStartsEarlyIsUsedAndEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crm.db")
	for _, use := range []bool{false, true} {
		d, err := Open(uri.DuckDB{Path: path}, Options{Early: true})
		must(t, err)
		if use {
			mustLoad(t, d, account, destination.Replace, wideBatch(3, 10))
		}
		must(t, d.Close())
		if d.file.idle != nil {
			t.Error("an engine outlived its destination")
		}
	}
}

// A file that was new has something to lose from its first checkpoint on, also
// when it stays open.
func TestANewFileThatStaysOpenHasAJournalFromItsSecondCheckpointOn(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "crm.db"))
	d.renewal = manyCells // nothing else opens the file for its journal
	d.file.stay = stay{unused: time.Hour, inAll: time.Hour, rows: 1}
	next, err := d.Begin(t.Context(), spec(destination.TableName{Schema: "public", Table: "to_come"}, wideBatch(3, 1).Schema(), destination.Replace))
	must(t, err)
	mustLoad(t, d, account, destination.Replace, wideBatch(3, 10))
	d.file.stay.rows = 1 << 30
	mustLoad(t, d, destination.TableName{Schema: "public", Table: "contact"}, destination.Replace, wideBatch(3, 10))
	if d.file.opening().IsZero() || d.file.logBytes() == 0 {
		t.Fatal("the file is closed, or nothing is in its log")
	}
	must(t, d.file.checkpoint(t.Context()))
	if _, err := os.Stat(d.file.journal()); err != nil {
		t.Errorf("the second checkpoint has no journal: %v", err)
	}
	must(t, errors.Join(next.Abort(t.Context()), d.Close()))
}

// The journal of a checkpoint that failed is the one that counts.
func TestNoCheckpointFollowsOneThatFailed(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "crm.db"))
	mustLoad(t, d, account, destination.Replace, wideBatch(3, 10))
	db, err := d.file.acquire(t.Context(), 3)
	must(t, err)
	_, err = db.ExecContext(t.Context(), "INSERT INTO crm.public.account SELECT * FROM crm.public.account")
	must(t, err)
	d.file.torn = errors.New("no space")
	must(t, os.WriteFile(d.file.journal(), []byte("mends it"), 0o600))
	d.file.release(t.Context(), true, false)
	if text, err := os.ReadFile(d.file.journal()); string(text) != "mends it" {
		t.Errorf("the journal is %q, %v", text, err)
	}
	if n := d.file.logBytes(); n == 0 {
		t.Error("the log is gone")
	}
	if _, rows := query(t, d, "SELECT count(*) FROM crm.public.account"); fmt.Sprint(rows) != "[[20]]" {
		t.Errorf("%v rows", rows)
	}
	must(t, d.Close())
}
