// Package listing describes a container image as a sorted list of text lines,
// one for each fact: the record in images/digests, what verify and diff compare,
// and what the test of an image looks at.
//
//	linux/amd64 config .config.User: "65534:65534"
//	linux/amd64 layer 1 /hello mode: 0755
//
// The terms are those of the OCI image specification: image index, manifest,
// config, layer, digest, diff ID.
package listing

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Fact is one line of a listing.
type Fact struct {
	// Key says what the fact is about, such as "linux/amd64 layer 1 /hello mode".
	Key string
	// Value has no line break. Values of annotations and configs are JSON.
	Value string
}

func (f Fact) String() string { return f.Key + ": " + f.Value }

// Listing is a list of facts, sorted by key and value.
type Listing []Fact

// Value returns the value of the first fact with this key, or "".
func (l Listing) Value(key string) string {
	i, found := slices.BinarySearchFunc(l, key, func(f Fact, key string) int { return cmp.Compare(f.Key, key) })
	if !found {
		return ""
	}
	return l[i].Value
}

// Platforms returns the platforms of which the listing has facts, in order.
func (l Listing) Platforms() []string {
	var platforms []string
	for _, f := range l {
		platform, _, _ := strings.Cut(f.Key, " ")
		if platform != "index" && !slices.Contains(platforms, platform) {
			platforms = append(platforms, platform)
		}
	}
	return platforms
}

// With returns the listing with more facts.
func (l Listing) With(facts ...Fact) Listing {
	all := slices.Concat(l, facts)
	all.sort()
	return all
}

// WriteTo writes one line for each fact.
func (l Listing) WriteTo(w io.Writer) (int64, error) {
	var text strings.Builder
	for _, f := range l {
		text.WriteString(f.String())
		text.WriteByte('\n')
	}
	n, err := io.WriteString(w, text.String())
	return int64(n), err
}

// Parse reads what WriteTo wrote. The error names the line.
func Parse(r io.Reader) (Listing, error) {
	var l Listing
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		key, value, ok := cutLine(lines.Text())
		if !ok || strings.ContainsFunc(key, isHidden) {
			return nil, fmt.Errorf("line %d: %q is not KEY: VALUE", n, shorten(lines.Text(), 100))
		}
		l = append(l, Fact{key, escapeHidden(value)})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", len(l)+1, err)
	}
	l.sort()
	return l, nil
}

// maxLine is the length of the longest line that Parse reads, in bytes. A byte of a
// document takes at most eight in a line.
const maxLine = 8 * maxDocument

// cutLine splits KEY: VALUE. Quoted names in the key may contain ": ".
func cutLine(line string) (key, value string, ok bool) {
	for i := 0; i < len(line); {
		switch {
		case line[i] == '"':
			quoted, err := strconv.QuotedPrefix(line[i:])
			if err != nil {
				return "", "", false
			}
			i += len(quoted)
		case strings.HasPrefix(line[i:], ": "):
			return line[:i], line[i+2:], i > 0
		default:
			i++
		}
	}
	return "", "", false
}

// plainName matches the names that stand in a key as they are: printable ASCII without
// blanks. It leaves out what cutLine would take for something else: a quote, and a
// colon at the end.
var plainName = regexp.MustCompile(`^[!#-~]*[!#-9;-~]$`)

// quote returns a path or another name as it stands in a key.
func quote(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return strconv.QuoteToASCII(name)
}

func (l Listing) sort() {
	slices.SortFunc(l, func(a, b Fact) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Value, b.Value))
	})
}

// shorten cuts a text for a message.
func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
