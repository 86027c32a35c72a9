package inventory

import (
	"context"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Source holds one image.
type Source interface {
	// Root is what the source says that its image is.
	Root() Root
	// Open opens the content that a descriptor of the image describes. What
	// comes out need not match the descriptor: Read checks that. An error, of
	// Open or of the reader, means that the content could not be had, not that
	// it is wrong; the reader returns io.EOF only at its end.
	Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)
	// Close ends the use of the source.
	Close() error
}

// Root is where reading an image begins.
type Root struct {
	// Descriptor describes the image index or the image manifest.
	Descriptor v1.Descriptor
	// Docker is there instead for docker archives, which have no manifest.
	Docker *DockerImage
}

// DockerImage is an image of a docker archive, the format of `docker save`: an
// image configuration and the layers in its order, the lowest first.
type DockerImage struct {
	Config Blob
	Layers []Blob
}

// Blob is content for which there is no descriptor.
type Blob struct {
	// Digest is what the content must have; zero if that is not recorded.
	Digest v1.Hash
	// Size is in bytes.
	Size int64
	// Open opens the content; its errors are like those of Source.Open.
	Open func(ctx context.Context) (io.ReadCloser, error)
}
