package rebuild

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"example.com/reproducible-images/tools/digests"
	"example.com/reproducible-images/tools/repro/checkout"
	"example.com/reproducible-images/tools/repro/variation"
)

// Session is a copy of the workspace with an output base of its own.
type Session struct {
	runner  *Runner
	setting variation.Setting
	paths
	cpu     int // see process
	mounted bool
	built   bool // cold, with all that the setting says
	server  bool // a Bazel server may be running
}

// Open makes a session below the folder dir, which it makes. Close must follow.
func (r *Runner) Open(ctx context.Context, dir string, setting variation.Setting) (*Session, error) {
	s := &Session{runner: r, setting: setting, paths: newPaths(dir, setting)}
	if setting.OneCPU {
		s.cpu = <-r.cpus
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Session) prepare(ctx context.Context) error {
	opts := checkout.Options{ModTime: s.setting.ModTime}
	if s.setting.User != nil {
		opts.Umask = fs.FileMode(s.setting.User.Umask)
	}
	if err := checkout.Copy(s.runner.Snapshot, s.sources, opts); err != nil {
		return err
	}
	if err := writeProbe(s.sources); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(s.outputBase, "repro"), 0o755); err != nil {
		return err
	}
	if s.setting.Locale != "" {
		if err := s.makeLocale(ctx); err != nil {
			return err
		}
	}
	switch s.setting.Go {
	case variation.FailingGo:
		if err := s.makeFailingGo(); err != nil {
			return err
		}
	case variation.OtherGo:
		if err := s.copyGo(ctx); err != nil {
			return err
		}
	}
	if user := s.setting.User; user != nil {
		for _, dir := range []string{s.sources, s.outputBase} {
			if err := chown(dir, int(user.UID), int(user.GID)); err != nil {
				return err
			}
		}
	}
	switch {
	case s.setting.ShuffleFiles:
		return s.shuffle(ctx)
	case s.setting.Reprotest:
		return os.Mkdir(s.workspace, 0o755)
	}
	return nil
}

// Build builds the images and reads them. The first time it is a cold build as the
// setting says, by a Bazel that ends with it; after that the clock is the true one,
// and a Bazel server stays, so that a small change takes seconds.
func (s *Session) Build(ctx context.Context) (digests.File, error) {
	args := append(s.runner.targets(), probeTarget)
	var startup []string
	clock := time.Duration(0)
	if s.built {
		s.server = true
	} else {
		startup, clock = []string{"--batch"}, s.setting.ClockAhead
	}
	if clock != 0 && !s.airgapped() {
		// In years the certificates of those that Bazel downloads from have expired. The
		// lock file has it find all again in its cache of downloads.
		args = append(args, "--lockfile_mode=update")
		fetch, p := s.command(startup, "build", append(args, "--nobuild")...)
		if err := run(ctx, fetch, p); err != nil {
			return nil, err
		}
	}
	cmd, p := s.command(startup, "build", args...)
	if s.setting.Reprotest {
		cmd = s.underReprotest(cmd)
	}
	if clock != 0 {
		argv := append([]string{"--offset", clock.String(), "--"}, cmd.Args...)
		clocked := exec.Command(s.runner.Clock, argv...)
		clocked.Dir, clocked.Env = cmd.Dir, cmd.Env
		cmd = clocked
	}
	if err := run(ctx, cmd, p); err != nil {
		return nil, err
	}
	if !s.built {
		seen, err := readProbe(s.workspace)
		if err != nil {
			return nil, err
		}
		if err := check(seen, s.setting, s.paths); err != nil {
			return nil, err
		}
		s.built = true
	}
	return s.runner.read(ctx, s.workspace)
}

// Workspace is the folder to change sources in, between builds.
func (s *Session) Workspace() string { return s.workspace }

// ModuleCache is the cache of Go modules that the build reads; empty if that is not
// known.
func (s *Session) ModuleCache() string {
	switch {
	case s.setting.FreshSuite != "":
		return filepath.Join(s.cache(), "gomodcache")
	case s.airgapped():
		return filepath.Join(s.runner.Cache, "gomodcache")
	}
	return ""
}

// Close ends the session and removes its files.
func (s *Session) Close() error {
	var errs []error
	if s.server {
		// Also when the user has interrupted all else.
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		cmd, p := s.command(nil, "shutdown")
		errs = append(errs, run(ctx, cmd, p))
	}
	if s.cpu != 0 {
		s.runner.cpus <- s.cpu
	}
	if s.mounted {
		if err := unmount(s.workspace); err != nil {
			// What is behind a mount must not be removed.
			return errors.Join(append(errs, fmt.Errorf("%w; %s stays", err, s.dir))...)
		}
	}
	if err := unmountBelow(s.dir); err != nil {
		return errors.Join(append(errs, fmt.Errorf("%w; %s stays", err, s.dir))...)
	}
	if !s.runner.Keep {
		errs = append(errs, Remove(s.dir))
	}
	return errors.Join(errs...)
}
