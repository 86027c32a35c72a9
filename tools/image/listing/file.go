package listing

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// OfFile lists the one image in an OCI image layout directory, in a tar archive of
// one, or in an archive of `docker save`.
func OfFile(ctx context.Context, file string) (Listing, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return ofLayout(ctx, file)
	}
	isDocker, err := hasEntry(file, "manifest.json")
	if err != nil {
		return nil, fmt.Errorf("reading the archive %s: %w", file, err)
	}
	if isDocker {
		image, err := tarball.ImageFromPath(file, nil)
		if err != nil {
			return nil, fmt.Errorf("reading the docker archive %s: %w", file, err)
		}
		return OfImage(ctx, image, false)
	}
	directory, err := os.MkdirTemp("", "image-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(directory)
	if err := extractLayout(file, directory); err != nil {
		return nil, fmt.Errorf("reading the archive %s: %w", file, err)
	}
	l, err := ofLayout(ctx, directory)
	if err != nil {
		return nil, fmt.Errorf("archive %s: %w", file, err)
	}
	return l, nil
}

func ofLayout(ctx context.Context, directory string) (Listing, error) {
	index, image, err := OpenLayout(directory)
	if err != nil {
		return nil, err
	}
	if image != nil {
		return OfImage(ctx, image, true)
	}
	return OfIndex(ctx, index)
}

// OpenLayout opens an OCI image layout (image-spec, image-layout.md) whose index.json
// names one image index or one manifest. The other result is nil.
func OpenLayout(directory string) (v1.ImageIndex, v1.Image, error) {
	// Bazel's sandbox has links in place of files, which the layout package refuses.
	file, err := filepath.EvalSymlinks(filepath.Join(directory, "index.json"))
	if err != nil {
		return nil, nil, fmt.Errorf("%s is not an OCI image layout: %w", directory, err)
	}
	top, err := layout.ImageIndexFromPath(filepath.Dir(file))
	if err != nil {
		return nil, nil, fmt.Errorf("%s is not an OCI image layout: %w", directory, err)
	}
	manifest, err := top.IndexManifest()
	if err != nil {
		return nil, nil, fmt.Errorf("OCI image layout %s: %w", directory, err)
	}
	if len(manifest.Manifests) != 1 {
		return nil, nil, fmt.Errorf("OCI image layout %s: index.json names %d images, expected one", directory, len(manifest.Manifests))
	}
	only := manifest.Manifests[0]
	var index v1.ImageIndex
	var image v1.Image
	if only.MediaType.IsIndex() {
		index, err = top.ImageIndex(only.Digest)
	} else {
		image, err = top.Image(only.Digest)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("OCI image layout %s: %w", directory, err)
	}
	var raw []byte
	if index != nil {
		raw, err = index.RawManifest()
	} else {
		raw, err = image.RawManifest()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("OCI image layout %s: %w", directory, err)
	}
	if err := checkDigest(raw, only.Digest); err != nil {
		return nil, nil, fmt.Errorf("OCI image layout %s: %w", directory, err)
	}
	return index, image, nil
}

func hasEntry(archive, name string) (bool, error) {
	found := false
	err := eachEntry(archive, func(header *tar.Header, _ io.Reader) error {
		found = found || header.Name == name
		return nil
	})
	return found, err
}

// extractLayout extracts the regular files of an archive, within the directory.
func extractLayout(archive, directory string) error {
	root, err := os.OpenRoot(directory)
	if err != nil {
		return err
	}
	defer root.Close()
	return eachEntry(archive, func(header *tar.Header, content io.Reader) error {
		if header.Typeflag != tar.TypeReg {
			return nil
		}
		name := path.Clean(header.Name)
		if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		file, err := root.Create(name)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, content)
		return errors.Join(err, file.Close())
	})
}

func eachEntry(archive string, f func(*tar.Header, io.Reader) error) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	entries := tar.NewReader(file)
	for n := 0; n < maxEntries; n++ {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(header, entries); err != nil {
			return fmt.Errorf("%q: %w", header.Name, err)
		}
	}
	return errTooMany
}
