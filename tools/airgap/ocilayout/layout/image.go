package layout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/reproducible-images/tools/airgap/ocilayout/jsondoc"
)

// An Image says what WriteImage writes. Every text that rules_oci takes from a file is
// the name of that file here, "" when it is not given: an empty file is not the same.
type Image struct {
	// Base is the directory of the layout to start from. Without one, OS and
	// Architecture say what the image is for, and Variant if there is one (config.md;
	// values of Go's GOOS and GOARCH).
	Base         string `json:"base"`
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	Variant      string `json:"variant"`

	Layers []LayerFiles `json:"layers"`

	// Created holds the time of creation, RFC 3339. A newline at its end is kept.
	Created string `json:"created"`
	// Entrypoint and Cmd hold one argument a line, in which %5Cn stands for a newline.
	// Empty lines do not count. Entrypoint removes the Cmd of the base.
	Entrypoint string `json:"entrypoint"`
	Cmd        string `json:"cmd"`
	// ExposedPorts and Volumes hold elements separated by commas, and are added to
	// those of the base. A newline counts as part of an element.
	ExposedPorts string `json:"exposed_ports"`
	Volumes      string `json:"volumes"`
	// Env holds one NAME=VALUE a line, to be set in the environment of the base. In a
	// VALUE, $NAME and ${NAME} stand for what is set so far, or for nothing.
	Env string `json:"env"`
	// Labels and Annotations hold one KEY=VALUE a line, to be added to those of the
	// base. Empty lines do not count.
	Labels      string `json:"labels"`
	Annotations string `json:"annotations"`

	User    string `json:"user"`
	WorkDir string `json:"workdir"`
}

// LayerFiles names the file of a layer, and the file with what WriteLayer wrote of it.
type LayerFiles struct {
	Tar   string `json:"tar"`
	Layer string `json:"layer"`
}

// WriteImage writes the layout of the image into dir, which is empty or does not exist.
// Layers are symbolic links to where they are, relative to the link.
func WriteImage(dir string, image Image) error {
	if (image.Base == "") == (image.OS == "" || image.Architecture == "") {
		return errors.New("an image needs either a base, or an operating system and an architecture")
	}
	manifest, config, index, err := image.start()
	if err != nil {
		return err
	}
	if err := linkBase(dir, manifest, image.Base); err != nil {
		return fmt.Errorf("base: linking layers: %w", err)
	}
	if err := addLayers(dir, manifest, config, image.Layers); err != nil {
		return err
	}
	patch, err := image.patch(config)
	if err != nil {
		return err
	}
	config.Merge(patch)
	if c := config.Object("config"); c != nil && c.Get("Cmd") == nil {
		c.Delete("Cmd")
	}
	if err := annotate(manifest, image.Annotations); err != nil {
		return err
	}

	digest, size, err := writeBlob(dir, jsondoc.Marshal(config))
	if err != nil {
		return fmt.Errorf("writing the image configuration: %w", err)
	}
	manifest.Object("config").Set("digest", digest)
	manifest.Object("config").Set("size", size)
	digest, size, err = writeBlob(dir, line(manifest))
	if err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	mediaType, err := manifestType(manifest)
	if err != nil {
		return err
	}
	index.Set("manifests", []jsondoc.Value{jsondoc.NewObject("mediaType", mediaType, "digest", digest, "size", size)})
	return writeIndex(dir, `{"imageLayoutVersion":"1.0.0"}`, index)
}

// start returns the documents to begin with.
func (image *Image) start() (manifest, config, index *jsondoc.Object, err error) {
	if image.Base == "" {
		manifest, config, index = image.scratch()
		return manifest, config, index, nil
	}
	base, err := openLayout(image.Base)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("base: %w", err)
	}
	if manifest, config, err = base.image(); err != nil {
		return nil, nil, nil, fmt.Errorf("base: %w", err)
	}
	entry, err := base.entry()
	if err != nil {
		return nil, nil, nil, err
	}
	if said, is := entry.String("mediaType"), manifest.String("mediaType"); said != "" && is != "" && said != is {
		return nil, nil, nil, fmt.Errorf("base: %s: index.json says that the manifest is %s, the manifest says %s", image.Base, said, is)
	}
	if manifest.Get("subject") != nil {
		return nil, nil, nil, fmt.Errorf("base: %s: the manifest has a subject, so it is not an image of its own", image.Base)
	}
	return manifest, config, baseIndex(base.index), nil
}

// scratch returns the documents of an image with nothing in it.
func (image *Image) scratch() (manifest, config, index *jsondoc.Object) {
	manifest = jsondoc.NewObject(
		"schemaVersion", jsondoc.Int(2),
		"mediaType", typeManifest,
		"config", jsondoc.NewObject("mediaType", typeConfig, "size", jsondoc.Int(0)),
		"layers", []jsondoc.Value{},
	)
	config = jsondoc.NewObject(
		"created", epoch,
		"config", &jsondoc.Object{},
		"history", []jsondoc.Value{},
		"rootfs", jsondoc.NewObject("type", "layers", "diff_ids", []jsondoc.Value{}),
		"architecture", image.Architecture,
		"os", image.OS,
	)
	if image.Variant != "" {
		config.Set("variant", image.Variant)
	}
	return manifest, config, jsondoc.NewObject("schemaVersion", jsondoc.Int(2), "mediaType", typeIndex)
}

// baseIndex returns the index.json of an image on that of its base. regctl keeps the
// members that it knows, in an order of its own.
func baseIndex(base *jsondoc.Object) *jsondoc.Object {
	index := jsondoc.NewObject("schemaVersion", base.Get("schemaVersion"))
	if index.Get("schemaVersion") == nil {
		index.Set("schemaVersion", jsondoc.Int(0))
	}
	for _, key := range []string{"mediaType", "artifactType"} {
		if value := base.String(key); value != "" {
			index.Set(key, value)
		}
	}
	index.Set("manifests", nil) // keeps the place: WriteImage sets it
	if annotations := base.Object("annotations"); annotations != nil && len(annotations.Keys()) > 0 {
		annotations.Sort()
		index.Set("annotations", annotations)
	}
	return index
}

// manifestType returns the manifest's media type. It may be left out (manifest.md);
// then the layers tell.
func manifestType(manifest *jsondoc.Object) (string, error) {
	mediaType := manifest.String("mediaType")
	if layers := manifest.Array("layers"); mediaType == "" && len(layers) > 0 {
		mediaType = typeManifest
		if first, ok := layers[0].(*jsondoc.Object); ok && strings.HasPrefix(first.String("mediaType"), dockerPrefix) {
			mediaType = typeDockerManifest
		}
	}
	if mediaType != typeManifest && mediaType != typeDockerManifest {
		return "", fmt.Errorf("base: media type %q of the manifest is not that of an image", mediaType)
	}
	return mediaType, nil
}

// addLayers adds the layers to both documents and to the history, and links them.
func addLayers(dir string, manifest, config *jsondoc.Object, layers []LayerFiles) error {
	if len(layers) == 0 {
		return nil
	}
	mediaType, separator := typeLayer, "+"
	if strings.HasPrefix(manifest.String("mediaType"), dockerPrefix) {
		mediaType, separator = typeDockerLayer, "."
	}
	rootfs := config.Object("rootfs")
	if rootfs == nil {
		rootfs = &jsondoc.Object{}
		config.Set("rootfs", rootfs)
	}
	for _, files := range layers {
		l, err := loadLayer(files.Layer)
		if err != nil {
			return err
		}
		suffix := ""
		if l.Compression != "" {
			suffix = separator + l.Compression
		}
		rootfs.Set("diff_ids", append(rootfs.Array("diff_ids"), l.DiffID))
		config.Set("history", append(config.Array("history"),
			jsondoc.NewObject("created", epoch, "created_by", l.CreatedBy)))
		manifest.Set("layers", append(manifest.Array("layers"),
			jsondoc.NewObject("size", jsondoc.Int(l.Size), "digest", l.Digest, "mediaType", mediaType+suffix)))
		path, err := blobPath(l.Digest)
		if err != nil {
			return err
		}
		if err := link(files.Tar, filepath.Join(dir, path)); err != nil {
			return fmt.Errorf("linking the layer: %w", err)
		}
	}
	return nil
}

// linkBase links the layers that the manifest of the base names, as far as the base has
// them.
func linkBase(dir string, manifest *jsondoc.Object, base string) error {
	for _, l := range manifest.Array("layers") {
		descriptor, ok := l.(*jsondoc.Object)
		if !ok {
			return fmt.Errorf("%s: a layer of the manifest is not an object", base)
		}
		path, err := blobPath(descriptor.String("digest"))
		if err != nil {
			return fmt.Errorf("%s: %w", base, err)
		}
		blob := filepath.Join(base, path)
		if _, err := os.Stat(blob); err != nil {
			continue
		}
		if err := link(blob, filepath.Join(dir, path)); err != nil {
			return err
		}
	}
	return nil
}

// link makes a link to file at path. It does not look through links in either, as
// they differ between a sandbox and the world outside.
func link(file, path string) error {
	target, err := filepath.Rel(filepath.Dir(path), file)
	if err != nil {
		return err
	}
	if err := makePlace(path); err != nil {
		return err
	}
	return os.Symlink(target, path)
}

// patch returns what the image sets over the configuration of its base. The order of
// its members is that in which rules_oci takes the attributes.
func (image *Image) patch(base *jsondoc.Object) (*jsondoc.Object, error) {
	patch, settings := &jsondoc.Object{}, &jsondoc.Object{}
	for _, attribute := range []struct {
		file string
		set  func(content string)
	}{
		{image.Created, func(s string) { patch.Set("created", s) }},
		{image.Entrypoint, func(s string) {
			settings.Set("Cmd", nil)
			settings.Set("Entrypoint", arguments(s))
		}},
		{image.Cmd, func(s string) { settings.Set("Cmd", arguments(s)) }},
		{image.ExposedPorts, func(s string) { settings.Set("ExposedPorts", set(s)) }},
		{image.Volumes, func(s string) { settings.Set("Volumes", set(s)) }},
		{image.Env, func(s string) { settings.Set("Env", environment(base.Object("config"), s)) }},
		{image.Labels, func(s string) { settings.Set("Labels", pairs(s)) }},
	} {
		if attribute.file == "" {
			continue
		}
		content, err := readText(attribute.file)
		if err != nil {
			return nil, err
		}
		attribute.set(content)
	}
	if image.User != "" {
		settings.Set("User", image.User)
	}
	if image.WorkDir != "" {
		settings.Set("WorkingDir", image.WorkDir)
	}
	if len(settings.Keys()) > 0 {
		patch.Set("config", settings)
	}
	return patch, nil
}

// annotate adds the annotations in the file, if there is one, to the manifest.
func annotate(manifest *jsondoc.Object, file string) error {
	if file == "" {
		return nil
	}
	content, err := readText(file)
	if err != nil {
		return err
	}
	manifest.Merge(jsondoc.NewObject("annotations", pairs(content)))
	return nil
}

// readText reads a file of which parts go into a JSON document.
func readText(file string) (string, error) {
	content, err := os.ReadFile(file)
	if err == nil && !utf8.Valid(content) {
		err = fmt.Errorf("%s is not valid UTF-8", file)
	}
	return string(content), err
}

// lines returns the lines that are not empty.
func lines(s string) []string {
	return slices.DeleteFunc(strings.Split(s, "\n"), func(l string) bool { return l == "" })
}

func arguments(s string) []jsondoc.Value {
	args := lines(s)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "%5Cn", "\n")
	}
	return jsondoc.Strings(args)
}

func pairs(s string) *jsondoc.Object {
	o := &jsondoc.Object{}
	for _, l := range lines(s) {
		key, value, _ := strings.Cut(l, "=")
		o.Set(key, value)
	}
	return o
}

func set(s string) *jsondoc.Object {
	o := &jsondoc.Object{}
	if s == "" {
		return o
	}
	for element := range strings.SplitSeq(s, ",") {
		o.Set(element, &jsondoc.Object{})
	}
	return o
}
