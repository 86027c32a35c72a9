// Package inventory lists what is in a container image, down to each file of
// each layer, so that two images can be compared and the difference can be
// named. It trusts nothing that it reads: every blob must have the size and the
// digest that its descriptor states, and Limits bound memory and time.
package inventory

import (
	"encoding/json"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Image is an image index with its images, or one image alone.
type Image struct {
	// Digest is that of the image index, or of the manifest if there is no
	// index. It is empty where none is recorded: in a docker archive.
	Digest string `json:"digest,omitempty"`
	// MediaType is that of what Digest is of.
	MediaType string `json:"mediaType,omitempty"`
	// Annotations are the image index's (image-spec, annotations.md).
	Annotations map[string]string `json:"annotations,omitempty"`
	// Platforms are the images, in the order of the index; of nested indexes,
	// depth first.
	Platforms []Platform `json:"platforms"`
}

// Platform is the image for one platform.
type Platform struct {
	// Platform is OS/ARCHITECTURE[/VARIANT], as the index's descriptor says or,
	// without an index, the configuration.
	Platform string `json:"platform"`
	// Digest is that of the manifest; empty in a docker archive.
	Digest string `json:"digest,omitempty"`
	// MediaType is the manifest's.
	MediaType string `json:"mediaType,omitempty"`
	// Annotations are the manifest's.
	Annotations map[string]string `json:"annotations,omitempty"`
	// Config is the configuration (image-spec, config.md), as the JSON document
	// that it is; for an artifact that is no image, whatever JSON it holds. How
	// it is written does not count here, ConfigDigest tells that.
	Config json.RawMessage `json:"config"`
	// ConfigDigest is the digest of the configuration's bytes: the image ID.
	ConfigDigest string `json:"configDigest"`
	// Layers are in the manifest's order, the lowest first.
	Layers []Layer `json:"layers"`
}

// Layer is one layer of an image.
type Layer struct {
	// Digest, Size (bytes) and MediaType are those of the blob, as the
	// manifest's descriptor states them; empty in a docker archive, which has
	// its layers uncompressed.
	Digest    string `json:"digest,omitempty"`
	Size      int64  `json:"size,omitempty"`
	MediaType string `json:"mediaType,omitempty"`
	// DiffID is the digest of the uncompressed tar archive (image-spec,
	// config.md, "Layer DiffID"), computed.
	DiffID string `json:"diffID"`
	// Files are the archive's entries, in its order.
	Files []File `json:"files"`
}

// File is one entry of a layer's tar archive.
type File struct {
	// Path is absolute and clean: "/etc/passwd".
	Path string `json:"path"`
	// Type is "file", "directory", "symlink", "hardlink", "character device",
	// "block device" or "fifo".
	Type string `json:"type"`
	// Mode is the permission bits with setuid, setgid and sticky, in octal:
	// "0755".
	Mode string `json:"mode"`
	// Owner is UID:GID.
	Owner string `json:"owner"`
	// ModTime is absent at the start of 1970, which reproducible layers have.
	ModTime *time.Time `json:"modTime,omitempty"`
	// Size is in bytes.
	Size int64 `json:"size,omitempty"`
	// Digest is that of a file's content.
	Digest string `json:"digest,omitempty"`
	// Link is the target of a symlink or a hardlink.
	Link string `json:"link,omitempty"`
	// Extra has whatever else the entry carries: names of user and group, PAX
	// records such as extended attributes, device numbers.
	Extra map[string]string `json:"extra,omitempty"`
	// Go is there for Go binaries.
	Go *Go `json:"go,omitempty"`
}

// Go is what a Go binary says of its own build (package debug/buildinfo).
type Go struct {
	// Version is that of the Go toolchain: "go1.27.4".
	Version string `json:"version"`
	// Path is the main package's import path.
	Path string `json:"path,omitempty"`
	// Settings are the build settings, such as CGO_ENABLED or -ldflags.
	Settings map[string]string `json:"settings,omitempty"`
	// Modules are the versions of the modules in it by module path, the main
	// module included; "v1.2.3 => other/path v1.2.4" where one is replaced.
	Modules map[string]string `json:"modules,omitempty"`
}

// Only returns the image for one platform alone, as if there were no index; ok
// is false when there is none for it.
func (i Image) Only(platform string) (only Image, ok bool) {
	for _, p := range i.Platforms {
		if p.Platform == platform {
			return Image{Digest: p.Digest, MediaType: p.MediaType, Platforms: []Platform{p}}, true
		}
	}
	return Image{}, false
}

// hash is a digest as inventories have it, empty for the zero value.
func hash(h v1.Hash) string {
	if h == (v1.Hash{}) {
		return ""
	}
	return h.String()
}
