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
	kind, list := "archive", ofArchive
	if info.IsDir() {
		kind, list = "OCI image layout", ofLayout
	}
	l, err := list(ctx, file)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", kind, file, err)
	}
	return l, nil
}

func ofArchive(ctx context.Context, file string) (Listing, error) {
	isDocker, isLayout := false, false
	err := eachEntry(ctx, file, func(header *tar.Header, _ io.Reader) error {
		switch path.Clean(header.Name) {
		case "manifest.json":
			isDocker = true
			if header.Size > maxDocument {
				return fmt.Errorf("it is %w: more than %d bytes", errTooLarge, maxDocument)
			}
		case "index.json":
			isLayout = true
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	// Archives of `docker save` have an index.json too, whose digests are not those of
	// the image in the registry.
	case isDocker:
		image, err := tarball.ImageFromPath(file, nil)
		if err != nil {
			return nil, err
		}
		return OfImage(ctx, image, false)
	case isLayout:
		directory, err := os.MkdirTemp("", "image-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(directory)
		if err := extractFiles(ctx, file, directory); err != nil {
			return nil, err
		}
		return ofLayout(ctx, directory)
	}
	return nil, errors.New("it has neither the index.json of an OCI archive nor the manifest.json of a docker archive")
}

func ofLayout(ctx context.Context, directory string) (Listing, error) {
	index, image, err := openLayout(directory)
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
	index, image, err := openLayout(directory)
	if err != nil {
		return nil, nil, fmt.Errorf("OCI image layout %s: %w", directory, err)
	}
	return index, image, nil
}

func openLayout(directory string) (v1.ImageIndex, v1.Image, error) {
	// In Bazel's sandbox each file is a symlink, which the library refuses for blobs.
	indexFile, err := filepath.EvalSymlinks(filepath.Join(directory, "index.json"))
	if err != nil {
		return nil, nil, err
	}
	top, err := layout.ImageIndexFromPath(filepath.Dir(indexFile))
	if err != nil {
		return nil, nil, err
	}
	if _, err := limited(top.RawManifest()); err != nil {
		return nil, nil, fmt.Errorf("index.json: %w", err)
	}
	manifest, err := top.IndexManifest()
	if err != nil {
		return nil, nil, fmt.Errorf("index.json: %w", err)
	}
	if len(manifest.Manifests) != 1 {
		return nil, nil, fmt.Errorf("index.json names %d images, expected one", len(manifest.Manifests))
	}
	only := manifest.Manifests[0]
	if only.MediaType.IsIndex() {
		index, err := top.ImageIndex(only.Digest)
		if err != nil {
			return nil, nil, err
		}
		return index, nil, checkManifest(index, only.Digest)
	}
	image, err := top.Image(only.Digest)
	if err != nil {
		return nil, nil, err
	}
	return nil, image, checkManifest(image, only.Digest)
}

// extractFiles extracts the regular files of an archive, within the directory.
func extractFiles(ctx context.Context, archive, directory string) error {
	root, err := os.OpenRoot(directory)
	if err != nil {
		return err
	}
	defer root.Close()
	return eachEntry(ctx, archive, func(header *tar.Header, content io.Reader) error {
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

// maxFiles is how many entries an archive of an image may have; it has some for each
// layer and platform.
const maxFiles = 100_000

func eachEntry(ctx context.Context, archive string, f func(*tar.Header, io.Reader) error) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	left := info.Size()
	entries := tar.NewReader(file)
	for range maxFiles {
		header, err := entries.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
		// A sparse file may be larger than its archive, and fill the disk.
		if left -= header.Size; left < 0 {
			return fmt.Errorf("%q: it has more bytes than the archive", header.Name)
		}
		if err := f(header, entries); err != nil {
			return fmt.Errorf("%q: %w", header.Name, err)
		}
	}
	return fmt.Errorf("it is %w: it has more than %d entries", errTooLarge, maxFiles)
}
