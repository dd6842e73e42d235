package cli

import (
	"math"
	"runtime/debug"
	"testing"
	"testing/fstest"
)

func TestTheHeapStaysBelowTheLimitOfTheControlGroup(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text + "\n")} }
	for name, tt := range map[string]struct {
		files fstest.MapFS
		want  int64
	}{
		"version 2":       {fstest.MapFS{"proc/self/cgroup": file("0::/a/b"), "sys/fs/cgroup/a/b/memory.max": file("max"), "sys/fs/cgroup/a/memory.max": file("314572800")}, 314572800},
		"in a container":  {fstest.MapFS{"proc/self/cgroup": file("0::/"), "sys/fs/cgroup/memory.max": file("536870912")}, 536870912},
		"the least":       {fstest.MapFS{"proc/self/cgroup": file("0::/a/b"), "sys/fs/cgroup/a/b/memory.max": file("700"), "sys/fs/cgroup/a/memory.max": file("900")}, 700},
		"another's group": {fstest.MapFS{"proc/self/cgroup": file("0::/../../a"), "sys/fs/cgroup/memory.max": file("5000")}, 5000},
		"version 1": {fstest.MapFS{
			"proc/self/cgroup": file("5:cpu,cpuacct:/x\n4:memory:/x"), "sys/fs/cgroup/memory/x/memory.limit_in_bytes": file("1000"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712"),
		}, 1000},
		"version 1, none": {fstest.MapFS{"proc/self/cgroup": file("4:memory:/"), "sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712")}, math.MaxInt64},
		"no limit":        {fstest.MapFS{"proc/self/cgroup": file("0::/a"), "sys/fs/cgroup/a/memory.max": file("max")}, math.MaxInt64},
		"no groups":       {fstest.MapFS{}, math.MaxInt64},
		"nonsense":        {fstest.MapFS{"proc/self/cgroup": file("x"), "sys/fs/cgroup/memory.max": file("lots")}, math.MaxInt64},
	} {
		t.Run(name, func(t *testing.T) {
			if got := groupLimit(tt.files); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	defer debug.SetGCPercent(debug.SetGCPercent(77))
	small := fstest.MapFS{"proc/self/cgroup": file("0::/"), "sys/fs/cgroup/memory.max": file("536870912")}
	env := map[string]string{"GOMEMLIMIT": "1GiB", "GOGC": "77"}
	limitHeap(func(name string) string { return env[name] }, small)
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("GOMEMLIMIT is set, and the limit became %d", got)
	}
	if got := debug.SetGCPercent(77); got != 77 {
		t.Errorf("GOGC is set, and the collector goes by %d %%", got)
	}
	limitHeap(func(string) string { return "" }, small)
	if got := debug.SetMemoryLimit(-1); got != 536870912-besideHeap {
		t.Errorf("the limit is %d", got)
	}
	if got := debug.SetGCPercent(77); got != garbagePercent {
		t.Errorf("the collector goes by %d %%", got)
	}
}
