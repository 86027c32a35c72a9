package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"example.com/reproducible-images/tools/e2e/probe/report"
	"golang.org/x/sys/unix"
)

// look walks the whole of the container's file system.
func look() (report.Report, error) {
	r := report.Report{UID: os.Getuid(), GID: os.Getgid()}
	set, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if err != nil {
		return r, fmt.Errorf("asking for no_new_privs: %w", err)
	}
	r.NoNewPrivileges = set == 1
	if r.Status, err = status(); err != nil {
		return r, err
	}
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	err = filepath.WalkDir("/", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case isProcess(path):
			// What a process may write of its own is no business of the
			// image; the rest of /proc is.
			return filepath.SkipDir
		case path == self, err != nil && path != "/":
			// What cannot be read is not written either.
			return nil
		case err != nil:
			return err
		}
		return note(&r, path, entry)
	})
	return r, err
}

// note adds a file to the report.
func note(r *report.Report, path string, entry fs.DirEntry) error {
	r.Files++
	info, err := entry.Info()
	if err != nil {
		// It ended meanwhile, as what is in /proc does.
		return nil
	}
	mode := info.Mode()
	switch {
	case mode.IsDir():
		if canCreate(path) {
			r.Writable = append(r.Writable, path+"/")
		}
		return nil
	case mode&fs.ModeSymlink != 0:
		return nil
	case mode&fs.ModeCharDevice != 0:
		// Such as /dev/null: everybody may write them, and nothing stays.
		return nil
	case mode.IsRegular():
		if mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
			r.Privileged = append(r.Privileged, path)
		}
		if isProgram(path, info) {
			r.Programs = append(r.Programs, path)
		}
	}
	if canWrite(path) {
		r.Writable = append(r.Writable, path)
	}
	return nil
}

// isProgram leaves out what stands for no program though it may have the bits:
// kernel interfaces, and the empty file by which docker marks a container.
func isProgram(path string, info fs.FileInfo) bool {
	kernel := strings.HasPrefix(path, "/proc/") || strings.HasPrefix(path, "/sys/")
	return !kernel && info.Size() > 0 && unix.Access(path, unix.X_OK) == nil
}

// canCreate tries it: permissions are not all that could forbid it.
func canCreate(dir string) bool {
	file, err := os.CreateTemp(dir, "probe-")
	if err != nil {
		return false
	}
	file.Close()
	// What could be made can be removed, and if not it is found again.
	_ = os.Remove(file.Name())
	return true
}

func canWrite(path string) bool {
	// Non-blocking, for pipes without a reader.
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}

// isProcess tells whether path is the folder of a process in /proc.
func isProcess(path string) bool {
	name, ok := strings.CutPrefix(path, "/proc/")
	return ok && name != "" && strings.Trim(name, "0123456789") == ""
}

// status reads /proc/1/status.
func status() (map[string]string, error) {
	data, err := os.ReadFile("/proc/1/status")
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for line := range strings.Lines(string(data)) {
		name, value, _ := strings.Cut(line, ":")
		fields[name] = strings.Join(strings.Fields(value), " ")
	}
	return fields, nil
}
