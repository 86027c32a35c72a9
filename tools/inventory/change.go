package inventory

import (
	"regexp"
	"slices"
	"strings"
)

// Change is one difference between two images.
type Change struct {
	// Where it is, from the outside in: ["linux/amd64", "layer 1", "/hello"];
	// empty for the image index, and never nil.
	Where []string `json:"where"`
	// Field is what differs there: "mode", "config.Env[0]".
	Field string `json:"field"`
	// Old and New are its values; one of them is empty for what is only on the
	// other side. Values from JSON documents are JSON.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
	// Note says in words what the values do not.
	Note string `json:"note,omitempty"`
	// Follows is whether this comes of other changes in the list, as a
	// manifest's digest changes with a file.
	Follows bool `json:"follows,omitempty"`
}

// String is the change in one line for people, with digests cut short.
func (c Change) String() string {
	var parts []string
	for _, w := range append(slices.Clone(c.Where), c.Field) {
		parts = append(parts, Printable(w))
	}
	return strings.Join(append(parts, c.Values()), ": ")
}

// Values is what became of the field, in one line for people, with digests cut
// short: "0755 → 0644".
func (c Change) Values() string {
	before, after := short(c.Old), short(c.New)
	if before == after {
		before, after = cut(c.Old), cut(c.New)
	}
	s := before + " → " + after
	switch {
	case c.Old == "" && c.New == "":
		s = "differs"
	case c.Old == "":
		s = "added: " + after
	case c.New == "":
		s = "removed: " + before
	}
	if c.Note != "" {
		s += " (" + c.Note + ")"
	}
	return s
}

var digestRE = regexp.MustCompile(`\b(sha256:[0-9a-f]{12})[0-9a-f]{52}\b`)

// short is a value with its digests cut to what tells them apart.
func short(s string) string { return digestRE.ReplaceAllString(cut(s), "$1…") }

// maxValue is how many bytes of a value are shown to people.
const maxValue = 400

func cut(s string) string {
	if len(s) > maxValue {
		s = strings.ToValidUTF8(s[:maxValue], "") + "…"
	}
	return Printable(s)
}
