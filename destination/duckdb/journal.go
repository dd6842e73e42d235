package duckdb

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// A checkpoint of DuckDB (1.5) writes what it changes to free blocks, and then a
// header that makes them count. Of one kind it writes blocks in their place:
// those that hold 64 pieces of metadata, some of them free. Nothing that counts
// changes in such a block, but a write that is cut off, by kill -9, a full disk
// or a power cut, leaves it with a checksum that is wrong, and the file does not
// open again.
//
// The journal is a copy of these blocks, made before each checkpoint in a file
// beside the database and removed after it. Whoever opens the database next puts
// back the blocks that were torn, as long as the header is the one of the copy
// (P3).

const (
	journalMagic = "sluice journal 1\n"
	// headBytes are the three headers that a file begins with.
	headBytes = 3 * 4096
	// sumBytes is the checksum that each block begins with.
	sumBytes = 8
)

func (f *file) journal() string { return f.path + ".sluice.journal" }

// openPages opens the file for copying blocks out of it; nil when it is yet to be
// made. It stays open as long as the engine has the file: to close any
// descriptor drops the locks that the process holds.
func (f *file) openPages() (*os.File, error) {
	if f.path == "" {
		return nil, nil
	}
	pages, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return pages, err
}

// saveBlocks writes the journal of the checkpoint to come.
func (f *file) saveBlocks(ctx context.Context, db *sql.DB, pages *os.File) error {
	var size int64
	if err := db.QueryRowContext(ctx, selectBlockSize, f.name).Scan(&size); err != nil {
		return err
	}
	head := make([]byte, headBytes)
	if _, err := pages.ReadAt(head, 0); err != nil {
		return err
	}
	text := append([]byte(journalMagic), head...)
	text = binary.LittleEndian.AppendUint64(text, uint64(size))
	err := each(ctx, db, selectOpenBlocks, []any{f.name}, func(row *sql.Rows) error {
		var id int64
		if err := row.Scan(&id); err != nil {
			return err
		}
		block := make([]byte, size)
		switch _, err := pages.ReadAt(block, headBytes+id*size); {
		case errors.Is(err, io.EOF): // not in the file yet
			return nil
		case err != nil:
			return err
		}
		if whole(block) { // else it is new, or of a layout that is not known here
			text = append(binary.LittleEndian.AppendUint64(text, uint64(id)), block...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	info, err := pages.Stat()
	if err != nil {
		return err
	}
	return writeSynced(f.journal(), append(text, sum[:]...), info.Mode().Perm())
}

// writeSynced writes a file that is on the disk when it returns.
func writeSynced(path string, text []byte, mode fs.FileMode) error {
	to, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = to.Write(text)
	err = errors.Join(err, to.Sync(), to.Close())
	if dir, failed := os.Open(filepath.Dir(path)); failed == nil {
		err = errors.Join(err, dir.Sync(), dir.Close())
	}
	return err
}

// mend puts torn blocks back, if the last checkpoint of the file was cut off.
// A file that somebody has open is left alone: the journal is theirs. The caller
// holds the path in inProcess.
func (f *file) mend() error {
	if f.path == "" {
		return nil
	}
	if _, err := os.Stat(f.journal()); err != nil {
		return nil
	}
	db, err := os.OpenFile(f.path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return os.Remove(f.journal())
	}
	if err != nil {
		return nil // whoever may write the file mends it
	}
	defer db.Close()
	if !lockFile(db) {
		return nil
	}
	text, err := os.ReadFile(f.journal())
	if err != nil {
		return nil // somebody else was here first
	}
	if err := f.putBack(db, text); err != nil {
		return fmt.Errorf("mend the file from %s: %w", f.journal(), err)
	}
	return os.Remove(f.journal())
}

// putBack restores the blocks of a journal that are torn in db. A journal that
// was cut off itself, or of another state of the file, has nothing to say.
func (f *file) putBack(db *os.File, text []byte) error {
	body, ok := bytes.CutPrefix(text, []byte(journalMagic))
	if !ok || len(body) < headBytes+8+sha256.Size {
		return nil
	}
	sum := sha256.Sum256(text[:len(text)-sha256.Size])
	head := make([]byte, headBytes)
	if _, err := db.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !bytes.Equal(sum[:], text[len(text)-sha256.Size:]) || !bytes.Equal(head, body[:headBytes]) {
		return nil
	}
	size := int64(binary.LittleEndian.Uint64(body[headBytes:]))
	now := make([]byte, size)
	for rest := body[headBytes+8 : len(body)-sha256.Size]; len(rest) > 0; rest = rest[8+size:] {
		id := int64(binary.LittleEndian.Uint64(rest))
		if _, err := db.ReadAt(now, headBytes+id*size); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if whole(now) {
			continue
		}
		if _, err := db.WriteAt(rest[8:8+size], headBytes+id*size); err != nil {
			return err
		}
		f.opt.Log.Info("mended a block that a checkpoint left torn", "path", f.path, "block", id)
	}
	return db.Sync()
}

// whole says whether a block has the checksum that it begins with: 5381 and each
// word times a constant, all of them XORed.
func whole(block []byte) bool {
	sum := uint64(5381)
	for b := block[sumBytes:]; len(b) >= 8; b = b[8:] {
		sum ^= binary.LittleEndian.Uint64(b) * 0xbf58476d1ce4e5b9
	}
	return sum == binary.LittleEndian.Uint64(block)
}
