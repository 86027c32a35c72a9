package main

import (
	"context"
	"flag"
	"fmt"

	"example.com/reproducible-images/tools/image/publish"
	"example.com/reproducible-images/tools/image/registry"
	"github.com/schollz/progressbar/v3"
)

const noRegistry = "there is no registry to use: add --registry HOST[/PATH], " +
	"or put `build --//images:registry=HOST[/PATH]` into user.bazelrc"

var pushCommand = command{
	usage: `Publishes the images of this repository: blobs and manifests, then the version tags
of all images, then "latest" of all images, and prints the references with their
digests. What the registry has already is not sent again; a push that failed continues
when it is started again.

Nothing is pushed when the build is not what images/digests records, or when a version
tag of an image points to another image. "latest" follows the highest release in the
registry.

Before its tags are set, each image gets what is attached to it: the SBOM of each
platform, and, with --attest, a signed statement of what was built from which commit.
Others add their statements by //images:verify.

  bazel run //images:push -- [flags]

Logins are those of docker and podman, with credential helpers; for ghcr.io also
$GITHUB_TOKEN.

Exit status: 0 published; 1 failed or refused, and no tag points to anything
incomplete; 2 wrong usage.

Flags:
`,
	run: func(flags *flag.FlagSet) func(context.Context, *environment) error {
		selection := newImagesFlags(flags)
		var client registry.Client
		var o publish.Options
		address := flags.String("registry", "", "publish to this `HOST[:PORT][/PATH]`, such as ghcr.io/someone (default: the build setting //images:registry)")
		tags := tagsFlag(flags, "tag", "set this `tag` too")
		moveTags := tagsFlag(flags, "move-tag", "move this version `tag` although it points to another image, or latest although there is a higher version")
		flags.BoolVar(&o.NoLatest, "no-latest", false, "leave latest as it is")
		allowUnlocked := flags.Bool("allow-unlocked", false, "push although the build is not what is recorded")
		insecureFlag(flags, &client)
		flags.IntVar(&client.Jobs, "jobs", 4, "upload `n` blobs of an image at once")
		attesting := newAttestFlags(flags)
		return func(ctx context.Context, e *environment) error {
			o.Tags, o.MoveTags = *tags, *moveTags
			if client.Jobs < 1 {
				return usageError("--jobs %d: at least 1 is needed", client.Jobs)
			}
			attester, err := attesting.load(ctx, e)
			if err != nil {
				return err
			}
			images, err := selection.load(e)
			if err != nil {
				return err
			}
			target, err := images.target(*address)
			if err != nil {
				return err
			}
			if err := checkRecords(ctx, e, images.Images, *allowUnlocked); err != nil {
				return err
			}
			published, err := push(ctx, e, &client, target, images.Images, attester, o)
			if err != nil {
				return err
			}
			for _, p := range published {
				for _, reference := range p.References() {
					fmt.Fprintln(e.stdout, reference)
				}
			}
			return nil
		}
	},
}

// target is the registry that the user or else the build names.
func (l *imageList) target(address string) (registry.Target, error) {
	if address == "" {
		address = l.Registry
	}
	if address == "" {
		return registry.Target{}, usageError(noRegistry)
	}
	target, err := registry.ParseTarget(address)
	if err != nil {
		return registry.Target{}, exitError{statusUsage, err}
	}
	return target, nil
}

func checkRecords(ctx context.Context, e *environment, images []*builtImage, allow bool) error {
	for _, image := range images {
		err := image.checkRecord(ctx, e.stderr)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return ctx.Err()
		case allow:
			e.logf("push: WARNING: --allow-unlocked: pushing although %v", err)
		default:
			return fmt.Errorf("nothing was pushed: %w; %s, or add --allow-unlocked", err, updateHint)
		}
	}
	return nil
}

// push publishes and shows the progress: a bar on a terminal, lines elsewhere.
func push(ctx context.Context, e *environment, client *registry.Client, target registry.Target, images []*builtImage, attester *attester, o publish.Options) ([]publish.Published, error) {
	var toPublish []publish.Image
	var total int64
	for _, image := range images {
		p := publish.Image{Repository: image.Repository, Version: image.Version, Index: image.index, Digest: image.digest}
		var err error
		if p.Artifacts, err = image.sbomArtifacts(); err != nil {
			return nil, fmt.Errorf("image %s: %w", image.Label, err)
		}
		if attester != nil {
			attestation, err := attester.artifact(image)
			if err != nil {
				return nil, fmt.Errorf("image %s: %w", image.Label, err)
			}
			p.Artifacts = append(p.Artifacts, attestation)
		}
		toPublish = append(toPublish, p)
		size, err := image.size()
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", image.Label, err)
		}
		total += size
		e.logf("pushing %s to %s/%s (%s)", image.Label, target, image.Repository, bytesText(size))
	}
	o.Log = e.logf
	if isTerminal(e.stderr) {
		bar := progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(e.stderr),
			progressbar.OptionShowBytes(true),
			progressbar.OptionClearOnFinish())
		client.Progress = func(bytes int64) { _ = bar.Add64(bytes) }
		o.Log = func(format string, args ...any) {
			_ = bar.Clear()
			e.logf(format, args...)
		}
		defer func() { _ = bar.Finish() }()
	}
	return publish.Push(ctx, client, target, toPublish, o)
}

// size is the number of bytes of the image's layers, as they are stored.
func (i *builtImage) size() (int64, error) {
	manifest, err := i.index.IndexManifest()
	if err != nil {
		return 0, err
	}
	var size int64
	for _, child := range manifest.Manifests {
		image, err := i.index.Image(child.Digest)
		if err != nil {
			return 0, err
		}
		manifest, err := image.Manifest()
		if err != nil {
			return 0, err
		}
		for _, layer := range manifest.Layers {
			size += layer.Size
		}
	}
	return size, nil
}
