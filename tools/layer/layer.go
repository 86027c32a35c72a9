package main

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// file is a regular file of a layer.
type file struct {
	path   string // absolute and clean
	mode   int64  // permission bits
	source string // the file to copy
}

// parseFile parses MODE:PATH=SOURCE.
func parseFile(arg string) (file, error) {
	mode, rest, ok := strings.Cut(arg, ":")
	dest, source, ok2 := strings.Cut(rest, "=")
	if !ok || !ok2 || source == "" {
		return file{}, fmt.Errorf("%q is not MODE:PATH=SOURCE", arg)
	}
	bits, err := strconv.ParseInt(mode, 8, 64)
	if err != nil || bits < 0 || bits > 0o777 {
		return file{}, fmt.Errorf("%q: the mode %q is not octal permission bits, such as 0755", arg, mode)
	}
	if !path.IsAbs(dest) || path.Clean(dest) != dest || dest == "/" {
		return file{}, fmt.Errorf("%q: %q is not a clean absolute path of a file", arg, dest)
	}
	return file{path: dest, mode: bits, source: source}, nil
}

// write writes the layer: entries sorted by path, owned by 0:0, modified at the
// epoch, in the ustar format, which has no place for anything else (image-spec,
// layer.md, "Distributable Format"); compressed by this program's own gzip, which
// has one thread, at a fixed level, with no name and no time in the header.
func write(w io.Writer, files []file) error {
	files = slices.SortedFunc(slices.Values(files), func(a, b file) int { return cmp.Compare(a.path, b.path) })
	zw, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return fmt.Errorf("compressing the layer: %w", err)
	}
	tw := tar.NewWriter(zw)
	for i, f := range files {
		if i > 0 && files[i-1].path == f.path {
			return fmt.Errorf("%s comes from both %s and %s: a path can be in a layer once", f.path, files[i-1].source, f.source)
		}
		if err := add(tw, f); err != nil {
			return fmt.Errorf("adding %s to the layer: %w", f.path, err)
		}
	}
	if err := tw.Close(); err != nil {
		return fmt.Errorf("ending the layer's archive: %w", err)
	}
	if err := zw.Close(); err != nil {
		return fmt.Errorf("ending the layer's compression: %w", err)
	}
	return nil
}

func add(tw *tar.Writer, f file) error {
	src, err := os.Open(f.source)
	if err != nil {
		return err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", f.source)
	}
	if err := tw.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg,
		Name:     strings.TrimPrefix(f.path, "/"),
		Mode:     f.mode,
		Size:     info.Size(),
		ModTime:  time.Unix(0, 0),
		Format:   tar.FormatUSTAR,
	}); err != nil {
		return err
	}
	_, err = io.Copy(tw, src)
	return err
}
