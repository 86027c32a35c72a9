package listing

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/zstd"
)

// Limits of what is read, so that a hostile image cannot fill memory or run for ever.
const (
	maxUnpacked = 16 << 30 // bytes of an uncompressed layer
	maxEntries  = 1 << 20  // entries of a layer
	maxDocument = 16 << 20 // bytes of a config
	maxChildren = 1000     // manifests of an index, layers of a manifest
)

// layerReader reads one layer.
type layerReader struct {
	listing  *Listing
	subject  string // "linux/amd64 layer 1"
	unpacked int64  // bytes of its regular files
}

// read lists a layer as it is stored, compressed or not (image-spec, layer.md).
// Content that is not what its digest says is a fact named "damage"; the error is
// for what could not be read at all.
func (l *layerReader) read(ctx context.Context, layer v1.Layer, stored bool) error {
	open := layer.Compressed
	if !stored {
		open = layer.Uncompressed
	}
	rc, err := open()
	if err != nil {
		return err
	}
	defer rc.Close()
	blob := newMeter(ctx, rc)
	unpacked, err := decompress(blob)
	var content *meter
	if err == nil {
		defer unpacked.Close()
		content = newMeter(ctx, io.LimitReader(unpacked, maxUnpacked))
		err = l.readEntries(content)
	}
	// The rest of the blob belongs to its digest, also after damage.
	if _, drainErr := io.Copy(io.Discard, blob); err == nil {
		err = drainErr
	}
	switch {
	case blob.failure != nil && !isDamage(blob.failure):
		return blob.failure
	case content != nil && content.size == maxUnpacked:
		return fmt.Errorf("the layer has more than %d GiB unpacked", maxUnpacked>>30)
	case errors.Is(err, errTooMany):
		return err
	case err != nil:
		l.damaged("%v", err)
	}
	if stored {
		l.listing.add(l.subject+" digest", "%s", blob.digest())
		l.listing.add(l.subject+" size", "%d", blob.size)
		if digest, err := layer.Digest(); err == nil && digest.String() != blob.digest() {
			l.damaged("the content has the digest %s, the manifest says %s", blob.digest(), digest)
		}
	}
	if content != nil {
		l.listing.add(l.subject+" diff ID", "%s", content.digest())
	}
	return nil
}

func (l *layerReader) damaged(format string, args ...any) {
	l.listing.add(l.subject+" damage", "%s", compactJSON(fmt.Sprintf(format, args...)))
}

// decompress recognizes gzip and zstd by their first bytes.
func decompress(r io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(r, 1<<16)
	magic, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(buffered)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		decoder, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
		if err != nil {
			return nil, err
		}
		return decoder.IOReadCloser(), nil
	}
	return io.NopCloser(buffered), nil
}

var errTooMany = fmt.Errorf("the layer has more than %d entries", maxEntries)

func (l *layerReader) readEntries(content *meter) error {
	archive := tar.NewReader(content)
	for entries := 0; ; entries++ {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			_, err := io.Copy(io.Discard, content)
			return err
		}
		if err != nil {
			return err
		}
		if entries == maxEntries {
			return errTooMany
		}
		if err := l.readEntry(header, archive); err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
	}
}

var typeNames = map[byte]string{
	tar.TypeReg:     "file",
	tar.TypeDir:     "directory",
	tar.TypeSymlink: "symlink",
	tar.TypeLink:    "hard link",
	tar.TypeChar:    "character device",
	tar.TypeBlock:   "block device",
	tar.TypeFifo:    "fifo",
}

func (l *layerReader) readEntry(header *tar.Header, content io.Reader) error {
	name := header.Name
	if clean := path.Clean("/" + name); clean == "/"+strings.TrimSuffix(name, "/") {
		name = clean
	}
	add := func(field, format string, args ...any) {
		l.listing.add(l.subject+" "+quote(name)+" "+field, format, args...)
	}
	typeName, known := typeNames[header.Typeflag]
	if !known {
		typeName = fmt.Sprintf("type %q", header.Typeflag)
	}
	add("type", "%s", typeName)
	add("mode", "%04o", header.Mode)
	add("owner", "%d:%d", header.Uid, header.Gid)
	if header.Uname != "" || header.Gname != "" {
		add("owner name", "%s", compactJSON(header.Uname+":"+header.Gname))
	}
	if !header.ModTime.Equal(time.Unix(0, 0)) {
		add("modified", "%s", header.ModTime.UTC().Format(time.RFC3339Nano))
	}
	if header.Linkname != "" {
		add("link", "%s", compactJSON(header.Linkname))
	}
	if header.Devmajor != 0 || header.Devminor != 0 {
		add("device", "%d:%d", header.Devmajor, header.Devminor)
	}
	for _, key := range slices.Sorted(maps.Keys(header.PAXRecords)) {
		if key != "path" && key != "linkpath" && key != "size" {
			add("pax "+quote(key), "%s", compactJSON(header.PAXRecords[key]))
		}
	}
	if header.Typeflag != tar.TypeReg {
		return nil
	}
	sum := sha256.New()
	var program bytes.Buffer
	head, err := io.CopyN(io.MultiWriter(sum, &program), content, 4)
	if err == nil && bytes.HasPrefix(program.Bytes(), []byte("\x7fELF")) && header.Size <= maxELF {
		_, err = io.Copy(io.MultiWriter(sum, &program), content)
	}
	if err == nil || errors.Is(err, io.EOF) {
		_, err = io.Copy(sum, content)
	}
	if err != nil {
		add("digest", "unreadable after %d bytes", max(head, int64(program.Len())))
		return err
	}
	l.unpacked += header.Size
	add("size", "%d", header.Size)
	add("digest", "sha256:%x", sum.Sum(nil))
	if kind := describeELF(program.Bytes()); kind != "" {
		add("elf", "%s", kind)
		if version := goVersion(program.Bytes()); version != "" {
			add("go", "%s", version)
		}
	}
	return nil
}

// meter counts and hashes what is read through it, ends with the context, and keeps
// the reader's own error apart from those of what decodes the content.
type meter struct {
	ctx     context.Context
	r       io.Reader
	hash    hash.Hash
	size    int64
	failure error
}

func newMeter(ctx context.Context, r io.Reader) *meter {
	return &meter{ctx: ctx, r: r, hash: sha256.New()}
}

func (m *meter) Read(p []byte) (int, error) {
	if err := m.ctx.Err(); err != nil {
		m.failure = err
		return 0, err
	}
	n, err := m.r.Read(p)
	m.hash.Write(p[:n])
	m.size += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		m.failure = err
	}
	return n, err
}

func (m *meter) digest() string { return "sha256:" + hex.EncodeToString(m.hash.Sum(nil)) }
