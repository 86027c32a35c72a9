package listing

import (
	"cmp"
	"fmt"
	"io"
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
	before, after := *d.Old, *d.New
	if len(before) > maxShown || len(after) > maxShown {
		before, after = cutCommon(before, after)
	}
	return "  " + d.Key + ": " + shorten(before, maxShown) + " → " + shorten(after, maxShown)
}

// maxShown is how much of a value a difference shows, in bytes.
const maxShown = 300

// cutCommon leaves out all but the last bytes of what two long values begin with.
func cutCommon(a, b string) (string, string) {
	const context = 30
	common := 0
	for common < min(len(a), len(b)) && a[common] == b[common] {
		common++
	}
	if common <= context {
		return a, b
	}
	start := common - context
	return "…" + strings.ToValidUTF8(a[start:], ""), "…" + strings.ToValidUTF8(b[start:], "")
}

// Diff compares two listings. Damage comes first, and at the end what follows from
// other differences: digests and sizes of layers, configs, manifests and the index.
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

// Damage returns the facts about content that is not what its digest says.
func (l Listing) Damage() Listing {
	return filter(l, func(f Fact) bool { return rank(f.Key) == 0 })
}

// rank is 0 for damage, 1 for causes, and 2 for what follows from them.
func rank(key string) int {
	switch _, field := cutSubject(key); field {
	case "damage", "config damage":
		return 0
	case "digest", "size", "diff ID", "compressed size", "unpacked size", "config digest", "config .rootfs.diff_ids":
		return 2
	}
	return 1
}

// cutSubject splits a key into what it is about, the index, a platform or a layer of
// it, and the field. The field of a file begins with its path.
func cutSubject(key string) (subject, field string) {
	subject, field, _ = strings.Cut(key, " ")
	if layer, ok := strings.CutPrefix(field, "layer "); ok {
		number, rest, _ := strings.Cut(layer, " ")
		return subject + " layer " + number, rest
	}
	return subject, field
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
// layers, a single image has no index, an archive or mirror may have fewer platforms,
// and only registries and builds have SBOMs, which never count as missing. The third result names what could not be compared, and is empty if a and
// b cover the same. Damage is never left out.
func Overlap(a, b Listing) (Listing, Listing, []string) {
	var missing []string
	platforms := union(a.Platforms(), b.Platforms())
	for _, platform := range platforms {
		if slices.Contains(a.Platforms(), platform) != slices.Contains(b.Platforms(), platform) {
			missing = append(missing, platform)
		}
	}
	onlyPlatforms := len(missing) > 0
	withoutSBOMs := (len(a.SBOMs()) > 0) != (len(b.SBOMs()) > 0)
	docker := a.isDockerArchive() != b.isDockerArchive()
	switch {
	case docker:
		missing = append(missing, "index, manifests and compressed layers")
	case a.hasIndex() != b.hasIndex():
		missing = append(missing, "index")
	}
	keep := func(f Fact) bool {
		subject, _, _ := strings.Cut(f.Key, " ")
		switch {
		case rank(f.Key) == 0:
			return true
		case slices.Contains(missing, subject), withoutSBOMs && isSBOM(f):
			return false
		case docker:
			return inDockerArchive(f.Key)
		}
		return subject != "index" || !onlyPlatforms
	}
	return filter(a, keep), filter(b, keep), missing
}

func filter(l Listing, keep func(Fact) bool) Listing {
	return slices.DeleteFunc(slices.Clone(l), func(f Fact) bool { return !keep(f) })
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// SBOMField follows the platform in the key of the fact about its SBOM. A listing of
// what is in a registry has one for each platform, "none" if there is no SBOM.
const SBOMField = " sbom digest"

func isSBOM(f Fact) bool { return strings.HasSuffix(f.Key, SBOMField) }

// SBOMs returns the facts about SBOMs.
func (l Listing) SBOMs() Listing { return filter(l, isSBOM) }

func (l Listing) hasIndex() bool { return l.Value("index digest") != "" }

// isDockerArchive is true for an archive of `docker save`: it has no manifests.
func (l Listing) isDockerArchive() bool {
	platforms := l.Platforms()
	return len(platforms) > 0 && !l.hasIndex() && l.Value(platforms[0]+" digest") == ""
}

// inDockerArchive reports whether an archive of `docker save` has this fact: the
// config, the files and the uncompressed layers.
func inDockerArchive(key string) bool {
	subject, field := cutSubject(key)
	if strings.Contains(subject, " layer ") {
		return field == "diff ID" || strings.HasPrefix(field, "/") || strings.HasPrefix(field, `"/`)
	}
	return field == "unpacked size" || strings.HasPrefix(field, "config ") && field != "config media type"
}
