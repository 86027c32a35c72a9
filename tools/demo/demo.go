package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/internal/cli"
	"example.com/reproducible-images/tools/internal/remotes"
	"example.com/reproducible-images/tools/push/publish"
	"example.com/reproducible-images/tools/registry"
	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// registryGrace is how long the registry's last requests may take.
const registryGrace = 5 * time.Second

// demo is one run of the command.
type demo struct {
	options
	searchPath     string // where docker or podman are looked for
	temporary      string // where temporary files go; empty means the system's own
	stdout, stderr io.Writer
	dir            string // for all files that the run writes
	steps          []stepRow
}

// say tells what is being done.
func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.stderr, "demo: "+format+"\n", args...)
}

// did notes a step for the summary, with the time since it began.
func (d *demo) did(step string, began time.Time, format string, args ...any) {
	s := stepRow{step, time.Since(began), fmt.Sprintf(format, args...)}
	d.steps = append(d.steps, s)
	d.say("%s: %s, %s", s.step, s.outcome, seconds(s.took))
}

// run does all of it. What can be known to fail is found before anything is
// started.
func (d *demo) run(ctx context.Context) error {
	set, err := imageset.Load(d.options.images)
	if err != nil {
		return err
	}
	shown, err := d.choose(set.Images)
	if err != nil {
		return err
	}
	program, err := d.program(shown)
	if err != nil {
		return err
	}
	runners, err := d.runners(ctx)
	if err != nil {
		return err
	}
	if err := checkPort(ctx, program.port); err != nil {
		return err
	}

	if d.dir, err = os.MkdirTemp(d.temporary, "demo-"); err != nil {
		return fmt.Errorf("making a temporary directory, in $TMPDIR if that is set: %w", err)
	}
	defer os.RemoveAll(d.dir)
	server, err := registry.Start(ctx, registry.Options{Root: filepath.Join(d.dir, "registry")})
	if err != nil {
		return err
	}
	defer func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), registryGrace)
		defer cancel()
		_ = server.Shutdown(grace)
	}()
	d.say("a registry, distribution v3 with an empty file system storage, is on %s", server.Addr())

	published, err := d.push(ctx, set.Images, server.Addr())
	if err != nil {
		return err
	}
	pulled, err := d.pull(ctx, published)
	if err != nil {
		return err
	}
	if program.image, err = pulled[shown.Repository].Image(program.platform.Digest); err != nil {
		return err
	}
	d.say("running the pulled %s for %s on port %d", program.name, program.platform, program.port)
	container, err := d.start(ctx, runners, program)
	if err != nil {
		return fmt.Errorf("running %s: %w", program.name, err)
	}
	defer container.stop()
	if err := d.summary(published); err != nil {
		return err
	}
	if d.exit {
		return nil
	}
	fmt.Fprintf(d.stdout, "\nOpen http://localhost:%d/ in a browser. Ctrl-C stops it.\n", program.port)
	select {
	case <-ctx.Done():
		return nil
	case <-container.Done():
		return fmt.Errorf("%s ended by itself: %w", program.name, container.ended())
	}
}

func (d *demo) push(ctx context.Context, images []imageset.Image, address string) ([]publish.Published, error) {
	target, err := remotes.ParseTarget(address)
	if err != nil {
		return nil, err
	}
	d.say("pushing %s", describe(images))
	began := time.Now()
	published, err := publish.Push(ctx, images, publish.Options{
		Target: target,
		// Nobody's credentials are for this registry.
		Keychain: authn.NewMultiKeychain(),
		Progress: publish.NewReporter(d.stderr, cli.IsTerminal(d.stderr)),
	})
	if err != nil {
		return nil, fmt.Errorf("pushing: %w", err)
	}
	var tags []string
	for _, p := range published {
		for _, tag := range p.Tags {
			tags = append(tags, p.Image.Repository+":"+tag)
		}
	}
	d.did("push", began, "%s", strings.Join(tags, " "))
	return published, nil
}

// describe says what images there are and how large they are.
func describe(images []imageset.Image) string {
	var parts []string
	for _, image := range images {
		var platforms []string
		for _, p := range image.Platforms {
			platforms = append(platforms, p.String())
		}
		parts = append(parts, fmt.Sprintf("%s %s for %s (%s)", image.Repository, image.Version, strings.Join(platforms, " and "), cli.Bytes(size(image))))
	}
	return strings.Join(parts, ", ")
}

// size is that of all layers of all platforms as stored, in bytes.
func size(image imageset.Image) (sum int64) {
	for _, p := range image.Platforms {
		sum += p.CompressedSize
	}
	return sum
}

// pull pulls every image by every tag, compares it with what was built, and
// returns the pulled index of each repository.
func (d *demo) pull(ctx context.Context, published []publish.Published) (map[string]v1.ImageIndex, error) {
	pulled := map[string]v1.ImageIndex{}
	began := time.Now()
	for i, p := range published {
		for _, tag := range p.Tags {
			reference := p.Repository + ":" + tag
			d.say("pulling %s (%s) and comparing it with what was built", reference, cli.Bytes(size(p.Image)))
			index, err := pull(ctx, reference, filepath.Join(d.dir, "pulled", fmt.Sprint(i), tag))
			if err != nil {
				return nil, err
			}
			if err := compareIndex(p.Image.Index, index); err != nil {
				return nil, fmt.Errorf("%s did not come back as it was built: %w", reference, err)
			}
			pulled[p.Image.Repository] = index
		}
	}
	d.did("pull", began, "every index, manifest, configuration and layer is byte for byte what was built")
	return pulled, nil
}

func (d *demo) summary(published []publish.Published) error {
	var rows []imageRow
	for _, p := range published {
		rows = append(rows, imageRow{image: p.Image.Repository, platform: "index", digest: p.Image.Digest.String()})
		for _, platform := range p.Image.Platforms {
			uncompressed, err := platform.UncompressedSize()
			if err != nil {
				return err
			}
			rows = append(rows, imageRow{p.Image.Repository, platform.String(), platform.CompressedSize, uncompressed, platform.Digest.String()})
		}
	}
	fmt.Fprintln(d.stdout)
	return writeSummary(d.stdout, rows, d.steps)
}
