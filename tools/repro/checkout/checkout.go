// Package checkout makes copies of a workspace to build in.
package checkout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Files lists the files of a workspace that git would commit, by their paths in it:
// those that it knows, changed or not, and new ones that it does not ignore.
func Files(ctx context.Context, workspace string) ([]string, error) {
	cmd := exec.CommandContext(ctx, "git", "-C", workspace, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the files of %s with git: %w: %s", workspace, err, bytes.TrimSpace(stderr.Bytes()))
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("git lists no file in %s", workspace)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"), nil
}

// Snapshot copies files of a workspace, as they are now, to the folder dir, which it
// makes.
func Snapshot(workspace string, files []string, dir string) error {
	for _, name := range files {
		err := copyFile(filepath.Join(workspace, name), filepath.Join(dir, name))
		// A file that is deleted and not yet committed is still listed.
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("copying the workspace: %w", err)
		}
	}
	return nil
}

// Options are what a copy has of its own.
type Options struct {
	// ModTime is set on all files and folders; the time of copying if zero.
	ModTime time.Time
	// Umask takes permissions away, as for a user who checks the files out.
	Umask fs.FileMode
}

// Copy copies a snapshot to the folder dir, which it makes.
func Copy(snapshot, dir string, opts Options) error {
	if err := os.CopyFS(dir, os.DirFS(snapshot)); err != nil {
		return fmt.Errorf("copying the workspace: %w", err)
	}
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type() == fs.ModeSymlink {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o666)
		if info.Mode()&0o100 != 0 {
			mode = 0o777
		}
		if err := os.Chmod(path, mode&^opts.Umask); err != nil {
			return err
		}
		if opts.ModTime.IsZero() {
			return nil
		}
		return os.Chtimes(path, opts.ModTime, opts.ModTime)
	})
}

func copyFile(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666|info.Mode()&0o111)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
