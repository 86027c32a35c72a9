package server

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"
)

func TestCgroupMemory(t *testing.T) {
	t.Parallel()
	const unlimited = "9223372036854771712\n" // as version 1 says it, with pages of 4 KiB
	for _, test := range []struct {
		name  string
		files map[string]string
		want  int64 // 0 if there is no limit
	}{
		{"version 2, in its namespace", map[string]string{
			"proc/self/cgroup":         "0::/\n",
			"sys/fs/cgroup/memory.max": "33554432\n",
		}, 32 << 20},
		{"version 2, on the host", map[string]string{
			"proc/self/cgroup":                             "0::/a.slice/b.service\n",
			"sys/fs/cgroup/a.slice/memory.max":             "max\n",
			"sys/fs/cgroup/a.slice/b.service/memory.max":   "1000\n",
			"sys/fs/cgroup/a.slice/c.service/memory.max":   "1\n",
			"sys/fs/cgroup/a.slice/b.service/d/memory.max": "1\n",
		}, 1000},
		{"less above", map[string]string{
			"proc/self/cgroup":           "0::/a/b\n",
			"sys/fs/cgroup/a/memory.max": "1000\n",

			"sys/fs/cgroup/a/b/memory.max": "2000\n",
		}, 1000},
		{"no limit", map[string]string{
			"proc/self/cgroup":         "0::/\n",
			"sys/fs/cgroup/memory.max": "max\n",
		}, 0},
		{"version 1, the host's path", map[string]string{
			"proc/self/cgroup":                           "12:pids:/docker/1\n11:cpu,memory:/docker/1\n1:name=systemd:/\n0::/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "33554432\n",
		}, 32 << 20},
		{"version 1, no limit", map[string]string{
			"proc/self/cgroup":                           "4:memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": unlimited,
		}, 0},
		{"both versions", map[string]string{
			"proc/self/cgroup": "4:memory:/a\n0::/a\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes": unlimited,
			"sys/fs/cgroup/memory/memory.limit_in_bytes":   "5000\n",
		}, 5000},
		{"colons in the path", map[string]string{
			"proc/self/cgroup":               "0::/a:b:c\n",
			"sys/fs/cgroup/a:b:c/memory.max": "7",
		}, 7},
		{"outside of its namespace", map[string]string{
			"proc/self/cgroup":         "0::/../../../etc\n",
			"sys/fs/cgroup/memory.max": "7\n",
		}, 7},
		{"no cgroups", nil, 0},
		{"nothing mounted", map[string]string{"proc/self/cgroup": "0::/\n"}, 0},
		{"nonsense", map[string]string{
			"proc/self/cgroup":           "\n:::\n0:\n0::\n0::/a\x00b\n4:memory\n0::relative\n",
			"sys/fs/cgroup/memory.max":   "lots\n",
			"sys/fs/cgroup/a/memory.max": "1\n",
		}, 0},
		{"not above zero", map[string]string{
			"proc/self/cgroup":             "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max": "-1\n",
			"sys/fs/cgroup/a/memory.max":   "0\n",
			"sys/fs/cgroup/memory.max":     "",
		}, 0},
		{"too large a number", map[string]string{
			"proc/self/cgroup":         "0::/\n",
			"sys/fs/cgroup/memory.max": strings.Repeat("9", 30),
		}, 0},
		{"far too large a file", map[string]string{
			"proc/self/cgroup":         strings.Repeat("1:cpu:/\n", 100_000) + "0::/\n",
			"sys/fs/cgroup/memory.max": "1\n",
		}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			root := fstest.MapFS{}
			for name, data := range test.files {
				root[name] = &fstest.MapFile{Data: []byte(data)}
			}
			got, ok := cgroupMemory(root)
			if got != test.want || ok != (test.want != 0) {
				t.Errorf("got %d, %v, want %d", got, ok, test.want)
			}
		})
	}
}

// TestLimitMemory is not parallel: the limit is that of the process.
func TestLimitMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	root := fstest.MapFS{
		"proc/self/cgroup":         {Data: []byte("0::/\n")},
		"sys/fs/cgroup/memory.max": {Data: []byte("33554432\n")},
	}
	limitMemory(root, func(string) string { return "off" })
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("with GOMEMLIMIT the limit is %d, want %d", got, before)
	}
	limitMemory(root, func(string) string { return "" })
	if got := debug.SetMemoryLimit(-1); got != 20<<20 {
		t.Errorf("the limit is %d, want 20 MiB", got)
	}
}

// TestGOMAXPROCS is about what Go does by itself.
func TestGOMAXPROCS(t *testing.T) {
	t.Parallel()
	if got := runtime.GOMAXPROCS(0); got < 1 || got > runtime.NumCPU() {
		t.Errorf("GOMAXPROCS is %d on %d CPUs", got, runtime.NumCPU())
	}
}
