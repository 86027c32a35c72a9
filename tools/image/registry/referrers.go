package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Artifact is one file about an image, such as an attestation or an SBOM. A registry
// keeps it as a manifest that names the image as its subject (image-spec 1.1,
// manifest.md, "Guidelines for Artifact Usage").
type Artifact struct {
	// Subject is the image index or manifest that the artifact is about.
	Subject v1.Descriptor
	// MediaType is the type of the content, and so of the artifact.
	MediaType   types.MediaType
	Content     []byte
	Annotations map[string]string
}

var emptyConfig = static.NewLayer([]byte("{}"), "application/vnd.oci.empty.v1+json")

func (a Artifact) blob() v1.Layer { return static.NewLayer(a.Content, a.MediaType) }

// manifest is the artifact's manifest, the same for equal artifacts.
func (a Artifact) manifest() (manifest, error) {
	config, err := partial.Descriptor(emptyConfig)
	if err != nil {
		return manifest{}, err
	}
	content, err := partial.Descriptor(a.blob())
	if err != nil {
		return manifest{}, err
	}
	return manifest{v1.Manifest{
		SchemaVersion: 2,
		MediaType:     types.OCIManifestSchema1,
		ArtifactType:  string(a.MediaType),
		Config:        *config,
		Layers:        []v1.Descriptor{*content},
		Annotations:   a.Annotations,
		Subject:       &v1.Descriptor{MediaType: a.Subject.MediaType, Digest: a.Subject.Digest, Size: a.Subject.Size},
	}}, nil
}

// manifest is one to be pushed.
type manifest struct{ v1.Manifest }

// RawManifest implements remote.Taggable.
func (m manifest) RawManifest() ([]byte, error) { return json.Marshal(m.Manifest) }

// MediaType tells remote.Pusher the type.
func (m manifest) MediaType() (types.MediaType, error) { return m.Manifest.MediaType, nil }

// Attach adds an artifact to what refers to its subject. What is there already is not
// sent again.
//
// A registry without the referrers API has a tag in its place, sha256-HEX, which points
// to an image index that lists all artifacts (distribution-spec, "Referrers Tag
// Schema"). remote.Pusher reads that list and writes it with the new entry, so of two
// writers that read the same list the later one removes the entry of the other. Hence
// each artifact also gets a tag of its own, sha256-HEX.DIGEST, from which complete
// repairs the list.
func (r *Repository) Attach(ctx context.Context, a Artifact) error {
	tries := 0
	err := r.retryIf(ctx, isListRefused, func() error {
		if tries++; tries > 2 {
			if err := r.removeDeleted(ctx, a.Subject.Digest); err != nil {
				return err
			}
		}
		return r.attach(ctx, a)
	})
	if err != nil {
		return fmt.Errorf("attaching %s to %s@%s: %w", a.MediaType, r.Name, a.Subject.Digest, err)
	}
	return nil
}

// isListRefused reports whether a registry refused a list: it names what was deleted, or
// what the registry is about to store for another writer.
func isListRefused(err error) bool {
	return IsStatus(err, http.StatusBadRequest, http.StatusNotFound)
}

func (r *Repository) attach(ctx context.Context, a Artifact) error {
	manifest, err := a.manifest()
	if err != nil {
		return err
	}
	digest, err := partial.Digest(manifest)
	if err != nil {
		return err
	}
	subject := a.Subject.Digest
	listed, err := r.referrers(ctx, subject)
	if err != nil {
		return err
	}
	if !isListed(listed, digest.Hex) {
		for _, blob := range []v1.Layer{emptyConfig, a.blob()} {
			if err := r.Pusher.Upload(ctx, r.Repository, blob); err != nil {
				return err
			}
		}
		if err := r.Pusher.Put(ctx, r.Repository.Digest(digest.String()), manifest); err != nil {
			return err
		}
	}
	if list, err := r.Find(ctx, r.Tag(listTag(subject))); list == nil || err != nil {
		return err // the registry has the API
	}
	ownTag := r.Tag(listTag(subject) + "." + digest.Hex[:shortDigest])
	if tagged, err := r.Find(ctx, ownTag); err != nil {
		return err
	} else if tagged == nil {
		if err := r.Pusher.Put(ctx, ownTag, manifest); err != nil {
			return err
		}
	}
	return r.complete(ctx, subject)
}

// shortDigest is how many digits of an artifact's digest are in its tag.
const shortDigest = 16

// listTag is the tag that stands in for the referrers API.
func listTag(subject v1.Hash) string { return subject.Algorithm + "-" + subject.Hex }

func isListed(listed []v1.Descriptor, hexPrefix string) bool {
	return slices.ContainsFunc(listed, func(d v1.Descriptor) bool { return strings.HasPrefix(d.Digest.Hex, hexPrefix) })
}

// completeTries is more than writers at the same time need, of which each writes an
// outdated list a few times at most.
const completeTries = 20

// complete repeats until every artifact of the subject that has a tag is in the list.
//
// When all writers have ended so, the list is complete. Take the last write of the
// list. Its writer then read the tags, and found all of them in the list. A tag that
// was set later is that of a writer who read the list after that, and saw its own
// artifact in it.
func (r *Repository) complete(ctx context.Context, subject v1.Hash) error {
	for range completeTries {
		// The tags first, and then the list.
		tags, err := r.Tags(ctx)
		if err != nil {
			return err
		}
		listed, err := r.referrers(ctx, subject)
		if err != nil {
			return err
		}
		changed := false
		for _, tag := range tags {
			short, ok := strings.CutPrefix(tag, listTag(subject)+".")
			if !ok || isListed(listed, short) {
				continue
			}
			found, err := r.Find(ctx, r.Tag(tag))
			if err != nil {
				return err
			}
			if found == nil || !strings.HasPrefix(found.Digest.Hex, short) || !refersTo(found, subject) {
				continue // somebody else's tag
			}
			if err := r.Pusher.Put(ctx, r.Tag(tag), found); err != nil {
				return err
			}
			changed = true
		}
		if !changed {
			return nil
		}
	}
	return fmt.Errorf("other writers keep changing the list %s; try again", listTag(subject))
}

// removeDeleted removes what does not exist any more from the list.
func (r *Repository) removeDeleted(ctx context.Context, subject v1.Hash) error {
	found, err := r.Find(ctx, r.Tag(listTag(subject)))
	if found == nil || err != nil {
		return err
	}
	list, err := found.ImageIndex()
	if err != nil {
		return err
	}
	list = mutate.RemoveManifests(list, func(d v1.Descriptor) bool {
		found, err := r.Find(ctx, r.Repository.Digest(d.Digest.String()))
		return found == nil && err == nil
	})
	return r.Pusher.Put(ctx, r.Tag(listTag(subject)), list)
}

// refersTo reports whether a manifest names the subject.
func refersTo(found *remote.Descriptor, subject v1.Hash) bool {
	m, err := v1.ParseManifest(bytes.NewReader(found.Manifest))
	return err == nil && m.Subject != nil && m.Subject.Digest == subject
}

// referrers lists what refers to a subject.
func (r *Repository) referrers(ctx context.Context, subject v1.Hash) ([]v1.Descriptor, error) {
	var list *v1.IndexManifest
	err := r.retry(ctx, func() error {
		index, err := remote.Referrers(r.Repository.Digest(subject.String()), remote.Reuse(r.Puller), remote.WithContext(ctx))
		if err != nil {
			return err
		}
		list, err = index.IndexManifest()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading what refers to %s@%s: %w", r.Name, subject, err)
	}
	return list.Manifests, nil
}

// maxArtifact is how much of an artifact is read, in bytes: anybody who may push can
// attach one.
const maxArtifact = 4 << 20

// Attached passes each artifact of a type that refers to a subject to visit: the digest
// of its manifest, and its content, compared with its digest. An artifact that cannot
// be read is passed with the error, and does not hide the others.
func (r *Repository) Attached(ctx context.Context, subject v1.Hash, mediaType types.MediaType, visit func(v1.Hash, []byte, error)) error {
	listed, err := r.referrers(ctx, subject)
	if err != nil {
		return err
	}
	for _, d := range listed {
		content, err := r.readArtifact(ctx, subject, mediaType, d)
		if ctx.Err() != nil {
			return fmt.Errorf("reading %d artifacts of %s@%s: %w", len(listed), r.Name, subject, ctx.Err())
		}
		if !errors.Is(err, errOtherType) {
			visit(d.Digest, content, err)
		}
	}
	return nil
}

var errOtherType = errors.New("an artifact of another type")

// readArtifact looks for the type in the manifest: the list of cosign has another one.
func (r *Repository) readArtifact(ctx context.Context, subject v1.Hash, mediaType types.MediaType, d v1.Descriptor) ([]byte, error) {
	if !d.MediaType.IsImage() {
		return nil, errOtherType
	}
	if d.Size > maxArtifact {
		return nil, fmt.Errorf("its manifest has %d bytes, the limit is %d", d.Size, maxArtifact)
	}
	found, err := r.Find(ctx, r.Repository.Digest(d.Digest.String()))
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, errors.New("it is in the list and does not exist")
	}
	m, err := v1.ParseManifest(bytes.NewReader(found.Manifest))
	if err != nil {
		return nil, fmt.Errorf("its manifest: %w", err)
	}
	if len(m.Layers) != 1 || m.Layers[0].MediaType != mediaType {
		return nil, errOtherType
	}
	if !refersTo(found, subject) {
		return nil, errors.New("its manifest refers to another image")
	}
	// Not image.LayerByDigest, which follows the URLs in a manifest to elsewhere.
	blob, err := r.Puller.Layer(ctx, r.Repository.Digest(m.Layers[0].Digest.String()))
	if err != nil {
		return nil, err
	}
	var content []byte
	err = r.retry(ctx, func() error {
		reader, err := blob.Compressed() // compares the content with its digest at its end
		if err != nil {
			return err
		}
		defer reader.Close()
		content, err = io.ReadAll(io.LimitReader(reader, maxArtifact+1))
		return err
	})
	if err == nil && len(content) > maxArtifact {
		err = fmt.Errorf("it has more bytes than the limit, %d", maxArtifact)
	}
	return content, err
}
