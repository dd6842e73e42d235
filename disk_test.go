//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"sluice/destination/postgres/pgtest"
	"sluice/source/salesforce/fakeorg"
)

// TestAFullDiskLeavesTheOldTableAndItsCursor loads into a database on a disk that
// has less and less room, so that it is full at all moments of a load, the
// commit among them. Mounting one takes root; elsewhere the test says that it
// could not.
func TestAFullDiskLeavesTheOldTableAndItsCursor(t *testing.T) {
	t.Parallel()
	for name, on := range map[string]struct {
		end  func(t *testing.T, dir string) end
		free []uint64 // kB
	}{
		"duckdb": {
			func(_ *testing.T, dir string) end { return duckFile(filepath.Join(dir, "crm.db")) },
			[]uint64{0, 1024, 2048, 2560, 3072, 3584},
		},
		"postgres": {func(t *testing.T, dir string) end {
			if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // the server has another user
				t.Fatal(err)
			}
			pgtest.Own(t, dir)
			return pgDatabase(pgtest.DatabaseIn(t, dir))
		}, []uint64{64, 2048, 5120, 7168, 16384}},
	} {
		for _, strategy := range []string{"replace", "merge"} {
			t.Run(name+" "+strategy, func(t *testing.T) {
				dir := t.TempDir()
				if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256m"); err != nil {
					t.Logf("no tmpfs here: %v", err)
					return
				}
				t.Cleanup(func() { unmount(t, dir) })
				runFull(t, dir, on.end(t, dir), strategy, on.free)
			})
		}
	}
}

// unmount waits for programs that other tests are starting: each has, for a
// moment, what this process had open.
func unmount(t *testing.T, dir string) {
	t.Helper()
	for tries := 0; ; tries++ {
		err := syscall.Unmount(dir, 0)
		if err == nil {
			return
		}
		if err != syscall.EBUSY || tries == 100 {
			t.Error(err)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// runFull loads into a database that is in dir, with so many kB of room there.
func runFull(t *testing.T, dir string, e end, strategy string, free []uint64) {
	t.Helper()
	s := &storm{object: small, end: e, login: "credentials", api: "bulk"}
	s.org = fakeorg.New(fakeorg.Config{Rows: map[string]int{small: 20_000}, Knobs: fakeorg.Knobs{BulkPageSize: 4000}})
	signIn, stop := s.org.Start()
	t.Cleanup(stop)
	s.signIn = signIn
	s.args = []string{
		"ingest", "--source-uri", "", "--source-table", small, "--dest-uri", s.address(), "--dest-table", "t",
		"--incremental-strategy", strategy, "--json", "--progress", "none",
	}
	s.renew()
	s.arrives(t)
	ended := map[string]int{}
	for _, kilobytes := range free {
		s.change(10_000)
		before := s.digest(t)
		leave(t, dir, kilobytes<<10)
		got, _ := hurryChild(t, func() bool { return false }, s.args...)
		leave(t, dir, 200<<20)
		switch {
		case got.Code == 0:
			ended["done"]++
			exactly(t, s, s.org, small)
			continue
		case got.Code != 5 || got.Error == nil || got.Error.Hint == "":
			t.Fatalf("%d kB free: exit code %d: %s", kilobytes, got.Code, got.stdout)
		}
		ended[got.Error.Message]++
		if s.digest(t) != before {
			t.Errorf("%d kB free: the table or its cursor changed", kilobytes)
		}
		s.arrives(t)
	}
	t.Logf("%v", ended)
	if len(ended) < 2 || ended["done"] == 0 {
		t.Errorf("the disk was not full at different moments: %v", ended)
	}
}

// leave lets a disk have that many bytes free.
func leave(t *testing.T, dir string, free uint64) {
	t.Helper()
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		t.Fatal(err)
	}
	used := (disk.Blocks - disk.Bfree) * uint64(disk.Bsize)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, fmt.Sprintf("size=%d", used+free)); err != nil {
		t.Fatal(err)
	}
}
