package inventory

import "fmt"

// Limits bound what Read does with content that nobody vouches for. The time is
// bounded by the context. A field that is zero has the default.
type Limits struct {
	// ManifestBytes is the size of an image index or manifest; 4 MiB by
	// default, the size that every registry must take (distribution-spec,
	// "Pushing Manifests").
	ManifestBytes int64
	// ConfigBytes is the size of an image configuration; 4 MiB by default.
	ConfigBytes int64
	// IndexDepth is how deep indexes may be nested; 3 by default, where 1 is
	// an index of manifests only.
	IndexDepth int
	// Manifests is the number of indexes and manifests together; 256 by
	// default.
	Manifests int
	// Layers is the number of layers of all platforms together; 2048 by
	// default.
	Layers int
	// Files is the number of files in all layers of all platforms; 500,000
	// by default.
	Files int
	// MetadataBytes is the sum of what is kept of an image: manifests,
	// configurations, what tar headers say (paths, links, PAX records), and the
	// build information of Go binaries; 256 MiB by default. One tar header alone
	// has at most 1 MiB (package archive/tar).
	MetadataBytes int64
	// PathBytes is the length of a path or a link's target; 4096 by default,
	// as on Linux.
	PathBytes int
	// LayerBytes is the size of one layer, both compressed and uncompressed,
	// and of its files together, holes of sparse files included; 4 GiB by
	// default.
	LayerBytes int64
	// ImageBytes is the uncompressed size of all layers; 16 GiB by default.
	ImageBytes int64
	// ZstdWindow is the window that a zstd stream may ask for, and so the
	// memory that unpacking takes; 128 MiB by default, as of zstd itself.
	ZstdWindow int64
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.ManifestBytes, 4<<20)
	setDefault(&l.ConfigBytes, 4<<20)
	setDefault(&l.IndexDepth, 3)
	setDefault(&l.Manifests, 256)
	setDefault(&l.Layers, 2048)
	setDefault(&l.Files, 500_000)
	setDefault(&l.MetadataBytes, 256<<20)
	setDefault(&l.PathBytes, 4096)
	setDefault(&l.LayerBytes, 4<<30)
	setDefault(&l.ImageBytes, 16<<30)
	setDefault(&l.ZstdWindow, 128<<20)
	return l
}

func setDefault[T int | int64](v *T, value T) {
	if *v == 0 {
		*v = value
	}
}

// LimitError says that an image is larger than Limits allow. It says nothing
// about whether the image is right.
type LimitError struct {
	// Place is where in the image.
	Place Place
	// What is too large or too many: "files", "bytes of uncompressed layers".
	What string
	// Max is the limit.
	Max int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%sthere are more than %d %s, which is the limit", e.Place.prefix(), e.Max, e.What)
}
