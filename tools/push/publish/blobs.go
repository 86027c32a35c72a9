package publish

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"
)

// blob is a layer or a configuration and the repositories that need it.
type blob struct {
	layer  v1.Layer
	digest v1.Hash
	size   int64
	repos  []name.Repository
}

// blobs uploads all blobs, several at once.
func (p *pusher) blobs(ctx context.Context) error {
	var count int
	var bytes int64
	for _, b := range p.content {
		count += len(b.repos)
		bytes += b.size * int64(len(b.repos))
	}
	p.progress.Start(count, bytes)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(p.jobs)
	for _, b := range p.content {
		g.Go(func() error { return p.upload(ctx, b) })
	}
	return g.Wait()
}

// listBlobs lists each blob once, in the order of the images.
func (p *pusher) listBlobs() ([]*blob, error) {
	var blobs []*blob
	byDigest := map[v1.Hash]*blob{}
	seen := map[string]bool{}
	for _, d := range p.images {
		for _, platform := range d.Image.Platforms {
			layers, err := platform.Image.Layers()
			if err != nil {
				return nil, fmt.Errorf("image %s: %w", d.Image.Label, err)
			}
			config, err := partial.ConfigLayer(platform.Image)
			if err != nil {
				return nil, fmt.Errorf("image %s: %w", d.Image.Label, err)
			}
			for _, layer := range append(layers, config) {
				digest, err := layer.Digest()
				if err != nil {
					return nil, fmt.Errorf("image %s: %w", d.Image.Label, err)
				}
				key := d.Repository + "@" + digest.String()
				if seen[key] {
					continue
				}
				seen[key] = true
				b, ok := byDigest[digest]
				if !ok {
					size, err := layer.Size()
					if err != nil {
						return nil, fmt.Errorf("image %s: %w", d.Image.Label, err)
					}
					b = &blob{layer: layer, digest: digest, size: size}
					byDigest[digest] = b
					blobs = append(blobs, b)
				}
				b.repos = append(b.repos, d.repo)
			}
		}
	}
	return blobs, nil
}

// upload brings a blob into the first repository and has the registry mount it
// from there into the others (OCI distribution specification, section
// "Mounting a blob from another repository"). Where a registry does not mount,
// go-containerregistry uploads.
func (p *pusher) upload(ctx context.Context, b *blob) error {
	for i, repo := range b.repos {
		counted := &countedLayer{Layer: b.layer, progress: p.progress}
		var layer v1.Layer = counted
		if i > 0 {
			layer = &remote.MountableLayer{Layer: counted, Reference: b.repos[0].Digest(b.digest.String())}
		}
		err := p.retry(ctx, func() error { return p.remote.Upload(ctx, repo, layer) })
		if err != nil {
			return during(fmt.Sprintf("uploading the blob %s to %s", b.digest, repo), err)
		}
		p.progress.Blob(repo.String(), b.digest, b.size, counted.opened.Load())
	}
	return nil
}

// countedLayer tells Progress what is read of it.
type countedLayer struct {
	v1.Layer
	progress Progress
	opened   atomic.Bool
	read     atomic.Int64
}

// Compressed is called again when an upload is repeated.
func (l *countedLayer) Compressed() (io.ReadCloser, error) {
	l.opened.Store(true)
	l.progress.Sent(-l.read.Swap(0))
	r, err := l.Layer.Compressed()
	if err != nil {
		return nil, err
	}
	return &countedReader{r, l}, nil
}

type countedReader struct {
	io.ReadCloser
	layer *countedLayer
}

func (r *countedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.layer.read.Add(int64(n))
	r.layer.progress.Sent(int64(n))
	return n, err
}
