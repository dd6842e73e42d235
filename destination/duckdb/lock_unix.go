//go:build unix

package duckdb

import (
	"io"
	"os"
	"syscall"
)

// lockFile takes the lock that DuckDB takes for writing, until f is closed. It
// does not wait; false says that somebody else has the file.
func lockFile(f *os.File) bool {
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart}
	return syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &lock) == nil
}
