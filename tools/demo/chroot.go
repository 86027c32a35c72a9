package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"example.com/reproducible-images/tools/demo/child"
	"example.com/reproducible-images/tools/demo/launch"
	"example.com/reproducible-images/tools/demo/rootfs"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// runChrooted runs a program by the launcher.
func (d *demo) runChrooted(_ context.Context, p program) (container, error) {
	root := filepath.Join(d.dir, "rootfs")
	if err := os.Mkdir(root, 0o755); err != nil {
		return container{}, err
	}
	archive := mutate.Extract(p.image)
	defer archive.Close()
	if err := rootfs.Unpack(archive, root); err != nil {
		return container{}, err
	}
	env := p.config.Env
	if p.port != p.exposed {
		// There is no network of its own whose port could be published as
		// another one. PORT is what many servers heed.
		env = append(slices.Clone(env), fmt.Sprintf("PORT=%d", p.port))
	}
	running, err := launch.Start(launch.Spec{
		Root: root,
		Args: slices.Concat(p.config.Entrypoint, p.config.Cmd),
		Env:  env,
		Dir:  p.config.WorkingDir,
		User: p.user,
	}, d.stderr)
	if err != nil {
		return container{}, err
	}
	return container{
		Child: running,
		check: func() (string, error) {
			return fmt.Sprintf("in a chroot as %s, no capabilities, no_new_privs", p.user), launch.CheckProcess(running.PID(), p.user)
		},
		ended:  func() error { return endOf(running) },
		remove: func() {},
	}, nil
}

// endOf says how a program ended that should not have.
func endOf(c *child.Child) error {
	if err := c.Err(); err != nil {
		return err
	}
	return errors.New("exit status 0")
}
