package inventory

import (
	"strconv"
	"strings"
	"unicode"
)

// Printable quotes s if it has anything that a terminal would not show as it
// is: names in an image may be chosen to deceive.
func Printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) {
		return strconv.Quote(s)
	}
	return s
}
