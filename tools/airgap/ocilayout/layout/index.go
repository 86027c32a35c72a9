package layout

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"example.com/reproducible-images/tools/airgap/ocilayout/jsondoc"
)

// WriteIndex writes a layout into dir, which is empty or does not exist, that holds an
// image index of the images in the given layouts (image-index.md), in that order. The
// platform of each is that of its configuration. All blobs are copied.
func WriteIndex(dir string, images []string) error {
	if len(images) == 0 {
		return errors.New("an image index needs one image or more")
	}
	manifests := []jsondoc.Value{}
	for _, image := range images {
		descriptor, err := indexEntry(image)
		if err != nil {
			return fmt.Errorf("images: %w", err)
		}
		manifests = append(manifests, descriptor)
	}
	for _, image := range images {
		if err := copyBlobs(dir, image); err != nil {
			return fmt.Errorf("copying the blobs of %s: %w", image, err)
		}
	}
	digest, size, err := writeBlob(dir, line(jsondoc.NewObject(
		"schemaVersion", jsondoc.Int(2),
		"mediaType", typeIndex,
		"manifests", manifests,
	)))
	if err != nil {
		return fmt.Errorf("writing the image index: %w", err)
	}
	return writeIndex(dir, `{"imageLayoutVersion": "1.0.0"}`+"\n", jsondoc.NewObject("manifests", []jsondoc.Value{
		jsondoc.NewObject("mediaType", typeIndex, "size", size, "digest", digest),
	}))
}

// indexEntry returns the descriptor of the image in the layout, with its platform.
func indexEntry(image string) (*jsondoc.Object, error) {
	layout, err := openLayout(image)
	if err != nil {
		return nil, err
	}
	descriptor, err := layout.entry()
	if err != nil {
		return nil, err
	}
	_, config, err := layout.image()
	if err != nil {
		return nil, err
	}
	platform := &jsondoc.Object{}
	for _, key := range []string{"os", "architecture", "variant", "os.version", "os.features"} {
		if value := config.Get(key); value != nil {
			platform.Set(key, value)
		}
	}
	descriptor.Set("platform", platform)
	return descriptor, nil
}

// copyBlobs copies what is in blobs, through links.
func copyBlobs(dir, image string) error {
	return fs.WalkDir(os.DirFS(image), "blobs", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return copyFile(filepath.Join(image, path), filepath.Join(dir, path))
	})
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := makePlace(to); err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}
