package server

import (
	"io"
	"io/fs"
	"path"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

// limitMemory makes the garbage collector keep the process within five eighths
// of the memory that its cgroup has, unless GOMEMLIMIT says what to keep to. The
// rest is for what Go does not count: the kernel's share of every connection, the
// program itself (of 32 MiB it takes six), and a health check that runs beside
// it. Go sets GOMAXPROCS from the cgroup, but no memory limit. root is the root
// directory.
func limitMemory(root fs.FS, getenv func(string) string) {
	if getenv("GOMEMLIMIT") != "" {
		return
	}
	if limit, ok := cgroupMemory(root); ok {
		debug.SetMemoryLimit(limit / 8 * 5)
	}
}

// cgroupMemory returns the memory in bytes that this process may use, the
// least of what its cgroup and those above it allow; ok is false if none has a
// limit, or none can be read. It knows both versions of cgroups (see cgroups(7)
// for /proc/self/cgroup). Where a container sees the host's path of its cgroup
// but only its own part of the tree, its limit is found at the top.
func cgroupMemory(root fs.FS) (limit int64, ok bool) {
	for line := range strings.Lines(readSmall(root, "proc/self/cgroup")) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(fields) != 3 {
			continue
		}
		var tree, file string
		switch controllers := strings.Split(fields[1], ","); {
		case fields[0] == "0" && fields[1] == "":
			tree, file = "sys/fs/cgroup", "memory.max"
		case slices.Contains(controllers, "memory"):
			tree, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		for dir := path.Clean("/" + fields[2]); ; dir = path.Dir(dir) {
			here, limited := parseMemory(readSmall(root, path.Join(tree, dir, file)))
			if limited && (!ok || here < limit) {
				limit, ok = here, true
			}
			if dir == "/" {
				break
			}
		}
	}
	return limit, ok
}

// parseMemory reads a limit in bytes. None is "max", or in version 1 the
// largest multiple of the page size, which we take everything past 2^60 for.
func parseMemory(s string) (limit int64, ok bool) {
	limit, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	return limit, err == nil && 0 < limit && limit < 1<<60
}

// readSmall returns at most 64 KiB of a file, nothing if it cannot be read.
func readSmall(root fs.FS, name string) string {
	file, err := root.Open(name)
	if err != nil {
		return ""
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, 64<<10))
	if err != nil {
		return ""
	}
	return string(data)
}
