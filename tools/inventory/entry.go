package inventory

import (
	"archive/tar"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// describeEntry is the entry that a tar header describes, without its content,
// and how many bytes its names and records take.
func describeEntry(h *tar.Header) (File, int64) {
	extra := map[string]string{}
	f := File{
		Path: text(extra, "name", path.Clean("/"+h.Name)),
		Type: entryType(h.Typeflag),
		// The bits above are those of the file's type, which some archives
		// repeat.
		Mode:  fmt.Sprintf("%04o", h.Mode&0o7777),
		Owner: fmt.Sprintf("%d:%d", h.Uid, h.Gid),
		Link:  text(extra, "link", h.Linkname),
	}
	if f.Type == "file" {
		f.Size = h.Size
	} else if h.Size != 0 {
		extra["size"] = strconv.FormatInt(h.Size, 10)
	}
	// How a path is written makes no other file, but another archive.
	if name := strings.TrimSuffix(h.Name, "/"); name != f.Path[1:] {
		extra["name"] = Printable(h.Name)
	}
	if mode := h.Mode &^ 0o7777; mode != 0 {
		extra["mode"] = fmt.Sprintf("%#o", h.Mode)
	}
	// JSON has no later years.
	if t := h.ModTime.UTC(); t.Year() < 0 || t.Year() > 9999 {
		extra["modTime"] = fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond())
	} else if !t.Equal(time.Unix(0, 0)) {
		f.ModTime = &t
	}
	addTime(extra, "accessTime", h.AccessTime)
	addTime(extra, "changeTime", h.ChangeTime)
	add(extra, "user", h.Uname)
	add(extra, "group", h.Gname)
	if h.Devmajor != 0 || h.Devminor != 0 {
		extra["device"] = fmt.Sprintf("%d:%d", h.Devmajor, h.Devminor)
	}
	for key, value := range h.PAXRecords {
		switch key {
		case "path", "linkpath", "size", "uid", "gid", "uname", "gname", "mtime", "atime", "ctime":
			// They are in the other fields.
		default:
			extra[Printable(key)] = Printable(value)
		}
	}
	size := int64(len(h.Name) + len(h.Linkname))
	for key, value := range extra {
		size += int64(len(key) + len(value))
	}
	if len(extra) > 0 {
		f.Extra = extra
	}
	return f, size
}

// text is s as JSON can have it; if that is not s, extra gets the exact bytes.
func text(extra map[string]string, key, s string) string {
	if utf8.ValidString(s) {
		return s
	}
	extra[key] = strconv.Quote(s)
	return strings.ToValidUTF8(s, string(utf8.RuneError))
}

func add(extra map[string]string, key, value string) {
	if value != "" {
		extra[key] = Printable(value)
	}
}

func addTime(extra map[string]string, key string, t time.Time) {
	if !t.IsZero() {
		extra[key] = fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond())
	}
}

func entryType(flag byte) string {
	switch flag {
	case tar.TypeReg, 0, tar.TypeCont, tar.TypeGNUSparse:
		return "file"
	case tar.TypeDir:
		return "directory"
	case tar.TypeSymlink:
		return "symlink"
	case tar.TypeLink:
		return "hardlink"
	case tar.TypeChar:
		return "character device"
	case tar.TypeBlock:
		return "block device"
	case tar.TypeFifo:
		return "fifo"
	case tar.TypeXGlobalHeader:
		return "global header"
	}
	return fmt.Sprintf("type %q", flag)
}
