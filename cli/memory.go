package cli

import (
	"io/fs"
	"math"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// What a process takes beside Go's heap, the databases' engine and its code
// most of all, and the heap below which nothing gets on.
const (
	besideHeap = 160 << 20
	leastHeap  = 64 << 20
)

// garbagePercent is how much garbage Go's heap may hold, of what is in use, before
// it is collected. In use are some 15 MB of batches, which one collection of a few
// milliseconds looks through.
const garbagePercent = 50

// limitHeap keeps Go's heap small, and below what the control group lets the
// process have: the garbage is collected sooner then. GOGC and GOMEMLIMIT, where
// they are set, have been obeyed by now.
func limitHeap(getenv func(string) string, root fs.FS) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	if getenv("GOMEMLIMIT") != "" {
		return
	}
	if limit := groupLimit(root); limit < math.MaxInt64 {
		debug.SetMemoryLimit(max(leastHeap, limit-besideHeap))
	}
}

// groupLimit is the least memory limit of our control group and of those above
// it, in bytes; MaxInt64 when there is none. Outside of Linux the files are not
// there.
func groupLimit(root fs.FS) int64 {
	text, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return math.MaxInt64
	}
	least := int64(math.MaxInt64)
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3) // hierarchy, controllers, path
		if len(parts) < 3 {
			continue
		}
		top, file := "sys/fs/cgroup", "memory.max"
		switch {
		case parts[0] == "0" && parts[1] == "": // version 2
		case strings.Contains(","+parts[1]+",", ",memory,"):
			top, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		for group := path.Join("/", parts[2]); ; group = path.Dir(group) {
			if text, err := fs.ReadFile(root, path.Join(top, group, file)); err == nil {
				// "max" is no number, and no limit.
				if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 {
					least = min(least, n)
				}
			}
			if group == "/" {
				break
			}
		}
	}
	if least >= 1<<62 { // what version 1 says for none
		return math.MaxInt64
	}
	return least
}
