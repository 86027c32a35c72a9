package checkout

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReplaceAndAppend(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "one two two\n")
	if err := Replace(dir, "file", "one", "1"); err != nil {
		t.Error(err)
	}
	if err := Append(filepath.Join(dir, "file"), "end\n"); err != nil {
		t.Error(err)
	}
	for text, want := range map[string]string{"two": "2 times", "none": "0 times"} {
		if err := Replace(dir, "file", text, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", text, err, want)
		}
	}
	if err := Append(filepath.Join(dir, "none"), "end\n"); err == nil {
		t.Error("appending to a file that is not there: no error")
	}
	if diff := cmp.Diff(map[string]string{"file": "1 two two\nend\n"}, tree(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReword(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.go"), `// Package p is good.
package p

//go:embed page.html
var page string // the page

const text = "// no comment" // é
/* stays */
`)
	write(t, filepath.Join(dir, "b.go"), "package p\n")
	if err := Reword(filepath.Join(dir, "a.go")); err != nil {
		t.Error(err)
	}
	if err := Reword(filepath.Join(dir, "b.go")); err != nil {
		t.Error(err)
	}
	want := map[string]string{"b.go": "package p\n", "a.go": `// Other words.
package p

//go:embed page.html
var page string // Other words.

const text = "// no comment" // Other words.
/* stays */
`}
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
