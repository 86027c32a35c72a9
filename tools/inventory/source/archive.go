package source

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"example.com/reproducible-images/tools/inventory"
)

const (
	// maxEntries and maxNames bound an archive's entries, and the bytes of
	// their names and links together.
	maxEntries = 100_000
	maxNames   = 16 << 20
	// maxLinks bounds how many links lead to a file.
	maxLinks = 16
)

// archive is a tar archive whose files are read in place.
type archive struct {
	file    file
	entries map[string]entry
}

// file is what an archive is read from.
type file interface {
	io.ReadSeeker
	io.ReaderAt
	io.Closer
}

// entry is a file in an archive, or a link to another one.
type entry struct {
	offset, size int64
	// link is the name of the entry that is meant instead.
	link string
	// other is set for what is neither a file nor a link.
	other bool
}

func openArchive(ctx context.Context, path, choice string) (inventory.Source, error) {
	f, _, err := openRegular(path)
	if err != nil {
		return nil, fmt.Errorf("opening the archive: %w", err)
	}
	src, err := readArchive(ctx, f, path, choice)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return src, nil
}

// readArchive finds the image in an archive; path is for messages. The source
// closes the file.
func readArchive(ctx context.Context, f file, path, choice string) (inventory.Source, error) {
	a, err := scan(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("archive %s: %w", path, err)
	}
	isLayout := has(a, "index.json") && has(a, "oci-layout")
	if has(a, "manifest.json") {
		if isLayout {
			if err := checkSame(a); err != nil {
				return nil, fmt.Errorf("archive %s: %w", path, err)
			}
		}
		d, err := openDocker(a, path, choice)
		// Docker from version 25 on writes both. Its older store has no
		// manifests and makes some up, without compression, which are not
		// those of the image as it was pulled or pushed.
		if !isLayout || err == nil && !d.compressed() {
			if err != nil {
				return nil, err
			}
			return d, nil
		}
	}
	if !isLayout {
		return nil, fmt.Errorf("archive %s: neither an OCI layout (index.json, oci-layout) nor an image of docker (manifest.json) is in it", path)
	}
	return openLayout(a, path, choice)
}

// compressions are the first bytes of files that must be unpacked first.
var compressions = []struct{ magic, name, program string }{
	{"\x1f\x8b", "gzip", "gunzip"},
	{"\x28\xb5\x2f\xfd", "zstd", "unzstd"},
	{"\xfd7zXZ\x00", "xz", "unxz"},
	{"BZh", "bzip2", "bunzip2"},
}

// scan reads the headers of an archive.
func scan(ctx context.Context, f file) (*archive, error) {
	start := make([]byte, 8)
	n, err := f.ReadAt(start, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for _, c := range compressions {
		if bytes.HasPrefix(start[:n], []byte(c.magic)) {
			return nil, fmt.Errorf("it is compressed with %s: unpack it first with %s", c.name, c.program)
		}
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	a := &archive{file: f, entries: map[string]entry{}}
	r := tar.NewReader(f)
	names := 0
	for i := 0; ; i++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return a, nil
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return nil, fmt.Errorf("not a tar archive, or a damaged one: %w", err)
		}
		names += len(h.Name) + len(h.Linkname)
		if i == maxEntries || names > maxNames {
			return nil, fmt.Errorf("it has more than %d entries, or more than %d bytes of names: too much to look at", maxEntries, maxNames)
		}
		offset, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		if err := a.add(h, offset, end); err != nil {
			return nil, err
		}
	}
}

func (a *archive) add(h *tar.Header, offset, end int64) error {
	name, err := inside(".", h.Name)
	if err != nil {
		return fmt.Errorf("the entry %q: %w", h.Name, err)
	}
	e := entry{offset: offset, size: h.Size}
	switch h.Typeflag {
	case tar.TypeReg:
		for key := range h.PAXRecords {
			if strings.HasPrefix(key, "GNU.sparse.") {
				e.other = true
			}
		}
		if !e.other && h.Size > end-offset {
			return fmt.Errorf("the entry %q: its %d bytes are not all there: the archive is cut off", h.Name, h.Size)
		}
	case tar.TypeSymlink:
		e.link, err = inside(path.Dir(name), h.Linkname)
	case tar.TypeLink:
		e.link, err = inside(".", h.Linkname)
	case tar.TypeDir, tar.TypeXGlobalHeader:
		return nil
	default:
		e.other = true
	}
	if err != nil {
		return fmt.Errorf("the entry %q: its link %w", h.Name, err)
	}
	if _, ok := a.entries[name]; ok {
		return fmt.Errorf("it has two entries %q: which one is meant is not defined", name)
	}
	a.entries[name] = e
	return nil
}

// inside is the clean name to which name leads from dir, if that is in the
// archive.
func inside(dir, name string) (string, error) {
	joined := path.Join(dir, name)
	if path.IsAbs(name) || joined == ".." || strings.HasPrefix(joined, "../") {
		return "", errors.New("leads out of the archive")
	}
	return joined, nil
}

func (a *archive) Close() error { return a.file.Close() }

func (a *archive) open(name string) (io.ReadCloser, int64, error) {
	at := path.Clean(name)
	for range maxLinks {
		e, ok := a.entries[at]
		switch {
		case !ok:
			return nil, 0, fmt.Errorf("%s: %w", inventory.Printable(name), fs.ErrNotExist)
		case e.other:
			return nil, 0, fmt.Errorf("%s is not a regular file", inventory.Printable(name))
		case e.link == "":
			return io.NopCloser(io.NewSectionReader(a.file, e.offset, e.size)), e.size, nil
		}
		at = e.link
	}
	return nil, 0, fmt.Errorf("%s: too many links lead to each other", inventory.Printable(name))
}
