package main

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// pull downloads all of the image index that a tag points to into a new OCI
// image layout in dir, and returns the index as read from there.
func pull(ctx context.Context, reference, dir string) (v1.ImageIndex, error) {
	index, err := download(ctx, reference, dir)
	if err != nil {
		return nil, fmt.Errorf("pulling %s: %w", reference, err)
	}
	return index, nil
}

func download(ctx context.Context, reference, dir string) (v1.ImageIndex, error) {
	tag, err := name.NewTag(reference)
	if err != nil {
		return nil, err
	}
	index, err := remote.Index(tag, remote.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	digest, err := index.Digest()
	if err != nil {
		return nil, err
	}
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return nil, err
	}
	if err := path.AppendIndex(index); err != nil {
		return nil, err
	}
	top, err := path.ImageIndex()
	if err != nil {
		return nil, err
	}
	return top.ImageIndex(digest)
}
