package inventory

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
)

// entryError is an error in reading a layer's archive.
type entryError struct {
	// file is the entry whose content was being read, if any.
	file string
	// after is the last entry that was read whole, if any.
	after string
	err   error
}

func (e *entryError) Error() string { return e.where() + e.err.Error() }
func (e *entryError) Unwrap() error { return e.err }

func (e *entryError) where() string {
	switch {
	case e.file != "":
		return "in " + Printable(e.file) + ": "
	case e.after != "":
		return "after " + Printable(e.after) + ": "
	}
	return ""
}

// entries reads the files of an archive into l.
func (r *reader) entries(ctx context.Context, l *Layer, u *unpacked) error {
	archive := tar.NewReader(u)
	buf := make([]byte, 1<<16)
	var bytes int64
	var after string
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		// Names that lead out of the directory are of no danger here.
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return &entryError{after: after, err: err}
		}
		f, size := describeEntry(header)
		if err := r.count(u.place, 1, size); err != nil {
			return err
		}
		if max(len(header.Name), len(header.Linkname)) > r.limits.PathBytes {
			return &LimitError{u.place, "bytes in a path", int64(r.limits.PathBytes)}
		}
		if f.Type == "file" {
			// Holes of sparse files are not in u, but take time as well.
			if header.Size > r.limits.LayerBytes-bytes {
				return &LimitError{u.place, "bytes in the files of a layer", r.limits.LayerBytes}
			}
			bytes += header.Size
			f.Digest, f.Go, err = readFile(ctx, archive, buf)
		}
		l.Files = append(l.Files, f)
		if err := r.count(u.place, 0, f.Go.size()); err != nil {
			return err
		}
		if err != nil {
			return &entryError{file: f.Path, after: after, err: err}
		}
		after = f.Path
	}
}

// readFile reads the content of an entry.
func readFile(ctx context.Context, r io.Reader, buf []byte) (digest string, info *Go, err error) {
	h := sha256.New()
	var binary goBinary
	for {
		if err := ctx.Err(); err != nil {
			return "", nil, err
		}
		n, err := r.Read(buf)
		h.Write(buf[:n])
		binary.write(buf[:n])
		if errors.Is(err, io.EOF) {
			return "sha256:" + hex.EncodeToString(h.Sum(nil)), binary.info(), nil
		}
		if err != nil {
			return "", nil, err
		}
	}
}
