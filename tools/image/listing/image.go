package listing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Limits of what is read, so that a hostile image cannot fill memory or run for ever.
// Tests lower them.
var (
	maxText     int   = 256 << 20 // bytes of a listing
	maxUnpacked int64 = 64 << 30  // bytes of all layers of an image index, unpacked
)

const (
	maxDocument = 4 << 20 // bytes of a manifest or a config
	maxChildren = 1000    // manifests of an index, layers of a manifest
)

// errTooLarge says that a limit is exceeded. It is about what is read and is not damage.
var errTooLarge = errors.New("too large")

// lister collects the facts of an image or an image index.
type lister struct {
	ctx      context.Context
	facts    Listing
	text     int   // bytes of the facts
	unpacked int64 // bytes of all layers so far
	files    int64 // bytes of all regular files so far; holes are in no layer
	program  bytes.Buffer
}

// OfIndex lists an image index with the images that it leads to. Every byte is read and
// compared with its digest; where they differ, a fact named "damage" says so. The
// error is for what could not be read, or is too large. What is no image, such as a
// nested index, is listed by its digest alone.
func OfIndex(ctx context.Context, index v1.ImageIndex) (Listing, error) {
	l := &lister{ctx: ctx}
	raw, err := limited(index.RawManifest())
	if err != nil {
		return nil, fmt.Errorf("reading the image index: %w", err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("reading the image index: %w", err)
	}
	if len(manifest.Manifests) > maxChildren {
		return nil, fmt.Errorf("the image index is %w: it has more than %d manifests", errTooLarge, maxChildren)
	}
	if err := l.addDescription("index", raw, index.MediaType); err != nil {
		return nil, fmt.Errorf("reading the image index: %w", err)
	}
	l.addAnnotations("index", manifest.Annotations)
	for _, child := range manifest.Manifests {
		platform := Platform(child.Platform)
		l.addAnnotations("index manifest "+platform, child.Annotations)
		if !child.MediaType.IsImage() {
			l.add("index manifest "+platform, "%s %s", quote(string(child.MediaType)), child.Digest)
			continue
		}
		if err := l.addPlatform(platform, func() error { return l.addChild(platform, index, child.Digest) }); err != nil {
			return nil, err
		}
	}
	return l.finish()
}

// OfImage lists an image without an image index. With stored false it has no
// manifest and no compressed layers either, as in an archive of `docker save`.
func OfImage(ctx context.Context, image v1.Image, stored bool) (Listing, error) {
	l := &lister{ctx: ctx}
	if _, err := limited(image.RawConfigFile()); err != nil {
		return nil, fmt.Errorf("reading the image config: %w", err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the image config: %w", err)
	}
	platform := Platform(config.Platform())
	if err := l.addPlatform(platform, func() error { return l.addImage(platform, image, stored) }); err != nil {
		return nil, err
	}
	return l.finish()
}

// addPlatform adds what is listed by add, or the damage that ends it.
func (l *lister) addPlatform(platform string, add func() error) error {
	err := add()
	if isDamage(err) {
		l.damaged(platform, "%v", err)
	} else if err != nil {
		return fmt.Errorf("reading %s: %w", platform, err)
	}
	return nil
}

func (l *lister) addChild(platform string, index v1.ImageIndex, digest v1.Hash) error {
	image, err := index.Image(digest)
	if err != nil {
		return err
	}
	if err := checkManifest(image, digest); err != nil {
		return err
	}
	return l.addImage(platform, image, true)
}

// limited refuses a document that is too large to be decoded.
func limited(raw []byte, err error) ([]byte, error) {
	if err == nil && len(raw) > maxDocument {
		err = fmt.Errorf("it is %w: more than %d bytes", errTooLarge, maxDocument)
	}
	return raw, err
}

// checkManifest compares a manifest or an index with the digest that leads to it.
func checkManifest(manifest partial.WithRawManifest, digest v1.Hash) error {
	raw, err := limited(manifest.RawManifest())
	if err != nil {
		return err
	}
	return checkDigest(raw, digest)
}

// checkDigest compares a document with the digest that leads to it.
func checkDigest(raw []byte, want v1.Hash) error {
	if err := checkAlgorithm(want); err != nil {
		return err
	}
	got, err := digestOf(raw)
	if err == nil && got != want {
		err = fmt.Errorf("the content has the digest %s, its descriptor says %s", got, want)
	}
	return err
}

// checkAlgorithm refuses a digest that is not compared here; nearly all are SHA-256
// (image-spec, descriptor.md, "Registered Algorithms").
func checkAlgorithm(digest v1.Hash) error {
	if digest.Algorithm != "sha256" {
		return fmt.Errorf("the digest %q cannot be checked, only sha256: %w", digest, errors.ErrUnsupported)
	}
	return nil
}

func digestOf(raw []byte) (v1.Hash, error) {
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	return digest, err
}

func (l *lister) addImage(platform string, image v1.Image, stored bool) error {
	if stored {
		if err := l.addManifest(platform, image); err != nil {
			return fmt.Errorf("reading the manifest: %w", err)
		}
	}
	config, err := l.addConfig(platform, image, stored)
	if err != nil {
		return fmt.Errorf("reading the image config: %w", err)
	}
	layers, err := image.Layers()
	if err != nil {
		return fmt.Errorf("reading the layers: %w", err)
	}
	if config != nil && len(layers) != len(config.RootFS.DiffIDs) {
		l.damaged(platform+" config", "the manifest has %d layers, the config %d", len(layers), len(config.RootFS.DiffIDs))
	}
	before, compressed := l.files, int64(0)
	for i, layer := range layers {
		reader := &layerReader{lister: l, subject: fmt.Sprintf("%s layer %d", platform, i+1), stored: stored}
		if config != nil && i < len(config.RootFS.DiffIDs) {
			reader.diffID = config.RootFS.DiffIDs[i].String()
		}
		if err := reader.read(layer); err != nil {
			return fmt.Errorf("layer %d: %w", i+1, err)
		}
		compressed += reader.size
	}
	if stored {
		l.add(platform+" compressed size", "%d", compressed)
	}
	l.add(platform+" unpacked size", "%d", l.files-before)
	return nil
}

func (l *lister) addManifest(platform string, image v1.Image) error {
	raw, err := limited(image.RawManifest())
	if err != nil {
		return err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return err
	}
	if len(manifest.Layers) > maxChildren {
		return fmt.Errorf("it is %w: it has more than %d layers", errTooLarge, maxChildren)
	}
	if manifest.Config.Size > maxDocument {
		return fmt.Errorf("the config is %w: it has more than %d bytes", errTooLarge, maxDocument)
	}
	if err := l.addDescription(platform, raw, image.MediaType); err != nil {
		return err
	}
	l.addAnnotations(platform, manifest.Annotations)
	for i, layer := range manifest.Layers {
		subject := fmt.Sprintf("%s layer %d", platform, i+1)
		l.add(subject+" media type", "%s", quote(string(layer.MediaType)))
		l.addAnnotations(subject, layer.Annotations)
	}
	return nil
}

// addConfig returns the config; nil if it is not that of a container image, as with
// attestations.
func (l *lister) addConfig(platform string, image v1.Image, stored bool) (*v1.ConfigFile, error) {
	raw, err := limited(image.RawConfigFile())
	if err != nil {
		return nil, err
	}
	digest, err := digestOf(raw)
	if err != nil {
		return nil, err
	}
	l.add(platform+" config digest", "%s", digest)
	if stored {
		manifest, err := image.Manifest()
		if err != nil {
			return nil, err
		}
		if err := checkDigest(raw, manifest.Config.Digest); isDamage(err) {
			l.damaged(platform+" config", "%v", err)
		} else if err != nil {
			return nil, err
		}
		mediaType := manifest.Config.MediaType
		if mediaType != types.OCIConfigJSON {
			l.add(platform+" config media type", "%s", quote(string(mediaType)))
		}
		if !mediaType.IsConfig() {
			return nil, nil
		}
	}
	if err := l.addDocument(platform+" config", raw); err != nil {
		return nil, err
	}
	return image.ConfigFile()
}

// addDescription adds the digest and media type of an index or a manifest.
func (l *lister) addDescription(subject string, raw []byte, mediaType func() (types.MediaType, error)) error {
	digest, err := digestOf(raw)
	if err != nil {
		return err
	}
	l.add(subject+" digest", "%s", digest)
	written, err := mediaType()
	if err != nil {
		return err
	}
	l.add(subject+" media type", "%s", quote(string(written)))
	return nil
}

func (l *lister) addAnnotations(subject string, annotations map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		l.add(subject+" annotation "+quote(key), "%s", compactJSON(annotations[key]))
	}
}

// add adds a fact, unless the listing is full.
func (l *lister) add(key, format string, args ...any) {
	fact := Fact{key, fmt.Sprintf(format, args...)}
	l.text += len(fact.Key) + len(fact.Value)
	if !l.full() {
		l.facts = append(l.facts, fact)
	}
}

func (l *lister) damaged(subject, format string, args ...any) {
	l.add(subject+" damage", "%s", compactJSON(fmt.Sprintf(format, args...)))
}

func (l *lister) full() bool { return l.text > maxText }

// checkFull returns an error if there was no room for a fact.
func (l *lister) checkFull() error {
	if l.full() {
		return fmt.Errorf("the image is %w: its listing has more than %d bytes", errTooLarge, maxText)
	}
	return nil
}

func (l *lister) finish() (Listing, error) {
	if err := l.checkFull(); err != nil {
		return nil, err
	}
	l.facts.sort()
	return l.facts, nil
}

// Platform writes a platform as OS/ARCH or OS/ARCH/VARIANT, in its normal form:
// arm64/v8 and amd64/v1 are the architecture's only or first variants and left out,
// and arm alone is arm/v7 (image-spec, image-index.md, "Platform Variants"). There is
// no blank in it.
func Platform(p *v1.Platform) string {
	if p == nil || p.OS == "" && p.Architecture == "" {
		return "unknown"
	}
	variant := p.Variant
	switch p.Architecture + "/" + variant {
	case "arm64/v8", "amd64/v1":
		variant = ""
	case "arm/":
		variant = "v7"
	}
	name := p.OS + "/" + p.Architecture
	if variant != "" {
		name += "/" + variant
	}
	if plainName.MatchString(name) {
		return name
	}
	return strings.ReplaceAll(strconv.QuoteToASCII(name), " ", `\x20`)
}

// isDamage reports whether an error is about the content, and not about how it is
// reached (the network, the registry, the file system, an interruption) or a limit. A
// transport must return errors of the network as such, also for a body.
func isDamage(err error) bool {
	if err == nil {
		return false
	}
	var (
		network net.Error
		answer  *transport.Error
		file    *fs.PathError
	)
	return !errors.As(err, &network) && !errors.As(err, &answer) && !errors.As(err, &file) &&
		!errors.Is(err, errTooLarge) && !errors.Is(err, errors.ErrUnsupported) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}
