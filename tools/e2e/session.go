package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"example.com/reproducible-images/tools/e2e/engines"
	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/internal/remotes"
	"example.com/reproducible-images/tools/push/publish"
	"example.com/reproducible-images/tools/registry"
	"github.com/google/go-containerregistry/pkg/authn"
)

// session is what the checks share.
type session struct {
	options
	dir        string // for all files
	image      imageset.Image
	repository string // where it was pushed, REGISTRY/NAME
	engines    map[string]engineOrError
	stderr     io.Writer
}

type engineOrError struct {
	engines.Engine
	err error
}

// reference is what the image was pushed as.
func (s *session) reference() string { return s.repository + ":" + s.image.Version }

func (s *session) say(format string, args ...any) {
	fmt.Fprintf(s.stderr, "e2e: "+format+"\n", args...)
}

// runChecks runs the checks with all files in dir, prints their table and tells
// whether all passed.
func runChecks(ctx context.Context, o options, dir string, stdout, stderr io.Writer) (passed bool, err error) {
	set, err := imageset.Load(o.images)
	if err != nil {
		return false, err
	}
	s := &session{options: o, dir: dir, image: set.Images[0], stderr: stderr}
	server, err := registry.Start(ctx, registry.Options{Root: filepath.Join(dir, "registry")})
	if err != nil {
		return false, err
	}
	defer func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(grace)
	}()
	if err := s.push(ctx, server.Addr()); err != nil {
		return false, err
	}
	stop := s.startEngines(ctx)
	defer stop()

	var results []result
	for _, c := range o.checks {
		r := s.perform(ctx, c)
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		s.say("%s %s (%.1f s): %s", c.runtime, c.name, r.took.Seconds(), r)
		results = append(results, r)
	}
	return printTable(stdout, results)
}

func (s *session) perform(ctx context.Context, c check) result {
	began := time.Now()
	r := result{check: c}
	e := s.engines[c.runtime]
	if r.err = e.err; r.err == nil {
		r.seen, r.err = c.run(ctx, s, e.Engine)
	}
	r.took = time.Since(began)
	return r
}

// push publishes the image to the registry on address.
func (s *session) push(ctx context.Context, address string) error {
	target, err := remotes.ParseTarget(address)
	if err != nil {
		return err
	}
	published, err := publish.Push(ctx, []imageset.Image{s.image}, publish.Options{
		Target: target,
		// Nobody's credentials are for this registry.
		Keychain: authn.NewMultiKeychain(),
		Progress: publish.NewReporter(io.Discard, false),
	})
	if err != nil {
		return fmt.Errorf("pushing %s: %w", s.image.Label, err)
	}
	s.repository = published[0].Repository
	s.say("pushed %s to a registry, distribution v3", s.reference())
	return nil
}

// launch runs the image with these flags of an engine, and arguments of its own,
// and returns when it answers on the published port.
func (s *session) launch(ctx context.Context, e engines.Engine, flags []string, args ...string) (*engines.Container, error) {
	c, err := e.Run(ctx, flags, s.reference(), args...)
	if err != nil {
		return nil, err
	}
	if err := awaitHello(ctx); err != nil {
		c.Remove(ctx)
		return nil, err
	}
	return c, nil
}

// startEngines starts the engines that the checks need, with the image pulled;
// stop stops them.
func (s *session) startEngines(ctx context.Context) (stop func()) {
	stop = func() {}
	s.engines = map[string]engineOrError{}
	for _, c := range s.checks {
		if _, ok := s.engines[c.runtime]; ok {
			continue
		}
		switch c.runtime {
		case podman:
			e, err := engines.SetUpPodman(ctx, filepath.Join(s.dir, podman))
			if err == nil {
				err = pull(ctx, e, s.reference())
			}
			s.engines[podman] = engineOrError{e, err}
		default:
			daemon, err := engines.StartDocker(ctx, filepath.Join(s.dir, docker))
			if err == nil {
				stop = daemon.Stop
				err = pull(ctx, daemon.Docker, s.reference())
			}
			s.engines[docker] = engineOrError{daemon.Docker, err}
			s.engines[runsc] = engineOrError{daemon.Runsc, cmp.Or(err, engines.Need("runsc"))}
		}
	}
	return stop
}
