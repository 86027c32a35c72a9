package registrytest

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Tags returns where the tags of a repository, such as "127.0.0.1:5000/hello",
// point; none if there is no such repository. It pulls everything that each tag
// leads to, every byte, and fails the test unless all is there and has the size
// and the digest that its descriptor states.
func Tags(t testing.TB, repository string, opts ...remote.Option) map[string]v1.Hash {
	t.Helper()
	repo, err := name.NewRepository(repository)
	if err != nil {
		t.Fatal(err)
	}
	list, err := remote.List(repo, opts...)
	var answer *transport.Error
	if errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	tags := map[string]v1.Hash{}
	pulled := map[v1.Hash]bool{}
	for _, tag := range list {
		desc, err := remote.Get(repo.Tag(tag), opts...)
		if err != nil {
			t.Errorf("the tag %s leads nowhere: %v", repo.Tag(tag), err)
			continue
		}
		tags[tag] = desc.Digest
		if pulled[desc.Digest] {
			continue
		}
		pulled[desc.Digest] = true
		if err := pull(desc); err != nil {
			t.Errorf("the tag %s leads to an image that is not whole: %v", repo.Tag(tag), err)
		}
	}
	return tags
}

func pull(desc *remote.Descriptor) error {
	index, err := desc.ImageIndex()
	if err != nil {
		return err
	}
	m, err := index.IndexManifest()
	if err != nil {
		return err
	}
	for _, platform := range m.Manifests {
		img, err := index.Image(platform.Digest)
		if err != nil {
			return err
		}
		if err := pullImage(img); err != nil {
			return err
		}
	}
	return nil
}

func pullImage(img v1.Image) error {
	if _, err := img.RawConfigFile(); err != nil {
		return err
	}
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	for _, l := range layers {
		// The reader checks size and digest.
		r, err := l.Compressed()
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			return err
		}
		if err := r.Close(); err != nil {
			return err
		}
	}
	return nil
}
