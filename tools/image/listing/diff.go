package listing

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Difference is a key whose values differ between two listings.
type Difference struct {
	Key string
	// Old and New are the values; nil where a listing does not have the key.
	Old, New *string
}

func (d Difference) String() string {
	switch {
	case d.Old == nil:
		return "+ " + d.Key + ": " + shorten(*d.New, maxShown)
	case d.New == nil:
		return "- " + d.Key + ": " + shorten(*d.Old, maxShown)
	}
	return "  " + d.Key + ": " + shorten(*d.Old, maxShown) + " → " + shorten(*d.New, maxShown)
}

// maxShown is how much of a value a difference shows, in bytes.
const maxShown = 300

// Diff compares two listings. Causes come first: digests and sizes, which change
// with whatever they cover, are at the end.
func Diff(before, after Listing) []Difference {
	var differences []Difference
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(after) == 0 || len(before) > 0 && before[0].Key < after[0].Key:
			differences = append(differences, Difference{Key: before[0].Key, Old: &before[0].Value})
			before = before[1:]
		case len(before) == 0 || after[0].Key < before[0].Key:
			differences = append(differences, Difference{Key: after[0].Key, New: &after[0].Value})
			after = after[1:]
		default:
			if before[0].Value != after[0].Value {
				differences = append(differences, Difference{before[0].Key, &before[0].Value, &after[0].Value})
			}
			before, after = before[1:], after[1:]
		}
	}
	slices.SortStableFunc(differences, func(a, b Difference) int { return cmp.Compare(rank(a.Key), rank(b.Key)) })
	return differences
}

var fileKey = regexp.MustCompile(` layer \d+ [/"]`)

// rank is 0 for causes and 1 for what follows from them.
func rank(key string) int {
	if fileKey.MatchString(key) {
		return 0
	}
	for _, suffix := range []string{" digest", " diff ID", " size", " config .rootfs.diff_ids"} {
		if strings.HasSuffix(key, suffix) {
			return 1
		}
	}
	return 0
}

// maxDifferences is how many lines Print writes.
const maxDifferences = 100

// Print writes one line for each difference, and how many more there are.
func Print(w io.Writer, differences []Difference) {
	for i, d := range differences {
		if i == maxDifferences {
			fmt.Fprintf(w, "  … and %d more\n", len(differences)-i)
			return
		}
		fmt.Fprintf(w, "  %s\n", d)
	}
}

// Overlap returns the facts of both listings that can be compared when one of them
// covers less: an archive of `docker save` has no index, manifests or compressed
// layers, and an archive or mirror may have fewer platforms. The third result names
// what could not be compared, and is empty if a and b cover the same.
func Overlap(a, b Listing) (Listing, Listing, []string) {
	var missing []string
	both := func(present func(Listing) bool) bool { return present(a) == present(b) }
	keep := func(f Fact) bool { return true }
	for _, platform := range union(a.Platforms(), b.Platforms()) {
		if !both(func(l Listing) bool { return slices.Contains(l.Platforms(), platform) }) {
			missing = append(missing, platform)
		}
	}
	if !both(Listing.hasManifests) {
		missing = append(missing, "index, manifests and compressed layers")
		keep = func(f Fact) bool { return inDockerArchive(f.Key) }
	} else if len(missing) > 0 {
		keep = func(f Fact) bool { return !strings.HasPrefix(f.Key, "index ") }
	}
	filter := func(l Listing) Listing {
		return slices.DeleteFunc(slices.Clone(l), func(f Fact) bool {
			platform, _, _ := strings.Cut(f.Key, " ")
			return !keep(f) || slices.Contains(missing, platform)
		})
	}
	return filter(a), filter(b), missing
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// hasManifests is false for an archive of `docker save`.
func (l Listing) hasManifests() bool {
	return len(l) == 0 || slices.ContainsFunc(l, func(f Fact) bool { return !inDockerArchive(f.Key) })
}

// inDockerArchive reports whether an archive of `docker save` has this fact: the
// config, the files and the uncompressed layers.
func inDockerArchive(key string) bool {
	_, rest, _ := strings.Cut(key, " ")
	if strings.HasPrefix(rest, "config ") || rest == "unpacked size" {
		return true
	}
	_, rest, ok := strings.Cut(rest, "layer ")
	if !ok {
		return false
	}
	_, field, _ := strings.Cut(rest, " ")
	return field != "digest" && field != "size" && field != "media type"
}
