package duckdb

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"sluice/destination"
)

// inProcess keeps engines of this process apart: the locks of files are the
// process's own, so that a second engine would open the same file and ruin it.
var inProcess = holders{paths: map[string]bool{}}

type holders struct {
	mu    sync.Mutex
	paths map[string]bool
}

var errHeldHere = errors.New("held by this process")

func (h *holders) hold(path string) error {
	if path == "" {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.paths[path] {
		return errHeldHere
	}
	h.paths[path] = true
	return nil
}

func (h *holders) release(path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.paths, path)
}

var conflicting = regexp.MustCompile(`held in (.*) \(PID (\d+)\)`)

// lockHolder tells from DuckDB's message who holds the file.
func lockHolder(err error) (holder string, locked bool) {
	if errors.Is(err, errHeldHere) {
		return fmt.Sprintf("this process (pid %d)", os.Getpid()), true
	}
	if !strings.Contains(err.Error(), "Could not set lock on file") {
		return "", false
	}
	if m := conflicting.FindStringSubmatch(err.Error()); m != nil {
		return m[1] + " (pid " + m[2] + ")", true
	}
	return "another process", true
}

func lockedError(path, holder string, waited time.Duration) error {
	err := &destination.Error{
		Op:   "open " + path,
		Err:  errors.New("the file is in use by " + holder),
		Mend: "close it there, or wait longer for it: --lock-timeout 10m",
	}
	if waited > 0 {
		err.Err = fmt.Errorf("the file is in use by %s, for %s now", holder, waited)
	}
	return err
}
