package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"example.com/reproducible-images/tools/image/listing"
	"example.com/reproducible-images/tools/image/publish"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

var loadCommand = command{
	usage: `Loads the images of this repository into docker or podman, each as REPOSITORY:VERSION
and REPOSITORY:latest, and prints the command lines that run them.

  bazel run //images:load -- [flags]

Flags:
`,
	run: func(flags *flag.FlagSet) func(context.Context, *environment) error {
		selection := newImagesFlags(flags)
		platform := flags.String("platform", hostPlatform(), "load the image for this `OS/ARCH` or OS/ARCH/VARIANT")
		engine := flags.String("engine", "", "use this engine, `docker or podman` (default: the first that works)")
		return func(ctx context.Context, e *environment) error {
			images, err := selection.load(e)
			if err != nil {
				return err
			}
			wanted, err := v1.ParsePlatform(*platform)
			if err != nil || wanted.OS == "" || wanted.Architecture == "" {
				return usageError("bad platform %q: write OS/ARCH or OS/ARCH/VARIANT, such as linux/arm64", *platform)
			}
			// All platforms before any image: half of the images would be of no use.
			var chosen []v1.Image
			for _, image := range images.Images {
				one, err := image.forPlatform(wanted)
				if err != nil {
					return err
				}
				chosen = append(chosen, one)
			}
			engine, err := findEngine(ctx, *engine)
			if err != nil {
				return err
			}
			for i, image := range images.Images {
				e.logf("loading %s for %s into %s", image.Label, listing.Platform(wanted), engine)
				if err := load(ctx, engine, chosen[i], image, e.stderr); err != nil {
					return fmt.Errorf("image %s: %w", image.Label, err)
				}
				line, err := runLine(engine, chosen[i], image.Repository+":"+image.Version)
				if err != nil {
					return err
				}
				fmt.Fprintln(e.stdout, line)
			}
			return nil
		}
	},
}

// hostPlatform is the platform for which an engine on this machine runs images; on
// other systems engines run Linux in a virtual machine.
func hostPlatform() string {
	return listing.Platform(&v1.Platform{OS: "linux", Architecture: runtime.GOARCH})
}

// forPlatform is the image for a platform; platforms are compared in their normal form.
func (i *builtImage) forPlatform(wanted *v1.Platform) (v1.Image, error) {
	manifest, err := i.index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var platforms []string
	for _, child := range manifest.Manifests {
		platform := listing.Platform(child.Platform)
		if platform == listing.Platform(wanted) {
			return i.index.Image(child.Digest)
		}
		platforms = append(platforms, platform)
	}
	return nil, fmt.Errorf("image %s is not built for %s; its platforms are %s", i.Label, listing.Platform(wanted), strings.Join(platforms, ", "))
}

// findEngine returns docker or podman, the first that answers.
func findEngine(ctx context.Context, only string) (string, error) {
	engines := []string{"docker", "podman"}
	if only != "" {
		if !slices.Contains(engines, only) {
			return "", usageError("--engine %s: it must be docker or podman", only)
		}
		engines = []string{only}
	}
	var problems []string
	for _, engine := range engines {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		// It fails unless docker's client reaches its daemon, and podman its storage.
		output, err := exec.CommandContext(ctx, engine, "info").CombinedOutput()
		cancel()
		if err == nil {
			return engine, nil
		}
		problems = append(problems, fmt.Sprintf("%s: %v", engine, engineError(err, output)))
	}
	return "", fmt.Errorf("no container engine works: %s", strings.Join(problems, "; "))
}

// engineError adds the last line of what the engine said.
func engineError(err error, output []byte) error {
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return fmt.Errorf("%w: %s", err, last)
	}
	return err
}

// load streams an image as a docker archive to the engine's load command.
func load(ctx context.Context, engine string, image v1.Image, built *builtImage, log io.Writer) error {
	references := map[name.Reference]v1.Image{}
	for _, tag := range []string{built.Version, publish.Latest} {
		reference, err := name.NewTag(built.Repository + ":" + tag)
		if err != nil {
			return err
		}
		references[reference] = image
	}
	archive, w := io.Pipe()
	go func() { w.CloseWithError(tarball.MultiRefWrite(references, w)) }()
	var stderr strings.Builder
	command := exec.CommandContext(ctx, engine, "load")
	command.Stdin, command.Stdout, command.Stderr = archive, log, &stderr
	err := command.Run()
	archive.Close()
	if err != nil {
		return fmt.Errorf("%s load: %w", engine, engineError(err, []byte(stderr.String())))
	}
	return nil
}

// runLine is the command line that runs an image and publishes each port that it
// exposes (image-spec, config.md, ExposedPorts) under the same number.
func runLine(engine string, image v1.Image, reference string) (string, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return "", err
	}
	words := []string{engine, "run", "--rm", "--cap-drop", "ALL"}
	for _, port := range slices.Sorted(maps.Keys(config.Config.ExposedPorts)) {
		number, protocol, _ := strings.Cut(port, "/")
		if protocol == "tcp" {
			protocol = ""
		} else if protocol != "" {
			protocol = "/" + protocol
		}
		words = append(words, "--publish", number+":"+number+protocol)
	}
	return strings.Join(append(words, reference), " "), nil
}
