package main

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// compressionLevel is that of compress/gzip. With Go 1.27 and a stripped Go binary of
// 5.5 MB, level 9 takes four times as long as 8 and saves 0.3 % of the bytes; 7 takes
// two thirds of the time of 8 and costs 0.6 %.
const compressionLevel = 8

// An entry is a file or a directory of a layer.
type entry struct {
	path      string // absolute and clean
	mode      int64  // permission bits, with set-user-ID, set-group-ID and sticky
	directory bool
	source    string // the file to copy; empty for a directory
}

// layer writes the layer that the file list describes to the file output.
func layer(output, list string) (err error) {
	text, err := os.ReadFile(list)
	if err != nil {
		return fmt.Errorf("reading the list of files: %w", err)
	}
	entries, err := readList(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", list, err)
	}
	out, err := os.Create(output)
	if err != nil {
		return fmt.Errorf("creating the layer: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	return write(out, entries)
}

// readList parses a list of entries. Each is several lines:
//
//	file       directory
//	PATH       PATH
//	MODE       MODE
//	SOURCE
//
// PATH is the absolute path in the image, MODE has four octal digits, and SOURCE is
// the file to copy. A line holds its text as it is, so a path can have any character
// but a newline. The entries are returned in the order of the archive, which is that
// of their paths: a directory comes before what is in it.
func readList(list string) ([]entry, error) {
	lines := strings.Split(strings.TrimSuffix(list, "\n"), "\n")
	var entries []entry
	for len(lines) > 0 && list != "" {
		kind := lines[0]
		size, ok := map[string]int{"file": 4, "directory": 3}[kind]
		if !ok {
			return nil, fmt.Errorf("entry %d: kind %q is neither file nor directory", len(entries)+1, kind)
		}
		if len(lines) < size {
			return nil, fmt.Errorf("entry %d: %s needs %d lines, the list ends after %d", len(entries)+1, kind, size, len(lines))
		}
		e := entry{path: lines[1], directory: kind == "directory"}
		if !e.directory {
			e.source = lines[3]
		}
		var err error
		if e.mode, err = parseMode(lines[2]); err != nil {
			return nil, fmt.Errorf("%q: %w", e.path, err)
		}
		if !path.IsAbs(e.path) || path.Clean(e.path) != e.path || e.path == "/" || !utf8.ValidString(e.path) || strings.ContainsRune(e.path, 0) {
			return nil, fmt.Errorf("%q is not a clean absolute path, such as /etc/passwd", e.path)
		}
		entries = append(entries, e)
		lines = lines[size:]
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.path, b.path) })
	return entries, checkPaths(entries)
}

func parseMode(s string) (int64, error) {
	mode, err := strconv.ParseUint(s, 8, 12)
	if err != nil || len(s) != 4 {
		return 0, fmt.Errorf("mode %q does not have four octal digits, as 0755 has", s)
	}
	return int64(mode), nil
}

// checkPaths returns an error if two entries cannot be in one file system.
func checkPaths(entries []entry) error {
	seen := map[string]entry{}
	for _, e := range entries {
		if other, ok := seen[e.path]; ok {
			return fmt.Errorf("%s is in the layer twice: %s and %s", e.path, describe(other), describe(e))
		}
		seen[e.path] = e
		for parent := path.Dir(e.path); parent != "/"; parent = path.Dir(parent) {
			if other, ok := seen[parent]; ok && !other.directory {
				return fmt.Errorf("%s is below %s, which is a file: %s", e.path, parent, describe(other))
			}
		}
	}
	return nil
}

func describe(e entry) string {
	if e.directory {
		return "a directory"
	}
	return e.source
}

// write writes the layer: entries in the given order, owned by 0:0, modified at the
// epoch (image-spec, layer.md). The format is ustar, and pax only for an entry that
// ustar cannot hold: a path of more than 256 bytes or with other characters than
// ASCII, a file of 8 GiB or more. The gzip header has no name and no time.
func write(w io.Writer, entries []entry) error {
	zw, err := gzip.NewWriterLevel(w, compressionLevel)
	if err != nil {
		return fmt.Errorf("compressing the layer: %w", err)
	}
	tw := tar.NewWriter(zw)
	for _, e := range entries {
		if err := add(tw, e); err != nil {
			return fmt.Errorf("adding %s to the layer: %w", e.path, err)
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

func add(tw *tar.Writer, e entry) error {
	header := tar.Header{
		Name:    strings.TrimPrefix(e.path, "/"),
		Mode:    e.mode,
		ModTime: time.Unix(0, 0),
	}
	if e.directory {
		header.Typeflag = tar.TypeDir
		header.Name += "/"
		return tw.WriteHeader(&header)
	}
	source, err := os.Open(e.source)
	if err != nil {
		return err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", e.source)
	}
	header.Typeflag = tar.TypeReg
	header.Size = info.Size()
	if err := tw.WriteHeader(&header); err != nil {
		return err
	}
	_, err = io.Copy(tw, source)
	return err
}
