package rebuild

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// makeLocale compiles the setting's locale, as Debian's locales package would.
func (s *Session) makeLocale(ctx context.Context) error {
	name, charset, _ := strings.Cut(s.setting.Locale, ".")
	if err := os.Mkdir(s.locales(), 0o755); err != nil {
		return err
	}
	return quick(ctx, "localedef", "--no-archive", "-i", name, "-f", charset, filepath.Join(s.locales(), s.setting.Locale))
}

// makeFailingGo makes a program named go that must not be called.
func (s *Session) makeFailingGo() error {
	if err := os.Mkdir(s.failingGo(), 0o755); err != nil {
		return err
	}
	script := "#!/bin/sh\necho \"repro: the go on PATH is called: go $*\" >&2\nexit 1\n"
	return os.WriteFile(filepath.Join(s.failingGo(), "go"), []byte(script), 0o755)
}

// copyGo copies the Go toolchain that is on PATH to where the build can see it.
func (s *Session) copyGo(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "env", "GOROOT")
	// Not the one that go.mod asks for, which is the build's.
	cmd.Dir, cmd.Env = "/", append(os.Environ(), "GOTOOLCHAIN=local")
	goroot, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("looking for another Go: %w", err)
	}
	return quick(ctx, "cp", "-RL", strings.TrimSpace(string(goroot)), s.otherGo())
}

// shuffle mounts the sources as the workspace, in a random order.
func (s *Session) shuffle(ctx context.Context) error {
	if err := os.MkdirAll(s.workspace, 0o755); err != nil {
		return err
	}
	err := quick(ctx, "disorderfs", "--quiet", "--multi-user=yes", "--share-locks=yes", "--shuffle-dirents=yes", s.sources, s.workspace)
	s.mounted = err == nil
	return err
}

func unmount(dir string) error {
	return quick(context.Background(), "fusermount", "-u", "-z", dir)
}

// unmountBelow unmounts what reprotest leaves mounted when it is interrupted.
func unmountBelow(dir string) error {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	// Spaces and the like are octal there: see proc_pid_mounts(5).
	escape := strings.NewReplacer("\\", `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`)
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if below, ok := strings.CutPrefix(fields[1], escape.Replace(dir)+"/"); ok {
			if err := unmount(filepath.Join(dir, below)); err != nil {
				return err
			}
		}
	}
	return nil
}

// quick runs a command that takes no time.
func quick(ctx context.Context, name string, args ...string) error {
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(append([]string{name}, args...), " "), err, bytes.TrimSpace(out))
	}
	return nil
}

func chown(dir string, uid, gid int) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, gid)
	})
}

// Remove removes a folder, with the read-only ones in it that Bazel leaves.
func Remove(dir string) error {
	if os.Geteuid() != 0 {
		filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				return os.Chmod(path, 0o755)
			}
			return nil
		})
	}
	return os.RemoveAll(dir)
}
