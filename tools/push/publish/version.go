package publish

import (
	"cmp"
	"regexp"
	"strings"
)

var versionRE = regexp.MustCompile(`^v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$`)

// isVersion reports whether a tag is a version, vMAJOR.MINOR.PATCH. Such tags
// never move by themselves.
func isVersion(tag string) bool { return versionRE.MatchString(tag) }

// compareVersions compares two versions by the precedence of Semantic
// Versioning 2.0.0 (item 11), for numbers of any length.
func compareVersions(a, b string) int {
	x, y := versionRE.FindStringSubmatch(a), versionRE.FindStringSubmatch(b)
	for i := 1; i <= 3; i++ {
		// Without leading zeros the longer number is the higher one.
		if c := cmp.Or(cmp.Compare(len(x[i]), len(y[i])), strings.Compare(x[i], y[i])); c != 0 {
			return c
		}
	}
	return 0
}
