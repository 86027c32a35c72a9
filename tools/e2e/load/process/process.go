// Package process looks at a running process from outside: its descriptors and
// memory, and the memory of its cgroup, on Linux.
package process

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// ErrGone is that a process has ended.
var ErrGone = errors.New("the process has ended")

// Process is a process of this machine, or of a container on it.
type Process struct {
	root    fs.FS
	pid     int
	started string
}

// Sample is what a process has at a moment. Sizes are in bytes.
type Sample struct {
	Files     int   // open descriptors
	Threads   int   // of the operating system
	Resident  int64 // memory
	Anonymous int64 // of that, what is no part of a file
}

// Open finds a process by its number in root, the root directory as seen from
// outside of containers. To see the descriptors of another user's process takes
// root's rights.
func Open(root fs.FS, pid int) (*Process, error) {
	started, err := startTime(root, pid)
	if err != nil {
		return nil, fmt.Errorf("looking at process %d: %w", pid, err)
	}
	return &Process{root, pid, started}, nil
}

// Look takes a sample. It returns [ErrGone] if the process has ended.
func (p *Process) Look() (Sample, error) {
	sample, err := p.look()
	// The number may be another process's by now.
	if started, statErr := startTime(p.root, p.pid); statErr != nil || started != p.started {
		return Sample{}, ErrGone
	}
	if err != nil {
		return Sample{}, fmt.Errorf("looking at process %d: %w", p.pid, err)
	}
	return sample, nil
}

func (p *Process) look() (Sample, error) {
	var s Sample
	files, err := fs.ReadDir(p.root, p.file("fd"))
	if err != nil {
		return Sample{}, err
	}
	s.Files = len(files)
	status, err := fs.ReadFile(p.root, p.file("status"))
	if err != nil {
		return Sample{}, err
	}
	for _, value := range []struct {
		name  string
		store func(int64)
	}{
		{"Threads", func(n int64) { s.Threads = int(n) }},
		{"VmRSS", func(n int64) { s.Resident = n << 10 }},
		{"RssAnon", func(n int64) { s.Anonymous = n << 10 }},
	} {
		n, err := field(string(status), value.name+":")
		if err != nil {
			return Sample{}, fmt.Errorf("%s: %w", p.file("status"), err)
		}
		value.store(n)
	}
	return s, nil
}

func (p *Process) file(name string) string {
	return path.Join("proc", strconv.Itoa(p.pid), name)
}

// startTime returns what, with the number, tells a process from all others:
// field 22 of /proc/PID/stat, see proc_pid_stat(5). A zombie has ended.
func startTime(root fs.FS, pid int) (string, error) {
	stat, err := fs.ReadFile(root, path.Join("proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		// Not there, or it ended while being read.
		return "", fmt.Errorf("%w: %w", ErrGone, err)
	}
	// The name in parentheses may have spaces and parentheses itself.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 {
		return "", fmt.Errorf("the stat file has %d fields behind the name, not 20 and more", len(fields))
	}
	if state := fields[0]; state == "Z" || state == "X" {
		return "", ErrGone
	}
	return fields[19], nil
}

// field returns the number behind a name at the start of a line.
func field(text, name string) (int64, error) {
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == name {
			return strconv.ParseInt(fields[1], 10, 64)
		}
	}
	return 0, fmt.Errorf("there is no line %q", name)
}
