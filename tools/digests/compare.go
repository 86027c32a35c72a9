package digests

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"example.com/reproducible-images/tools/inventory"
)

// Difference is an image that is not what is recorded.
type Difference struct {
	// Label is the image's Bazel label.
	Label string
	// Recorded and Built are nil where there is no such image.
	Recorded, Built *inventory.Image
	// Changes are what differs between the two.
	Changes []inventory.Change
}

// Compare lists the images that differ, sorted by label.
func Compare(recorded, built File) []Difference {
	all := maps.Clone(recorded)
	if all == nil {
		all = File{}
	}
	maps.Copy(all, built)
	var out []Difference
	for _, label := range slices.Sorted(maps.Keys(all)) {
		d := Difference{Label: label}
		if r, ok := recorded[label]; ok {
			d.Recorded = &r
		}
		if b, ok := built[label]; ok {
			d.Built = &b
		}
		if d.Recorded != nil && d.Built != nil {
			d.Changes = inventory.Compare(*d.Recorded, *d.Built)
			if len(d.Changes) == 0 {
				continue
			}
		}
		out = append(out, d)
	}
	return out
}

// Print writes the differences for people: for each image and platform the old
// and the new digest, and what changed.
func Print(w io.Writer, differences []Difference) {
	for _, d := range differences {
		fmt.Fprintln(w, d.Label)
		switch {
		case d.Recorded == nil:
			fmt.Fprintf(w, "  not recorded, built: %s\n", d.Built.Digest)
		case d.Built == nil:
			fmt.Fprintf(w, "  recorded as %s, and no longer built\n", d.Recorded.Digest)
		default:
			for _, line := range digestLines(*d.Recorded, *d.Built) {
				fmt.Fprintln(w, "  "+line)
			}
			for _, c := range d.Changes {
				// What follows are digests, which are above.
				if !c.Follows {
					fmt.Fprintln(w, "  "+c.String())
				}
			}
		}
	}
}

// digestLines has the old and the new digest of the index and of each platform
// that both have and that changed.
func digestLines(recorded, built inventory.Image) []string {
	var out []string
	line := func(what, old, now string) {
		if old != now {
			out = append(out, fmt.Sprintf("%-12s %s → %s", what, old, now))
		}
	}
	line("index", recorded.Digest, built.Digest)
	for _, p := range built.Platforms {
		if old, ok := recorded.Only(p.Platform); ok {
			line(p.Platform, old.Digest, p.Digest)
		}
	}
	return out
}
