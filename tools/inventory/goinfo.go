package inventory

import (
	"bytes"
	"encoding/binary"
	"runtime/debug"
	"slices"
	"strings"
)

// goBinary finds what a Go binary says of its build while the binary streams
// by. Package debug/buildinfo would need the whole file, and gets at it through
// debug/elf and the like, which do not bound what a crafted file makes them
// allocate. The place is found by its mark alone instead; the text there is
// parsed by package runtime/debug. Binaries of Go before 1.18, which have
// pointers there, are not recognized.
type goBinary struct {
	// buf begins at an offset in the file that is a multiple of align.
	buf   []byte
	begun bool
	// candidate is whether buf begins with the mark.
	candidate bool
	tries     int
	found     *Go
	done      bool
}

const (
	// buildInfoMagic and buildInfoAlign are the mark and its alignment, as in
	// package debug/buildinfo; a header of 32 bytes begins with it.
	buildInfoMagic  = "\xff Go buildinf:"
	buildInfoAlign  = 16
	buildInfoHeader = 32
	// inlineFlag in the header's byte 15: two strings follow it.
	inlineFlag = 2
	// maxBuildInfo bounds the strings; those of large programs have 50 kB.
	maxBuildInfo = 1 << 20
	// maxTries bounds how often the mark may be there without the rest.
	maxTries = 16
)

// write takes the next bytes of the file.
func (g *goBinary) write(p []byte) {
	if g.done || len(p) == 0 {
		return
	}
	g.buf = append(g.buf, p...)
	if !g.begun {
		if len(g.buf) < 4 {
			return
		}
		if g.begun = true; !executable(g.buf) {
			g.done = true
			return
		}
	}
	g.search(false)
}

// info is what was found once the file has ended; nil if it is no Go binary.
func (g *goBinary) info() *Go {
	if g.begun && !g.done {
		g.search(true)
	}
	return g.found
}

func (g *goBinary) search(eof bool) {
	for !g.done {
		if !g.candidate {
			i := alignedIndex(g.buf)
			if i < 0 {
				g.drop(len(g.buf) / buildInfoAlign * buildInfoAlign)
				return
			}
			g.drop(i)
			g.candidate = true
		}
		if len(g.buf) < maxBuildInfo && !eof {
			return
		}
		if g.found = parseBuildInfo(g.buf[:min(len(g.buf), maxBuildInfo)]); g.found != nil {
			g.done = true
			return
		}
		g.candidate = false
		g.drop(buildInfoAlign)
		g.tries++
		g.done = g.tries == maxTries
	}
}

func (g *goBinary) drop(n int) { g.buf = slices.Delete(g.buf, 0, n) }

// alignedIndex is the first place of the mark, or -1. The mark may not span two
// multiples of its alignment, for it is shorter.
func alignedIndex(b []byte) int {
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte(buildInfoMagic))
		if i < 0 {
			return -1
		}
		if at += i; at%buildInfoAlign == 0 {
			return at
		}
		at++
	}
}

// executable reports whether a file begins as ELF, Mach-O or PE files do.
func executable(b []byte) bool {
	for _, magic := range []string{"\x7fELF", "MZ", "\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf", "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe"} {
		if bytes.HasPrefix(b, []byte(magic)) {
			return true
		}
	}
	return false
}

func parseBuildInfo(b []byte) *Go {
	if len(b) < buildInfoHeader || b[15]&inlineFlag == 0 {
		return nil
	}
	version, rest, ok := prefixed(b[buildInfoHeader:])
	if !ok || version == "" {
		return nil
	}
	modules, _, ok := prefixed(rest)
	if !ok {
		return nil
	}
	g := &Go{Version: strings.ToValidUTF8(version, "\ufffd")}
	// Marks of 16 bytes stand around the text.
	if len(modules) < 33 || modules[len(modules)-17] != '\n' {
		return g
	}
	info, err := debug.ParseBuildInfo(strings.ToValidUTF8(modules[16:len(modules)-16], "\ufffd"))
	if err != nil {
		return g
	}
	g.Path = info.Path
	for _, s := range info.Settings {
		put(&g.Settings, s.Key, s.Value)
	}
	if info.Main.Path != "" {
		put(&g.Modules, info.Main.Path, moduleVersion(&info.Main))
	}
	for _, m := range info.Deps {
		put(&g.Modules, m.Path, moduleVersion(m))
	}
	return g
}

// prefixed cuts off a string that its length as a varint precedes.
func prefixed(b []byte) (s string, rest []byte, ok bool) {
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return "", nil, false
	}
	end := n + int(length)
	return string(b[n:end]), b[end:], true
}

func moduleVersion(m *debug.Module) string {
	version := m.Version
	if r := m.Replace; r != nil {
		version += " => " + strings.TrimSpace(r.Path+" "+r.Version)
	}
	return version
}

func put(m *map[string]string, key, value string) {
	if *m == nil {
		*m = map[string]string{}
	}
	(*m)[key] = value
}

// size is about how much memory it takes, in bytes.
func (g *Go) size() int64 {
	if g == nil {
		return 0
	}
	n := len(g.Version) + len(g.Path)
	for _, m := range []map[string]string{g.Settings, g.Modules} {
		for key, value := range m {
			n += len(key) + len(value) + 64
		}
	}
	return int64(n)
}
