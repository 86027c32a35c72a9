package listing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// OfIndex lists an image index with all that it leads to. Every byte is read and
// compared with its digest; where they differ, a fact named "damage" says so. The
// error is for what could not be read, or is too large.
func OfIndex(ctx context.Context, index v1.ImageIndex) (Listing, error) {
	var l Listing
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("reading the image index: %w", err)
	}
	if len(manifest.Manifests) > maxChildren {
		return nil, fmt.Errorf("the image index has more than %d manifests", maxChildren)
	}
	if err := l.addDescription("index", index); err != nil {
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
		err := l.addChild(ctx, platform, index, child.Digest)
		if isDamage(err) {
			l.add(platform+" damage", "%s", compactJSON(err.Error()))
		} else if err != nil {
			return nil, fmt.Errorf("reading %s: %w", platform, err)
		}
	}
	l.sort()
	return l, nil
}

func (l *Listing) addChild(ctx context.Context, platform string, index v1.ImageIndex, digest v1.Hash) error {
	image, err := index.Image(digest)
	if err != nil {
		return err
	}
	raw, err := image.RawManifest()
	if err != nil {
		return err
	}
	if err := checkDigest(raw, digest); err != nil {
		return err
	}
	return l.addImage(ctx, platform, image, true)
}

// OfImage lists an image without an image index. With stored false it has no
// manifest and no compressed layers either, as in an archive of `docker save`.
func OfImage(ctx context.Context, image v1.Image, stored bool) (Listing, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the image config: %w", err)
	}
	var l Listing
	if err := l.addImage(ctx, Platform(config.Platform()), image, stored); err != nil {
		return nil, err
	}
	l.sort()
	return l, nil
}

// checkDigest compares a manifest or an index with the digest that leads to it.
func checkDigest(raw []byte, want v1.Hash) error {
	got, _, err := v1.SHA256(bytes.NewReader(raw))
	if err == nil && got != want {
		err = fmt.Errorf("a manifest has the digest %s, not %s as its descriptor says", got, want)
	}
	return err
}

func (l *Listing) addImage(ctx context.Context, platform string, image v1.Image, stored bool) error {
	if stored {
		if err := l.addManifest(platform, image); err != nil {
			return err
		}
	}
	if err := l.addConfig(platform, image, stored); err != nil {
		return fmt.Errorf("reading the image config: %w", err)
	}
	layers, err := image.Layers()
	if err != nil {
		return fmt.Errorf("reading the layers: %w", err)
	}
	var compressed, unpacked int64
	for i, layer := range layers {
		reader := &layerReader{listing: l, subject: fmt.Sprintf("%s layer %d", platform, i+1)}
		if err := reader.read(ctx, layer, stored); err != nil {
			return fmt.Errorf("layer %d: %w", i+1, err)
		}
		unpacked += reader.unpacked
		if stored {
			size, err := layer.Size()
			if err != nil {
				return fmt.Errorf("layer %d: %w", i+1, err)
			}
			compressed += size
		}
	}
	if stored {
		l.add(platform+" compressed size", "%d", compressed)
	}
	l.add(platform+" unpacked size", "%d", unpacked)
	return nil
}

func (l *Listing) addManifest(platform string, image v1.Image) error {
	manifest, err := image.Manifest()
	if err != nil {
		return fmt.Errorf("reading the manifest: %w", err)
	}
	if len(manifest.Layers) > maxChildren {
		return fmt.Errorf("the manifest has more than %d layers", maxChildren)
	}
	if manifest.Config.Size > maxDocument {
		return fmt.Errorf("the image config has more than %d bytes", maxDocument)
	}
	if err := l.addDescription(platform, image); err != nil {
		return fmt.Errorf("reading the manifest: %w", err)
	}
	l.addAnnotations(platform, manifest.Annotations)
	for i, layer := range manifest.Layers {
		subject := fmt.Sprintf("%s layer %d", platform, i+1)
		l.add(subject+" media type", "%s", quote(string(layer.MediaType)))
		l.addAnnotations(subject, layer.Annotations)
	}
	return nil
}

func (l *Listing) addConfig(platform string, image v1.Image, stored bool) error {
	raw, err := image.RawConfigFile()
	if err != nil {
		return err
	}
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	l.add(platform+" config digest", "%s", digest)
	if stored {
		manifest, err := image.Manifest()
		if err != nil {
			return err
		}
		if manifest.Config.Digest != digest {
			l.add(platform+" config damage", "%s", compactJSON(fmt.Sprintf("the content has the digest %s, the manifest says %s", digest, manifest.Config.Digest)))
		}
	}
	return l.addDocument(platform+" config", raw)
}

// addDescription adds the digest and the media type of an index or a manifest.
func (l *Listing) addDescription(subject string, document partial.WithRawManifest) error {
	raw, err := document.RawManifest()
	if err != nil {
		return err
	}
	digest, _, err := v1.SHA256(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	l.add(subject+" digest", "%s", digest)
	if typed, ok := document.(partial.Describable); ok {
		mediaType, err := typed.MediaType()
		if err != nil {
			return err
		}
		l.add(subject+" media type", "%s", quote(string(mediaType)))
	}
	return nil
}

func (l *Listing) addAnnotations(subject string, annotations map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		l.add(subject+" annotation "+quote(key), "%s", compactJSON(annotations[key]))
	}
}

// Platform writes a platform as OS/ARCH or OS/ARCH/VARIANT, in its normal form:
// arm64/v8 and amd64/v1 are the architecture's only or first variants and left out,
// and arm alone is arm/v7 (image-spec, image-index.md, "Platform Variants").
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
	return quote(name)
}

// isDamage reports whether an error is about the content, and not about how it is
// reached: the network, the registry, the file system, an interruption.
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
		!errors.Is(err, io.ErrUnexpectedEOF) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}
