package inventory

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// cutOff is the note about what could not be read.
const cutOff = "one side could not be read to its end"

// files compares the entries of two archives. When one side was cut off, the
// first entry that only the other has is where that happened, and those after it
// say nothing.
func (c *comparison) files(where []string, a, b []File, cutOld, cutNew bool) {
	name := func(f File) string { return f.Path }
	pairs := pairUp(a, b, name)
	cut := false
	for _, p := range pairs {
		ch := Change{}
		switch {
		case p.a >= 0 && p.b >= 0:
			c.file(append(slices.Clone(where), a[p.a].Path), a[p.a], b[p.b])
			cut = cut || unreadable(a[p.a], b[p.b])
			continue
		case p.b < 0:
			ch = Change{Where: append(slices.Clone(where), a[p.a].Path), Field: a[p.a].Type, Old: fileText(a[p.a])}
		default:
			ch = Change{Where: append(slices.Clone(where), b[p.b].Path), Field: b[p.b].Type, New: fileText(b[p.b])}
		}
		if p.b < 0 && cutNew || p.a < 0 && cutOld {
			if cut {
				continue
			}
			cut, ch.Note = true, cutOff
		}
		c.add(ch)
	}
	if before, after, moved := order(a, b, pairs, name); moved {
		c.add(Change{Where: where, Field: "files", Old: before, New: after, Note: "another order"})
	}
}

func fileText(f File) string {
	parts := []string{f.Mode, "owner " + f.Owner}
	if f.Type == "file" {
		parts = append(parts, fmt.Sprintf("%d bytes", f.Size))
	}
	if f.Digest != "" {
		parts = append(parts, f.Digest)
	}
	if f.Link != "" {
		parts = append(parts, "to "+f.Link)
	}
	return strings.Join(parts, ", ")
}

func (c *comparison) file(where []string, a, b File) {
	c.field(where, "type", a.Type, b.Type)
	c.field(where, "mode", a.Mode, b.Mode)
	c.field(where, "owner", a.Owner, b.Owner)
	c.field(where, "link", a.Link, b.Link)
	c.field(where, "modTime", timeText(a.ModTime), timeText(b.ModTime))
	c.record(where, "extra", a.Extra, b.Extra)
	note := cutOff
	if !unreadable(a, b) {
		note = ""
		c.goBuild(where, a.Go, b.Go)
	}
	c.field(where, "size", decimal(a.Size), decimal(b.Size))
	c.result(where, "digest", a.Digest, b.Digest, false, note)
}

// unreadable reports whether one side's file could not be read.
func unreadable(a, b File) bool {
	return a.Type == b.Type && (a.Digest == "") != (b.Digest == "")
}

func timeText(t *time.Time) string {
	if t == nil {
		return time.Unix(0, 0).UTC().Format(time.RFC3339Nano)
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func (c *comparison) goBuild(where []string, a, b *Go) {
	switch {
	case a == nil && b == nil:
	case a == nil:
		c.add(Change{Where: where, Field: "go", New: goText(b)})
	case b == nil:
		c.add(Change{Where: where, Field: "go", Old: goText(a)})
	default:
		c.field(where, "go.version", a.Version, b.Version)
		c.field(where, "go.path", a.Path, b.Path)
		c.record(where, "go.settings", a.Settings, b.Settings)
		c.record(where, "go.modules", a.Modules, b.Modules)
	}
}

func goText(g *Go) string { return strings.TrimSpace(g.Version + " " + g.Path) }
