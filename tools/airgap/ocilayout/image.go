package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// epoch is the creation time of everything that does not set another.
const epoch = "1970-01-01T00:00:00Z"

// A spec describes an image, as the rule oci_image gives it. Attributes that rules_oci
// reads from files are the names of these files; "" is an attribute that is not set,
// which differs from an empty file.
type spec struct {
	// Base is the directory of a layout. Without one, OS and Architecture are set, and
	// Variant if there is one (config.md).
	Base, OS, Architecture, Variant string

	// Layers are tar archives, lowest first.
	Layers []string

	Created             string // RFC 3339; a newline at the end is kept
	Entrypoint, Cmd     string // one argument a line; %5Cn is a newline; empty lines are dropped
	ExposedPorts        string `json:"exposed_ports"` // separated by commas; a newline is part of an element
	Volumes             string // the same
	Env                 string // one NAME=VALUE a line; see setEnv
	Labels, Annotations string // one KEY=VALUE a line; empty lines are dropped
	User, Workdir       string // the values themselves
}

// writeImage writes the layout of an image into dir, an empty directory. Layers are
// symbolic links to the files that the spec or the base names. Labels are those of the
// targets that made the spec's layers, for the history. It returns the manifest's digest.
func writeImage(dir string, s spec, labels []string) (string, error) {
	i := s.scratch()
	if s.Base != "" {
		var err error
		if i, err = s.base(dir); err != nil {
			return "", fmt.Errorf("base: %w", err)
		}
	}
	for n, tar := range s.Layers {
		if err := i.addLayer(dir, tar, labels[n]); err != nil {
			return "", fmt.Errorf("layer %s: %w", tar, err)
		}
	}
	if err := s.configure(i); err != nil {
		return "", err
	}
	digest, size, err := writeBlob(dir, marshal(i.config))
	if err != nil {
		return "", fmt.Errorf("writing the image configuration: %w", err)
	}
	i.manifest.object("config").merge(newObject("digest", digest, "size", size))
	if digest, size, err = writeBlob(dir, line(i.manifest)); err != nil {
		return "", fmt.Errorf("writing the manifest: %w", err)
	}
	mediaType, err := i.manifestType()
	if err != nil {
		return "", err
	}
	i.index.set("manifests", []any{newObject("mediaType", mediaType, "digest", digest, "size", size)})
	return digest, finishLayout(dir, `{"imageLayoutVersion":"1.0.0"}`, i.index)
}

// scratch returns an image without layers and settings.
func (s spec) scratch() image {
	config := newObject(
		"created", epoch,
		"config", &object{},
		"history", []any{},
		"rootfs", newObject("type", "layers", "diff_ids", []any{}),
		"architecture", s.Architecture,
		"os", s.OS,
	)
	if s.Variant != "" {
		config.set("variant", s.Variant)
	}
	return image{
		index: newObject("schemaVersion", 2, "mediaType", typeIndex),
		manifest: newObject(
			"schemaVersion", 2,
			"mediaType", typeManifest,
			"config", newObject("mediaType", typeConfig, "size", 0),
			"layers", []any{},
		),
		config: config,
	}
}

// base reads the base, and links its layers into dir.
func (s spec) base(dir string) (image, error) {
	i, err := readImage(s.Base)
	if err != nil {
		return i, err
	}
	if entry, own := i.descriptor.text("mediaType"), i.manifest.text("mediaType"); entry != "" && own != "" && entry != own {
		return i, fmt.Errorf("%s: the manifest's media type is %s in index.json and %s in itself", s.Base, entry, own)
	}
	if i.manifest.get("subject") != nil {
		return i, fmt.Errorf("%s: the manifest has a subject: a referrer cannot be a base", s.Base)
	}
	i.index = baseIndex(i.index)
	for _, l := range i.manifest.array("layers") {
		descriptor, _ := l.(*object)
		blob, err := blobPath(s.Base, descriptor.text("digest"))
		if err != nil {
			return i, fmt.Errorf("layers: %w", err)
		}
		// A layout may leave out the blobs of layers.
		if _, err := os.Stat(blob); err != nil {
			continue
		}
		if err := linkLayer(dir, descriptor.text("digest"), blob); err != nil {
			return i, err
		}
	}
	return i, nil
}

// baseIndex returns the index.json of an image with a base. rules_oci writes it with
// regctl, which keeps the members that it knows, in an order of its own.
func baseIndex(base *object) *object {
	index := newObject("schemaVersion", base.get("schemaVersion"))
	if base.get("schemaVersion") == nil {
		index.set("schemaVersion", 0)
	}
	for _, key := range []string{"mediaType", "artifactType"} {
		if value := base.text(key); value != "" {
			index.set(key, value)
		}
	}
	index.set("manifests", nil) // writeImage sets it; this is its place.
	if annotations := base.object("annotations"); annotations != nil && len(annotations.members) > 0 {
		slices.SortFunc(annotations.members, func(a, b member) int { return strings.Compare(a.key, b.key) })
		index.set("annotations", annotations)
	}
	return index
}

// manifestType returns the media type of the manifest. It is optional in a manifest
// (manifest.md); then the first layer decides.
func (i image) manifestType() (string, error) {
	mediaType := i.manifest.text("mediaType")
	if layers := i.manifest.array("layers"); mediaType == "" && len(layers) > 0 {
		mediaType = typeManifest
		if first, _ := layers[0].(*object); strings.HasPrefix(first.text("mediaType"), dockerPrefix) {
			mediaType = typeDockerManifest
		}
	}
	if mediaType != typeManifest && mediaType != typeDockerManifest {
		return "", fmt.Errorf("base: media type %q of the manifest is not that of an image", mediaType)
	}
	return mediaType, nil
}

// addLayer adds a layer to the documents and links it into dir.
func (i image) addLayer(dir, tar, label string) error {
	l, err := readLayer(tar)
	if err != nil {
		return err
	}
	mediaType, separator := typeLayer, "+"
	if strings.HasPrefix(i.manifest.text("mediaType"), dockerPrefix) {
		mediaType, separator = typeDockerLayer, "."
	}
	if l.compression != "" {
		mediaType += separator + l.compression
	}
	if i.config.object("rootfs") == nil {
		i.config.set("rootfs", &object{})
	}
	i.config.object("rootfs").add("diff_ids", l.diffID)
	i.config.add("history", newObject("created", epoch, "created_by", "bazel build "+label))
	i.manifest.add("layers", newObject("size", l.size, "digest", l.digest, "mediaType", mediaType))
	return linkLayer(dir, l.digest, tar)
}

// linkLayer links a file as a blob. It does not resolve links in the file's path, as they
// are different in a sandbox.
func linkLayer(dir, digest, file string) error {
	path, err := blobPath(dir, digest)
	if err != nil {
		return err
	}
	target, err := filepath.Rel(filepath.Dir(path), file)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	// An image may have the same layer twice.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Symlink(target, path)
}

// A layer is what an image says about one of its layers (descriptor.md, layer.md).
type layer struct {
	digest      string
	size        int64  // of the file, in bytes
	diffID      string // digest of the tar archive in it
	compression string // "gzip", "zstd", or "" for none
}

// readLayer reads a layer. Its content decides how it is compressed, not its name.
func readLayer(file string) (layer, error) {
	f, err := os.Open(file)
	if err != nil {
		return layer{}, err
	}
	defer f.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, f)
	if err != nil {
		return layer{}, err
	}
	l := layer{digest: fmt.Sprintf("sha256:%x", hash.Sum(nil)), size: size}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return layer{}, err
	}
	hash.Reset()
	if l.compression, err = decompress(hash, f); err != nil {
		return layer{}, fmt.Errorf("damaged or unsupported: %w", err)
	}
	l.diffID = fmt.Sprintf("sha256:%x", hash.Sum(nil))
	return l, nil
}

// decompress writes what is in a layer, and returns how it was compressed.
func decompress(w io.Writer, file io.Reader) (compression string, err error) {
	r := bufio.NewReader(file)
	start, err := r.Peek(6)
	if err != nil && err != io.EOF {
		return "", err
	}
	switch {
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		content, err := gzip.NewReader(r)
		if err == nil {
			_, err = io.Copy(w, content)
		}
		return "gzip", err
	case startsFrame(start):
		return "zstd", unzstd(w, r)
	case bytes.HasPrefix(start, []byte("\xfd7zXZ\x00")):
		return "", errors.New("an OCI layer cannot be compressed with xz: use gzip, zstd or no compression")
	}
	_, err = io.Copy(w, r)
	return "", err
}

// startsFrame reports whether data starts a frame of zstd, or one that is skipped
// (RFC 8878, sections 3.1.1 and 3.1.2).
func startsFrame(data []byte) bool {
	if len(data) < 4 {
		return false
	}
	magic := binary.LittleEndian.Uint32(data)
	return magic == 0xFD2FB528 || magic&^0xF == 0x184D2A50
}

// unzstd decompresses by Debian's program, as rules_oci does by its own: a Go module would
// have to be fetched and compiled before the first image.
func unzstd(w io.Writer, r io.Reader) error {
	var stderr bytes.Buffer
	cmd := exec.Command("zstd", "--decompress", "--stdout", "--long=31", "--quiet")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = r, w, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("zstd: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	return nil
}

// configure applies the attributes to the configuration and the manifest. The order is
// that in which rules_oci appends new members.
func (s spec) configure(i image) error {
	settings := i.config.object("config")
	if settings == nil {
		settings = &object{}
	}
	for _, attribute := range []struct {
		file string
		set  func(content string)
	}{
		{s.Created, func(c string) { i.config.set("created", c) }},
		// An entrypoint removes the Cmd of the base.
		{s.Entrypoint, func(c string) { settings.set("Cmd", nil); settings.set("Entrypoint", arguments(c)) }},
		{s.Cmd, func(c string) { settings.set("Cmd", arguments(c)) }},
		{s.ExposedPorts, func(c string) { settings.merge(newObject("ExposedPorts", elements(c))) }},
		{s.Volumes, func(c string) { settings.merge(newObject("Volumes", elements(c))) }},
		{s.Env, func(c string) { settings.set("Env", environment(settings.array("Env"), c)) }},
		{s.Labels, func(c string) { settings.merge(newObject("Labels", pairs(c))) }},
		{s.Annotations, func(c string) { i.manifest.merge(newObject("annotations", pairs(c))) }},
	} {
		if attribute.file == "" {
			continue
		}
		content, err := os.ReadFile(attribute.file)
		if err == nil && !utf8.Valid(content) {
			err = fmt.Errorf("%s is not valid UTF-8", attribute.file)
		}
		if err != nil {
			return err
		}
		attribute.set(string(content))
	}
	if s.User != "" {
		settings.set("User", s.User)
	}
	if s.Workdir != "" {
		settings.set("WorkingDir", s.Workdir)
	}
	if len(settings.members) > 0 && i.config.object("config") == nil {
		i.config.set("config", settings)
	}
	if settings.get("Cmd") == nil {
		settings.remove("Cmd")
	}
	return nil
}

// lines returns the lines that are not empty.
func lines(s string) []string {
	return slices.DeleteFunc(strings.Split(s, "\n"), func(l string) bool { return l == "" })
}

func arguments(s string) []any {
	args := []any{}
	for _, l := range lines(s) {
		args = append(args, strings.ReplaceAll(l, "%5Cn", "\n"))
	}
	return args
}

func pairs(s string) *object {
	o := &object{}
	for _, l := range lines(s) {
		key, value, _ := strings.Cut(l, "=")
		o.set(key, value)
	}
	return o
}

func elements(s string) *object {
	o := &object{}
	if s == "" {
		return o
	}
	for _, e := range strings.Split(s, ",") {
		o.set(e, &object{})
	}
	return o
}

// reference matches $NAME and ${NAME} and, like rules_oci, a reference with one brace.
var reference = regexp.MustCompile(`\$\{?([a-zA-Z0-9_]+)\}?`)

// environment sets the lines of s, NAME=VALUE, in the environment of the base. $NAME and
// ${NAME} in a VALUE stand for the value so far, or for nothing. All values of a name that
// the base has twice are concatenated.
func environment(base []any, s string) []any {
	var names, values []string
	for _, e := range base {
		text, _ := e.(string)
		name, value, _ := strings.Cut(text, "=")
		names, values = append(names, name), append(values, value)
	}
	expand := func(match string) string {
		var b strings.Builder
		for i, name := range names {
			if name == strings.Trim(match, "${}") {
				b.WriteString(values[i])
			}
		}
		return b.String()
	}
	if s != "" {
		for l := range strings.SplitSeq(strings.TrimSuffix(s, "\n"), "\n") {
			name, value, _ := strings.Cut(l, "=")
			// rules_oci takes the value from a shell, which drops newlines at the end.
			value = strings.TrimRight(reference.ReplaceAllStringFunc(value, expand), "\n")
			if i := slices.Index(names, name); i >= 0 {
				values[i] = value
			} else {
				names, values = append(names, name), append(values, value)
			}
		}
	}
	env := []any{}
	for i, name := range names {
		env = append(env, name+"="+values[i])
	}
	return env
}
