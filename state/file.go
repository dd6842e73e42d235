package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// File is a [Store] in one JSON file. Processes that share it take turns by a
// lock file beside it. A write is on disk, or not there at all, when Put
// returns.
type File struct {
	path   string
	locked bool // this File's user holds the lock
}

// NewFile gives the store at path, which is made at the first Put.
func NewFile(path string) *File { return &File{path: path} }

// document is what the file holds: each state in its own encoding, so that one
// of a newer format does not hide the others.
type document struct {
	States []record `json:"states"`
}

type record struct {
	Key
	State json.RawMessage `json:"state"`
}

func compareKeys(a, b Key) int { return strings.Compare(a.String(), b.String()) }

// Get implements [Store].
func (f *File) Get(_ context.Context, k Key) (State, error) {
	doc, err := f.read()
	if err != nil {
		return State{}, err
	}
	i := slices.IndexFunc(doc.States, func(r record) bool { return r.Key == k })
	if i < 0 {
		return State{}, nil
	}
	return Decode(doc.States[i].State)
}

// Put implements [Store].
func (f *File) Put(ctx context.Context, k Key, s State) error {
	text, err := Encode(s)
	if err != nil {
		return err
	}
	return f.change(ctx, func(rest []record) []record { return append(rest, record{k, text}) }, k)
}

// Delete implements [Store].
func (f *File) Delete(ctx context.Context, k Key) error {
	return f.change(ctx, func(rest []record) []record { return rest }, k)
}

// List implements [Store].
func (f *File) List(context.Context) ([]Entry, error) {
	doc, err := f.read()
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, r := range doc.States {
		s, err := Decode(r.State)
		if err != nil {
			return nil, fmt.Errorf("state of %s: %w", r.Key, err)
		}
		entries = append(entries, Entry{r.Key, s})
	}
	return entries, nil
}

// Exclusive implements [Store].
func (f *File) Exclusive(ctx context.Context, do func(Store) error) error {
	unlock, err := f.lock(ctx)
	if err != nil {
		return fmt.Errorf("lock states: %w", err)
	}
	defer unlock()
	return do(&File{path: f.path, locked: true})
}

func (f *File) read() (document, error) {
	var doc document
	text, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return doc, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &doc)
	}
	if err != nil {
		return doc, fmt.Errorf("read states: %w", err)
	}
	return doc, nil
}

// change rewrites the file with what edit makes of the records other than k's.
func (f *File) change(ctx context.Context, edit func(rest []record) []record, k Key) error {
	unlock, err := f.lock(ctx)
	if err != nil {
		return fmt.Errorf("lock states: %w", err)
	}
	defer unlock()
	doc, err := f.read()
	if err != nil {
		return err
	}
	doc.States = edit(slices.DeleteFunc(doc.States, func(r record) bool { return r.Key == k }))
	slices.SortFunc(doc.States, func(a, b record) int { return compareKeys(a.Key, b.Key) })
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	if err := replaceFile(f.path, append(text, '\n')); err != nil {
		return fmt.Errorf("write states: %w", err)
	}
	return nil
}

// lock waits for the lock file. The lock goes with the process, so a crash
// leaves none behind.
func (f *File) lock(ctx context.Context) (unlock func(), err error) {
	if f.locked {
		return func() {}, nil
	}
	file, err := os.OpenFile(f.path+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	err = waitForLock(ctx, func() error { return syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) })
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return func() { _ = file.Close() }, nil
}

// replaceFile puts text in place of the file at path, all of it or nothing.
func replaceFile(path string, text []byte) (err error) {
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp.Name())
		}
	}()
	if err = temp.Chmod(0o644); err == nil {
		_, err = temp.Write(text)
	}
	if err == nil {
		err = temp.Sync()
	}
	if closing := temp.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
