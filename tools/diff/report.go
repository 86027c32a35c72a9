package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/reproducible-images/tools/inventory"
)

// side is one of the two images.
type side struct {
	name   string
	image  inventory.Image
	damage error
}

// report is what is told of two images.
type report struct {
	a, b        side
	changes     []inventory.Change
	notCompared []string
}

func newReport(a, b side) report {
	return report{a, b, inventory.Compare(a.image, b.image), inventory.NotCompared(a.image, b.image)}
}

// equal reports whether both images are whole and nothing differs.
func (r report) equal() bool {
	return len(r.changes) == 0 && r.a.damage == nil && r.b.damage == nil
}

// The JSON object; usage describes it.
type (
	jsonReport struct {
		A           jsonSide           `json:"a"`
		B           jsonSide           `json:"b"`
		Equal       bool               `json:"equal"`
		Changes     []inventory.Change `json:"changes"`
		NotCompared []string           `json:"notCompared"`
	}
	jsonSide struct {
		Name      string         `json:"name"`
		Digest    string         `json:"digest,omitempty"`
		MediaType string         `json:"mediaType,omitempty"`
		Platforms []jsonPlatform `json:"platforms"`
		Error     string         `json:"error,omitempty"`
	}
	jsonPlatform struct {
		Platform     string `json:"platform"`
		Digest       string `json:"digest,omitempty"`
		ConfigDigest string `json:"configDigest"`
	}
)

func (r report) writeJSON(w io.Writer) error {
	out := jsonReport{
		A: r.a.json(), B: r.b.json(), Equal: r.equal(),
		// A list is a list even when it is empty.
		Changes:     append([]inventory.Change{}, r.changes...),
		NotCompared: append([]string{}, r.notCompared...),
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

func (s side) json() jsonSide {
	out := jsonSide{Name: s.name, Digest: s.image.Digest, MediaType: s.image.MediaType, Platforms: []jsonPlatform{}}
	for _, p := range s.image.Platforms {
		out.Platforms = append(out.Platforms, jsonPlatform{p.Platform, p.Digest, p.ConfigDigest})
	}
	if s.damage != nil {
		out.Error = s.damage.Error()
	}
	return out
}

func (r report) writeText(w io.Writer) error {
	var b strings.Builder
	width := max(utf8.RuneCountInString(r.a.name), utf8.RuneCountInString(r.b.name))
	fmt.Fprintf(&b, "A  %-*s  %s\n", width, r.a.name, r.a.image.Digest)
	fmt.Fprintf(&b, "B  %-*s  %s\n\n", width, r.b.name, r.b.image.Digest)
	i := slices.IndexFunc(r.changes, func(c inventory.Change) bool { return c.Follows })
	if i < 0 {
		i = len(r.changes)
	}
	causes, follows := r.changes[:i], r.changes[i:]
	writeChanges(&b, causes)
	if len(follows) > 0 {
		b.WriteString("\nand so:\n\n")
		writeChanges(&b, follows)
	}
	for _, s := range r.notCompared {
		fmt.Fprintf(&b, "Note: %s.\n", s)
	}
	switch {
	case r.equal():
		b.WriteString("A and B are equal.\n")
	case len(r.changes) == 0:
		b.WriteString("Nothing differs in what could be read.\n")
	default:
		fmt.Fprintf(&b, "\nA and B differ: %s, and %d more as a result.\n", count(len(causes), "difference"), len(follows))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// writeChanges writes the places as an outline, and below each what differs
// there, aligned.
func writeChanges(b *strings.Builder, changes []inventory.Change) {
	var last []string
	for i := 0; i < len(changes); {
		where := place(changes[i])
		end := i
		width := 0
		for end < len(changes) && slices.Equal(place(changes[end]), where) {
			width = max(width, utf8.RuneCountInString(inventory.Printable(changes[end].Field)))
			end++
		}
		common := 0
		for common < len(where) && common < len(last) && where[common] == last[common] {
			common++
		}
		for depth := common; depth < len(where); depth++ {
			fmt.Fprintf(b, "%s%s\n", indent(depth), inventory.Printable(where[depth]))
		}
		for _, c := range changes[i:end] {
			fmt.Fprintf(b, "%s%-*s  %s\n", indent(len(where)), width, inventory.Printable(c.Field), c.Values())
		}
		last, i = where, end
	}
}

// place is where a change is, under a heading even if it is at the top.
func place(c inventory.Change) []string {
	if len(c.Where) == 0 {
		return []string{"image"}
	}
	return c.Where
}

func indent(depth int) string { return strings.Repeat("  ", depth) }
