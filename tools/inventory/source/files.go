package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// files are the files of a layout, in a directory or in an archive.
type files interface {
	// open opens a regular file by its slash-separated name and tells its size
	// in bytes; more than that does not come out. The error wraps
	// fs.ErrNotExist if there is none.
	open(name string) (io.ReadCloser, int64, error)
	io.Closer
}

// directory is a directory of files. Symbolic links are followed, wherever they
// lead: as such Bazel lays out its files. A layout that somebody else made can
// so name any file, but only regular ones are read, no further than the size
// they state (files in /proc state none), and their bytes count only if they
// have the digest by which they are called.
type directory string

func (d directory) Close() error { return nil }

func (d directory) open(name string) (io.ReadCloser, int64, error) {
	f, size, err := openRegular(filepath.Join(string(d), filepath.FromSlash(name)))
	if err != nil {
		return nil, 0, err
	}
	return readCloser{io.LimitReader(f, size), f}, size, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// openRegular opens a regular file, and tells its size in bytes.
func openRegular(path string) (*os.File, int64, error) {
	// To open a device may do something already.
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s is not a regular file", path)
	}
	// Whatever was put there in between, it cannot make us wait.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	info, err = f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// readSmall reads a file whole that must not have more than limit bytes.
func readSmall(f files, name string, limit int64) ([]byte, error) {
	r, size, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if size > limit {
		return nil, fmt.Errorf("%s has %d bytes: more than %d are too much to look at", name, size, limit)
	}
	return io.ReadAll(io.LimitReader(r, limit))
}

func has(f files, name string) bool {
	r, _, err := f.open(name)
	if err == nil {
		r.Close()
	}
	return !errors.Is(err, fs.ErrNotExist)
}
