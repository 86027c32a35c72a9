package inventory

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
)

// codec is how a layer is compressed.
type codec string

const (
	plain     codec = "no compression"
	gzipped   codec = "gzip"
	zstandard codec = "zstd"
)

// codecs are the media types of layers (image-spec, layer.md; docker's "Image
// Manifest V 2, Schema 2").
var codecs = map[types.MediaType]codec{
	types.OCIUncompressedLayer:           plain,
	types.OCILayer:                       gzipped,
	types.OCILayerZStd:                   zstandard,
	types.OCIUncompressedRestrictedLayer: plain,
	types.OCIRestrictedLayer:             gzipped,
	"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd": zstandard,
	types.DockerUncompressedLayer:                                  plain,
	types.DockerLayer:                                              gzipped,
	types.DockerForeignLayer:                                       gzipped,
	"application/vnd.docker.image.rootfs.diff.tar.zstd":            zstandard,
}

const (
	gzipMagic = "\x1f\x8b"
	zstdMagic = "\x28\xb5\x2f\xfd"
)

// sniff tells how the bytes to come are compressed, by their first ones (RFC
// 1952, section 2.3.1; RFC 8878, section 3.1.1); empty if there are too few.
func sniff(r *bufio.Reader) codec {
	// Whatever prevents a peek comes again when the bytes are read.
	magic, _ := r.Peek(4)
	switch {
	case len(magic) < 4:
		return ""
	case bytes.HasPrefix(magic, []byte(gzipMagic)):
		return gzipped
	case bytes.HasPrefix(magic, []byte(zstdMagic)):
		return zstandard
	}
	return plain
}

// chooseCodec returns the codec by which content is to be read, which is of
// that media type and looks like found. A type that is not that of a layer is
// taken as it is. What does not fit is said in mismatch.
func chooseCodec(mediaType types.MediaType, found codec) (c codec, isLayer bool, mismatch string) {
	if mediaType == "" {
		return found, true, ""
	}
	stated, ok := codecs[mediaType]
	switch {
	case !ok:
		return plain, false, ""
	case stated == found || found == "":
		return stated, true, ""
	}
	return found, true, fmt.Sprintf("its media type %s stands for %s, but its bytes are those of %s", mediaType, stated, found)
}

func (c codec) decoder(r *bufio.Reader, limits Limits) (io.ReadCloser, error) {
	switch c {
	case gzipped:
		return newMembers(r)
	case zstandard:
		d, err := zstd.NewReader(r,
			zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(uint64(limits.ZstdWindow)),
		)
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return io.NopCloser(r), nil
}

// limitError turns an error of a decoder that met a limit into a LimitError.
func limitError(err error, p Place, limits Limits) error {
	switch {
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return &LimitError{p, "bytes in the window of zstd", limits.ZstdWindow}
	case errors.Is(err, tar.ErrFieldTooLong):
		return &LimitError{p, "bytes in the header of a file", 1 << 20}
	}
	return err
}

// describe says what a decoder met after it had been given n bytes; empty for
// no error, and for a limit.
func describe(err error, c codec, n int64) string {
	if err == nil || errors.As(err, new(*LimitError)) {
		return ""
	}
	where := ""
	if e, ok := errors.AsType[*entryError](err); ok && !onlyChecksum(err) {
		where, err = e.where(), e.err
	}
	switch {
	case errors.Is(err, gzip.ErrHeader):
		err = errors.New("gzip: what follows is no gzip stream")
	case errors.Is(err, gzip.ErrChecksum):
		err = errors.New("gzip: the content does not have the stated checksum")
	case errors.As(err, new(flate.CorruptInputError)):
		err = errors.New("gzip: its content is no compressed data")
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		if c == plain {
			err = fmt.Errorf("tar: truncated after %d bytes", n)
		} else {
			err = fmt.Errorf("%s: truncated after %d bytes", c, n)
		}
	case errors.Is(err, tar.ErrHeader):
		err = errors.New("tar: what follows is no header of a file")
	}
	return where + err.Error()
}
