//go:build linux

package duckdb

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"sluice/destination"
)

// TestFullDiskKeepsTheOldTable loads onto a file system of 24 MB until it is
// full. Mounting one takes root; elsewhere the test says that it could not.
func TestFullDiskKeepsTheOldTable(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Logf("no tmpfs here: %v", err)
		return
	}
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	d := open(t, dir+"/crm.db")
	b := wideBatch(75, 4096)
	defer b.Release()
	small := wideBatch(75, 10)
	mustLoad(t, d, account, destination.Replace, small)
	l, err := d.Begin(t.Context(), spec(account, b.Schema(), destination.Replace))
	must(t, err)
	for range 40 {
		var s destination.Stage
		if s, err = l.Stage(t.Context(), "part"); err != nil {
			break
		}
		if err = s.Write(t.Context(), b); err != nil {
			must(t, s.Abort(t.Context()))
			break
		}
		if err = s.Close(t.Context()); err != nil {
			break
		}
	}
	if err == nil {
		_, err = l.Commit(t.Context(), nil)
	}
	if err == nil || !strings.Contains(err.Error(), "No space left") {
		t.Errorf("got %v, want no space left", err)
	}
	t.Logf("%v", err)
	if err := l.Abort(t.Context()); err != nil {
		t.Logf("abort: %v", err)
	}
	must(t, d.Close())

	d = open(t, dir+"/crm.db")
	defer d.Close()
	_, rows := query(t, d, "SELECT count(*) FROM "+qualify(d.file.name, account))
	if rows[0][0] != int64(10) {
		t.Errorf("%v rows, want the 10 of the old table", rows[0][0])
	}
	mustLoad(t, d, account, destination.Replace, wideBatch(75, 20))
	if left := staging(t, d); len(left) > 0 {
		t.Errorf("staging is left: %v", left)
	}
	if entries, _ := os.ReadDir(dir); len(entries) > 2 {
		t.Errorf("files left: %v", entries)
	}
}
