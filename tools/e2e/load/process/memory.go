package process

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Unlimited is the limit of a cgroup that has none.
const Unlimited = 1 << 60

// Memory is what a cgroup says of its memory. Sizes are in bytes, and include
// what the kernel keeps of files and, in version 2, of connections.
type Memory struct {
	Limit   int64 // Unlimited if there is none
	Usage   int64
	Peak    int64 // the highest usage ever; 0 where the kernel does not tell
	Reached int64 // how often the limit was reached; what is not in use is then taken back
	Kills   int64 // processes killed because nothing could be taken back
}

// cgroups is a version of the interface: where it is mounted, and its files.
type cgroups struct {
	tree                      string
	limit, usage, peak        string
	reachedFile, reachedField string
	killsFile, killsField     string
}

// See the kernel's Documentation/admin-guide/cgroup-v1/memory.rst and
// cgroup-v2.rst.
var (
	version1 = cgroups{
		tree:  "sys/fs/cgroup/memory",
		limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes", peak: "memory.max_usage_in_bytes",
		reachedFile: "memory.failcnt",
		killsFile:   "memory.oom_control", killsField: "oom_kill",
	}
	version2 = cgroups{
		tree:  "sys/fs/cgroup",
		limit: "memory.max", usage: "memory.current", peak: "memory.peak",
		reachedFile: "memory.events", reachedField: "max",
		killsFile: "memory.events", killsField: "oom_kill",
	}
)

// Memory looks at the memory of the process's cgroup, or of the nearest one
// above it that has a limit.
func (p *Process) Memory() (Memory, error) {
	memory, err := p.memory()
	if err != nil {
		return Memory{}, fmt.Errorf("looking at the memory cgroup of process %d: %w", p.pid, err)
	}
	return memory, nil
}

func (p *Process) memory() (Memory, error) {
	text, err := fs.ReadFile(p.root, p.file("cgroup"))
	if errors.Is(err, fs.ErrNotExist) {
		return Memory{}, ErrGone
	} else if err != nil {
		return Memory{}, err
	}
	version, dir, ok := memoryCgroup(string(text))
	if !ok {
		return Memory{}, fmt.Errorf("%s names none", p.file("cgroup"))
	}
	own, err := version.read(p.root, dir)
	for err == nil && own.Limit == Unlimited && dir != "/" {
		dir = path.Dir(dir)
		above, err := version.read(p.root, dir)
		if errors.Is(err, fs.ErrNotExist) {
			// Version 2 has no such files at the top.
			break
		}
		if err != nil || above.Limit < Unlimited {
			return above, err
		}
	}
	return own, err
}

// memoryCgroup finds the memory controller in /proc/PID/cgroup, see cgroups(7).
// Where both versions are in use, it may be in the first.
func memoryCgroup(text string) (version cgroups, dir string, ok bool) {
	for line := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		switch {
		case len(fields) != 3:
		case slices.Contains(strings.Split(fields[1], ","), "memory"):
			return version1, path.Clean("/" + fields[2]), true
		case fields[0] == "0" && fields[1] == "":
			version, dir, ok = version2, path.Clean("/"+fields[2]), true
		}
	}
	return version, dir, ok
}

func (c cgroups) read(root fs.FS, dir string) (Memory, error) {
	var m Memory
	number := func(name, inside string) (n int64, err error) {
		text, err := fs.ReadFile(root, path.Join(c.tree, dir, name))
		switch {
		case err != nil:
			return 0, err
		case inside != "":
			n, err = field(string(text), inside)
		case strings.TrimSpace(string(text)) == "max":
			return Unlimited, nil
		default:
			n, err = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		}
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path.Join(c.tree, dir, name), err)
		}
		return n, nil
	}
	for _, value := range []struct {
		to          *int64
		name, field string
		optional    bool
	}{
		{to: &m.Limit, name: c.limit},
		{to: &m.Usage, name: c.usage},
		// Linux 5.19 and later.
		{to: &m.Peak, name: c.peak, optional: true},
		{to: &m.Reached, name: c.reachedFile, field: c.reachedField},
		{to: &m.Kills, name: c.killsFile, field: c.killsField},
	} {
		n, err := number(value.name, value.field)
		if err != nil && !(value.optional && errors.Is(err, fs.ErrNotExist)) {
			return Memory{}, err
		}
		*value.to = n
	}
	// No limit is the largest multiple of the page size in version 1.
	m.Limit = min(m.Limit, Unlimited)
	return m, nil
}
