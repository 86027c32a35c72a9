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
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/zstd"
)

// layerReader reads one layer.
type layerReader struct {
	*lister
	subject string // "linux/amd64 layer 1"
	stored  bool   // read it as it is stored, compressed or not
	diffID  string // that the config says, or ""
	size    int64  // bytes as stored
}

// read lists a layer (image-spec, layer.md). Content that is not what its digest says
// is a fact named "damage"; the error is for what could not be read at all.
func (l *layerReader) read(layer v1.Layer) error {
	open := layer.Uncompressed
	if l.stored {
		open = layer.Compressed
	}
	rc, err := open()
	if err != nil {
		return err
	}
	defer rc.Close()
	blob := newMeter(l.ctx, io.LimitReader(rc, maxUnpacked+1))
	mediaType, err := layer.MediaType()
	if err != nil {
		return err
	}
	// Attestations and the like are images whose layers are not archives.
	if !l.stored || mediaType.IsLayer() {
		err = l.readArchive(blob)
	}
	if errors.Is(err, errTooLarge) {
		return err
	}
	// The rest of the blob belongs to its digest, also after damage.
	if _, drainErr := io.Copy(io.Discard, blob); err == nil {
		err = drainErr
	}
	switch {
	case blob.failure != nil && !isDamage(blob.failure):
		return blob.failure
	case blob.size > maxUnpacked:
		return errUnpacked()
	case err != nil:
		l.damaged(l.subject, "%v", err)
	}
	if !l.stored {
		return nil
	}
	l.size = blob.size
	l.add(l.subject+" digest", "%s", blob.digest())
	l.add(l.subject+" size", "%d", blob.size)
	digest, err := layer.Digest()
	if err != nil {
		return err
	}
	if err := checkAlgorithm(digest); err != nil {
		return err
	}
	size, err := layer.Size()
	if err != nil {
		return err
	}
	if digest.String() != blob.digest() || size != blob.size {
		l.damaged(l.subject, "the content is %s, %d bytes; the manifest says %s, %d bytes", blob.digest(), blob.size, digest, size)
	}
	return nil
}

func errUnpacked() error {
	return fmt.Errorf("the image is %w: its layers have more than %d bytes unpacked", errTooLarge, maxUnpacked)
}

// readArchive lists the entries and the diff ID.
func (l *layerReader) readArchive(blob io.Reader) error {
	unpacked, err := decompress(blob)
	if err != nil {
		return err
	}
	defer unpacked.Close()
	content := newMeter(l.ctx, io.LimitReader(unpacked, maxUnpacked-l.unpacked+1))
	err = l.readEntries(content)
	if l.unpacked += content.size; l.unpacked > maxUnpacked {
		return errUnpacked()
	}
	if err != nil {
		return err
	}
	l.add(l.subject+" diff ID", "%s", content.digest())
	if l.diffID != "" && l.diffID != content.digest() {
		return fmt.Errorf("the diff ID is %s, the config says %s", content.digest(), l.diffID)
	}
	return nil
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

func (l *layerReader) readEntries(content io.Reader) error {
	archive := tar.NewReader(content)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			_, err := io.Copy(io.Discard, content)
			return err
		}
		if err != nil {
			return err
		}
		name := quote("/" + strings.TrimSuffix(header.Name, "/"))
		if err := l.readEntry(name, header, archive); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := l.checkFull(); err != nil {
			return err
		}
	}
}

var typeNames = map[byte]string{
	tar.TypeReg:       "file",
	tar.TypeCont:      "file",
	tar.TypeGNUSparse: "file",
	tar.TypeDir:       "directory",
	tar.TypeSymlink:   "symlink",
	tar.TypeLink:      "hard link",
	tar.TypeChar:      "character device",
	tar.TypeBlock:     "block device",
	tar.TypeFifo:      "fifo",
}

func (l *layerReader) readEntry(name string, header *tar.Header, archive io.Reader) error {
	add := func(field, format string, args ...any) {
		l.add(l.subject+" "+name+" "+field, format, args...)
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
	if typeName != "file" {
		return nil
	}
	// A sparse file may be larger than its archive.
	if header.Size > maxUnpacked-l.files {
		return errUnpacked()
	}
	l.files += header.Size
	content := newMeter(l.ctx, archive)
	err := l.readProgram(content, header.Size)
	if err != nil {
		add("digest", "unreadable after %d bytes", content.size)
		return err
	}
	add("size", "%d", content.size)
	add("digest", "%s", content.digest())
	if program := l.program.Bytes(); isELF(program) {
		if header.Size > maxELF {
			add("elf", "more than %d bytes", maxELF)
			return nil
		}
		add("elf", "%s", describeELF(program))
		if version := goVersion(program); version != "" {
			add("go", "%s", quote(version))
		}
	}
	return nil
}

// readProgram reads a file, and keeps it if it is an ELF file that is not too large.
func (l *layerReader) readProgram(content io.Reader, size int64) error {
	l.program.Reset()
	_, err := io.CopyN(&l.program, content, 4)
	if err == nil && isELF(l.program.Bytes()) && size <= maxELF {
		l.program.Grow(int(size))
		_, err = io.Copy(&l.program, content)
	}
	if err == nil {
		_, err = io.Copy(io.Discard, content)
	}
	if errors.Is(err, io.EOF) {
		err = nil // shorter than four bytes
	}
	return err
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
