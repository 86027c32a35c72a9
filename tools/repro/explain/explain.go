// Package explain says what differs between two builds of an image.
package explain

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/inventory"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Bounds of what is shown of one file.
const (
	timeout  = 2 * time.Minute
	maxLines = 40
)

// Files are the paths of the files that the changes are in, other than those that
// follow from others; changes elsewhere are "".
func Files(changes []inventory.Change) []string {
	seen := map[string]bool{}
	var files []string
	for _, c := range changes {
		if c.Follows {
			continue
		}
		file := ""
		if len(c.Where) == 3 {
			file = c.Where[2]
		}
		if !seen[file] {
			seen[file] = true
			files = append(files, file)
		}
	}
	return files
}

// Diffoscope writes to w what diffoscope, if it is installed, says of the first file
// that two builds of an image have with other content. before and after are OCI image
// layouts.
func Diffoscope(ctx context.Context, w io.Writer, before, after string, changes []inventory.Change) error {
	where := firstFile(changes)
	if where == nil {
		return nil
	}
	program, err := exec.LookPath("diffoscope")
	if err != nil {
		fmt.Fprintln(w, "  diffoscope would show more of it: apt-get install diffoscope-minimal")
		return nil
	}
	dir, err := os.MkdirTemp("", "repro-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var files []string
	for _, side := range []struct{ name, layout string }{{"before", before}, {"after", after}} {
		file := filepath.Join(dir, side.name)
		if err := extract(side.layout, where, file); err != nil {
			return fmt.Errorf("%s of %s: %w", where[2], side.layout, err)
		}
		files = append(files, file)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, append([]string{"--no-progress", "--text=-", "--max-text-report-size=65536"}, files...)...)
	out, err := cmd.Output()
	// It exits with 1 when there are differences.
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) {
		return fmt.Errorf("diffoscope: %w", err)
	}
	fmt.Fprintf(w, "  diffoscope on %s of %s:\n", where[2], where[0])
	lines := strings.Split(strings.TrimSpace(string(bytes.ToValidUTF8(out, nil))), "\n")
	for _, line := range lines[:min(len(lines), maxLines)] {
		fmt.Fprintf(w, "    %.160s\n", inventory.Printable(line))
	}
	if more := len(lines) - maxLines; more > 0 {
		fmt.Fprintf(w, "    … %d lines more\n", more)
	}
	return nil
}

// firstFile is where the first file is whose content changed.
func firstFile(changes []inventory.Change) []string {
	for _, c := range changes {
		if len(c.Where) == 3 && c.Field == "digest" && c.Old != "" && c.New != "" {
			return c.Where
		}
	}
	return nil
}

// extract writes a file of an image; where is [PLATFORM, "layer N", PATH].
func extract(layout string, where []string, to string) error {
	index, _, err := imageset.ReadLayout(layout)
	if err != nil {
		return err
	}
	layer, err := findLayer(index, where[0], where[1])
	if err != nil {
		return err
	}
	r, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer r.Close()
	for tr := tar.NewReader(r); ; {
		header, err := tr.Next()
		if err != nil {
			return err
		}
		if path.Join("/", header.Name) == where[2] {
			content, err := io.ReadAll(tr)
			if err != nil {
				return err
			}
			return os.WriteFile(to, content, 0o600)
		}
	}
}

func findLayer(index v1.ImageIndex, platform, name string) (v1.Layer, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	for _, desc := range manifest.Manifests {
		if desc.Platform == nil || desc.Platform.String() != platform {
			continue
		}
		image, err := index.Image(desc.Digest)
		if err != nil {
			return nil, err
		}
		layers, err := image.Layers()
		if err != nil {
			return nil, err
		}
		for i, layer := range layers {
			if fmt.Sprintf("layer %d", i+1) == name {
				return layer, nil
			}
		}
	}
	return nil, fmt.Errorf("no %s of %s", name, platform)
}
