// Package rebuild builds a copy of the workspace with Bazel, from a clean output
// base and under a variation.Setting, and reads the images that come out.
package rebuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"example.com/reproducible-images/tools/digests"
	"example.com/reproducible-images/tools/imageset"
)

// Config is what all builds share.
type Config struct {
	// Snapshot is the folder with the sources.
	Snapshot string
	// Baseline is the folder for the images that the workspace itself builds.
	Baseline string
	// Images are the labels of the images, such as //images:hello. The layout is
	// the target's only output; NAME.digest has the digest.
	Images []string
	// Airgapped tells that tools/bazel is the air-gapped build's.
	Airgapped bool
	// Cache is that of the air-gapped build.
	Cache string
	// Clock is the path of tools/repro/clock.
	Clock string
	// Keep has sessions leave their files.
	Keep bool
}

// Runner builds.
type Runner struct {
	Config
	// cpus are those that no build has for itself.
	cpus chan int
}

// NewRunner makes a Runner.
func NewRunner(config Config) (*Runner, error) {
	all, err := availableCPUs()
	if err != nil {
		return nil, err
	}
	r := &Runner{Config: config, cpus: make(chan int, len(all))}
	for _, cpu := range all {
		r.cpus <- cpu
	}
	return r, nil
}

// CPUs is how many builds on one CPU can run at a time.
func (r *Runner) CPUs() int { return cap(r.cpus) }

// Query lists the labels of all images of a workspace.
func Query(ctx context.Context, workspace string) ([]string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(workspace, "tools/bazel"), "query", `kind("^image_index rule$", //...)`)
	cmd.Dir = workspace
	var stderr tail
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("looking for images: %w\n%s", err, &stderr)
	}
	labels := strings.Fields(string(out))
	if len(labels) == 0 {
		return nil, errors.New("no go_image in the workspace")
	}
	return labels, nil
}

// BuildBaseline builds the images where the workspace is, as its user does, and keeps
// them in the folder Baseline.
func (r *Runner) BuildBaseline(ctx context.Context, workspace string) (digests.File, error) {
	cmd := exec.Command(filepath.Join(workspace, "tools/bazel"), append([]string{"build"}, r.targets()...)...)
	cmd.Dir = workspace
	if err := run(ctx, cmd, process{}); err != nil {
		return nil, err
	}
	for _, label := range r.Images {
		// What Bazel leaves in the workspace is a link, to read-only files.
		from, err := filepath.EvalSymlinks(Layout(workspace, label))
		if err != nil {
			return nil, err
		}
		to := Layout(r.baseline(), label)
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			return nil, fmt.Errorf("keeping the baseline: %w", err)
		}
		digest, err := os.ReadFile(from + ".digest")
		if err != nil {
			return nil, fmt.Errorf("%s: the build left no digest: %w", label, err)
		}
		if err := os.WriteFile(to+".digest", digest, 0o666); err != nil {
			return nil, fmt.Errorf("keeping the baseline: %w", err)
		}
	}
	return r.read(ctx, r.baseline())
}

// BaselineLayout is the folder of an image of the baseline.
func (r *Runner) BaselineLayout(label string) string { return Layout(r.baseline(), label) }

// baseline is where in the folder Baseline reprotest looks for the images.
func (r *Runner) baseline() string { return filepath.Join(r.Baseline, "source-root", artifacts) }

// targets are what to build: each image and its digest.
func (r *Runner) targets() []string {
	var all []string
	for _, label := range r.Images {
		all = append(all, label, label+".digest")
	}
	return all
}

// read reads the images that were built in a workspace. That all content is what its
// digest says is checked, and that NAME.digest has that of the image index.
func (r *Runner) read(ctx context.Context, workspace string) (digests.File, error) {
	images := digests.File{}
	for _, label := range r.Images {
		layout := Layout(workspace, label)
		digest, err := os.ReadFile(layout + ".digest")
		if err != nil {
			return nil, fmt.Errorf("%s: the build left no digest: %w", label, err)
		}
		image, err := digests.BuiltImage(ctx, imageset.Image{Label: label, Layout: layout})
		if err != nil {
			return nil, err
		}
		if got := strings.TrimSpace(string(digest)); got != image.Digest {
			return nil, fmt.Errorf("%s.digest says %s, the image index is %s", label, got, image.Digest)
		}
		images[label] = image
	}
	return images, nil
}

// Layout is the folder with the OCI image layout of an image, in the workspace where
// it was built; NAME.digest is beside it.
func Layout(workspace, label string) string {
	pkg, name, _ := strings.Cut(strings.TrimPrefix(label, "//"), ":")
	return filepath.Join(workspace, "bazel-bin", pkg, name)
}
