package duckdb

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckpointThatWasTornIsMended cuts a checkpoint off after the first
// sector of each block that it writes in its place: with the journal the file opens and holds
// what was committed, without it DuckDB refuses it.
func TestCheckpointThatWasTornIsMended(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crm.db")
	d := open(t, path)
	must(t, loadGeneration(t.Context(), d, 1))
	before, during := checkpointed(t, d, func() {
		execute(t, d, "INSERT INTO public.account SELECT 9000 + i, 1, 'more' FROM range(500) t(i)")
	})
	torn := 0
	saved := before.journal[len(journalMagic)+headBytes+8 : len(before.journal)-sha256.Size]
	for ; len(saved) > 0; saved = saved[8+blockBytes:] {
		at := headBytes + blockBytes*int(binary.LittleEndian.Uint64(saved))
		old, now := before.db[at:at+blockBytes], during[at:at+blockBytes]
		if bytes.Equal(old, now) {
			continue
		}
		spoiled := bytes.Clone(before.db)
		copy(spoiled[at:], now[:512]) // the checksum is in it
		torn++

		reopen := func(journal []byte) (d *Destination, rows int64, err error) {
			path := filepath.Join(t.TempDir(), "crm.db")
			for name, text := range map[string][]byte{"": spoiled, ".wal": before.wal, ".sluice.journal": journal} {
				if text != nil {
					must(t, os.WriteFile(path+name, text, 0o600))
				}
			}
			d = open(t, path)
			t.Cleanup(func() { must(t, d.Close()) })
			err = d.file.look(t.Context(), func(db *sql.DB) error {
				return db.QueryRow("SELECT count(generation) FROM " + qualify(d.file.name, account)).Scan(&rows)
			})
			return d, rows, err
		}
		if _, _, err := reopen(nil); err == nil || !strings.Contains(err.Error(), "checksum") {
			t.Fatalf("a torn file without its journal: %v", err)
		}
		cut := before.journal[:len(before.journal)-1]
		if _, _, err := reopen(cut); err == nil {
			t.Error("a journal that was cut off was used")
		}
		mended, rows, err := reopen(before.journal)
		must(t, err)
		if rows != generationRows+500 {
			t.Errorf("%d rows", rows)
		}
		if _, err := os.Stat(mended.file.journal()); err == nil {
			t.Error("the journal is still there")
		}
	}
	if torn == 0 {
		t.Error("the checkpoint wrote no block in its place")
	}
}

// TestJournalOfAnotherStateIsIgnored keeps a journal from spoiling a file that
// has gone on since.
func TestJournalOfAnotherStateIsIgnored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "crm.db")
	d := open(t, path)
	must(t, loadGeneration(t.Context(), d, 1))
	before, _ := checkpointed(t, d, func() {
		execute(t, d, "INSERT INTO public.account SELECT 9000 + i, 1, 'more' FROM range(500) t(i)")
	})
	must(t, os.WriteFile(path+".sluice.journal", before.journal, 0o600))
	must(t, loadGeneration(t.Context(), d, 2))
	if got := wholeGeneration(t, d); got != 2 {
		t.Errorf("generation %d", got)
	}
	must(t, d.Close())
}

// moment is what a database consists of just before a checkpoint.
type moment struct{ db, wal, journal []byte }

// checkpointed changes a database and gives its files as they are before the
// checkpoint that follows, and the database after it.
func checkpointed(t *testing.T, d *Destination, change func()) (before moment, after []byte) {
	t.Helper()
	f := d.file
	_, err := f.acquire(t.Context(), 3)
	must(t, err)
	change()
	must(t, f.saveBlocks(t.Context(), f.db, f.pages))
	before.db, err = io.ReadAll(io.NewSectionReader(f.pages, 0, 1<<30)) // a descriptor of its own would drop the locks
	must(t, err)
	before.journal, err = os.ReadFile(f.journal())
	must(t, err)
	before.wal, err = os.ReadFile(f.path + ".wal")
	must(t, err)
	f.release(t.Context(), true, false)
	after, err = os.ReadFile(f.path)
	must(t, err)
	return before, after
}
