package inventory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Read lists what is in the image of a source. It holds no layer in memory, and
// a layer that several platforms share is read once.
//
// The error says what went wrong first. It is, or wraps,
//
//   - a *DamagedError when content does not match its descriptor or cannot be
//     decoded. The Image then has all that could be read in spite of it, so
//     that a comparison with the right image can tell what was changed: digests
//     are those of the content found, and a layer whose DiffID is empty has
//     only the files before the place where it could not be read any further;
//   - a *LimitError when the image is larger than limits allow;
//   - and otherwise what the source or the context said: the image could not
//     be had, whatever it may be like.
//
// An Image that comes with an error is not whole.
func Read(ctx context.Context, src Source, limits Limits) (Image, error) {
	r := &reader{src: src, limits: limits.withDefaults(), layers: map[string]layerResult{}}
	err := r.image(ctx, src.Root())
	return r.out, r.failure(err)
}

// reader is one run of Read.
type reader struct {
	src    Source
	limits Limits
	out    Image
	damage troubles
	// What was used up of the limits.
	manifests, layerCount, files int
	metadata, unpacked           int64
	// layers are those read already.
	layers map[string]layerResult
}

// failure is the error of Read, where err is what ended it too early.
func (r *reader) failure(err error) error {
	all := r.damage
	if err != nil {
		all = append(all, err)
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return all
}

func (r *reader) damaged(p Place, format string, args ...any) {
	problem := fmt.Sprintf(format, args...)
	if r.isDamaged(p) {
		last := r.damage[len(r.damage)-1].(*DamagedError)
		last.Problem += "; " + problem
	} else if len(r.damage) < maxTroubles {
		r.damage = append(r.damage, &DamagedError{Place: p, Problem: problem})
	}
}

// isDamaged reports whether the last damage that was noted is that of p.
func (r *reader) isDamaged(p Place) bool {
	if len(r.damage) == 0 {
		return false
	}
	last := r.damage[len(r.damage)-1].(*DamagedError).Place
	p.File = last.File
	return last == p
}

func (r *reader) image(ctx context.Context, root Root) error {
	if root.Docker != nil {
		return r.docker(ctx, *root.Docker)
	}
	d := root.Descriptor
	switch {
	case d.MediaType.IsIndex():
		return r.index(ctx, d, 1)
	case d.MediaType.IsImage():
		err := r.platform(ctx, d)
		if len(r.out.Platforms) > 0 {
			r.out.Digest, r.out.MediaType = r.out.Platforms[0].Digest, r.out.Platforms[0].MediaType
		}
		return err
	}
	return fmt.Errorf("%s is a %q: %w", hash(d.Digest), d.MediaType, errUnsupported)
}

var errUnsupported = errors.New("only image indexes and image manifests can be read, of OCI or docker's version 2")

// index reads an image index and all below it; depth is 1 at the top.
func (r *reader) index(ctx context.Context, d v1.Descriptor, depth int) error {
	children, err := r.children(ctx, d, depth)
	if err != nil {
		return err
	}
	for _, child := range children {
		switch {
		case child.MediaType.IsIndex():
			err = r.index(ctx, child, depth+1)
		case child.MediaType.IsImage():
			err = r.platform(ctx, child)
		default:
			err = r.unknown(child)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// children reads an image index and returns what it lists.
func (r *reader) children(ctx context.Context, d v1.Descriptor, depth int) ([]v1.Descriptor, error) {
	place := Place{Part: "image index", Digest: hash(d.Digest)}
	if depth > r.limits.IndexDepth {
		return nil, &LimitError{place, "image indexes in each other", int64(r.limits.IndexDepth)}
	}
	raw, digest, err := r.manifest(ctx, d, place)
	if err != nil {
		return nil, err
	}
	if depth == 1 {
		r.out.Digest, r.out.MediaType = hash(digest), string(d.MediaType)
	}
	m, err := parseManifest(raw, d.MediaType)
	if err != nil {
		r.damaged(place, "%v", err)
		return nil, nil
	}
	if depth == 1 {
		r.out.Annotations = m.Annotations
	}
	if len(m.Manifests) > r.limits.Manifests {
		return nil, &LimitError{place, "image indexes and manifests", int64(r.limits.Manifests)}
	}
	var out []v1.Descriptor
	for i, raw := range m.Manifests {
		child, err := parseDescriptor(raw)
		if err != nil {
			r.damaged(place, "manifests[%d]: %v", i, err)
			continue
		}
		out = append(out, child)
	}
	return out, nil
}

// unknown notes something that an index lists beside images; that may be
// anything, and is to be ignored (image-spec, image-index.md, "manifests").
func (r *reader) unknown(d v1.Descriptor) error {
	place := Place{Platform: platformName(d.Platform), Part: "manifest", Digest: hash(d.Digest)}
	if err := r.countManifest(place); err != nil {
		return err
	}
	p := r.addPlatform(place.Platform)
	p.Digest, p.MediaType = hash(d.Digest), string(d.MediaType)
	return nil
}

func (r *reader) countManifest(p Place) error {
	if r.manifests++; r.manifests > r.limits.Manifests {
		return &LimitError{p, "image indexes and manifests", int64(r.limits.Manifests)}
	}
	return nil
}

// manifest reads the bytes of an index or a manifest. They are returned with
// their digest even when that is not the one it should be.
func (r *reader) manifest(ctx context.Context, d v1.Descriptor, p Place) ([]byte, v1.Hash, error) {
	if err := r.countManifest(p); err != nil {
		return nil, v1.Hash{}, err
	}
	return r.document(ctx, r.blob(d), p, r.limits.ManifestBytes)
}

func (r *reader) blob(d v1.Descriptor) Blob {
	return Blob{Digest: d.Digest, Size: d.Size, Open: func(ctx context.Context) (io.ReadCloser, error) {
		return r.src.Open(ctx, d)
	}}
}

// parsedFactor is about how much more memory a JSON document takes than its text.
const parsedFactor = 4

// document reads a JSON document whole.
func (r *reader) document(ctx context.Context, b Blob, p Place, limit int64) (_ []byte, _ v1.Hash, err error) {
	tooLarge := &LimitError{p, "bytes", limit}
	if b.Size > limit {
		return nil, v1.Hash{}, tooLarge
	}
	c, err := open(ctx, b, p)
	if err != nil {
		return nil, v1.Hash{}, err
	}
	defer c.Close()
	// More than the stated size is read too: it shows what is there instead.
	raw, err := io.ReadAll(io.LimitReader(c, limit+1))
	if err != nil {
		return nil, v1.Hash{}, fmt.Errorf("%sreading it: %w", p.prefix(), err)
	}
	if int64(len(raw)) > limit {
		return nil, v1.Hash{}, tooLarge
	}
	// Parsed, it takes more; a document that is there twice takes twice as much.
	if err := r.count(p, 0, parsedFactor*int64(len(raw))); err != nil {
		return nil, v1.Hash{}, err
	}
	if problem := c.problem(); problem != "" {
		r.damaged(p, "%s", problem)
	}
	return raw, c.digest(), nil
}

// platform reads the image of a manifest and adds it to the platforms.
func (r *reader) platform(ctx context.Context, d v1.Descriptor) error {
	place := Place{Platform: platformName(d.Platform), Part: "manifest", Digest: hash(d.Digest)}
	raw, digest, err := r.manifest(ctx, d, place)
	if err != nil {
		return err
	}
	p := r.addPlatform(place.Platform)
	p.Digest, p.MediaType = hash(digest), string(d.MediaType)
	m, err := parseManifest(raw, d.MediaType)
	if err != nil {
		r.damaged(place, "%v", err)
		return nil
	}
	p.Annotations = m.Annotations
	config, err := parseDescriptor(m.Config)
	if err != nil {
		r.damaged(place, "config: %v", err)
		return nil
	}
	diffIDs, err := r.config(ctx, p, r.blob(config), config.MediaType)
	if err != nil {
		return err
	}
	if diffIDs != nil && len(diffIDs) != len(m.Layers) {
		r.damaged(Place{Platform: p.Platform, Part: "configuration", Digest: p.ConfigDigest},
			"rootfs.diff_ids has %d entries, but the manifest has %d layers", len(diffIDs), len(m.Layers))
		diffIDs = nil
	}
	for i, raw := range m.Layers {
		l, err := parseDescriptor(raw)
		if err != nil {
			r.damaged(place, "layers[%d]: %v", i, err)
			return nil
		}
		if err := r.layer(ctx, p, l, r.blob(l), diffIDs); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) addPlatform(name string) *Platform {
	r.out.Platforms = append(r.out.Platforms, Platform{Platform: name})
	return &r.out.Platforms[len(r.out.Platforms)-1]
}

// docker reads an image of a docker archive.
func (r *reader) docker(ctx context.Context, d DockerImage) error {
	p := r.addPlatform("")
	diffIDs, err := r.config(ctx, p, d.Config, types.DockerConfigJSON)
	if err != nil {
		return err
	}
	if len(diffIDs) != len(d.Layers) {
		r.damaged(Place{Platform: p.Platform, Part: "configuration", Digest: p.ConfigDigest},
			"rootfs.diff_ids has %d entries, but the archive has %d layers for it", len(diffIDs), len(d.Layers))
		diffIDs = nil
	}
	for _, l := range d.Layers {
		if err := r.layer(ctx, p, v1.Descriptor{}, l, diffIDs); err != nil {
			return err
		}
	}
	return nil
}

// config reads the configuration into p. The diff IDs are nil if they are not
// to be had or if this is no image but another artifact.
func (r *reader) config(ctx context.Context, p *Platform, b Blob, mediaType types.MediaType) ([]v1.Hash, error) {
	place := Place{Platform: p.Platform, Part: "configuration", Digest: hash(b.Digest)}
	raw, digest, err := r.document(ctx, b, place, r.limits.ConfigBytes)
	if err != nil {
		return nil, err
	}
	p.ConfigDigest = hash(digest)
	if !mediaType.IsConfig() {
		if json.Valid(raw) {
			p.Config = raw
		}
		return nil, nil
	}
	c, err := parseConfig(raw)
	if err != nil {
		r.damaged(place, "%v", err)
		return nil, nil
	}
	p.Config = raw
	if p.Platform == "" {
		p.Platform = platformName(&c.Platform)
	}
	return c.diffIDs, nil
}

// platformName is OS/ARCHITECTURE[/VARIANT], or empty.
func platformName(p *v1.Platform) string {
	if p == nil || p.OS == "" && p.Architecture == "" {
		return ""
	}
	return strings.TrimSuffix(p.OS+"/"+p.Architecture+"/"+p.Variant, "/")
}
