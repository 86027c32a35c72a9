package publish

import (
	"cmp"
	"strings"

	"example.com/reproducible-images/tools/imageset"
)

// isVersion reports whether a tag is a version, vMAJOR.MINOR.PATCH. Such tags
// never move by themselves.
func isVersion(tag string) bool {
	_, ok := imageset.Version(tag)
	return ok
}

// compareVersions compares two versions by the precedence of Semantic
// Versioning 2.0.0 (item 11), for numbers of any length.
func compareVersions(a, b string) int {
	x, _ := imageset.Version(a)
	y, _ := imageset.Version(b)
	for i := range x {
		// Without leading zeros the longer number is the higher one.
		if c := cmp.Or(cmp.Compare(len(x[i]), len(y[i])), strings.Compare(x[i], y[i])); c != 0 {
			return c
		}
	}
	return 0
}
