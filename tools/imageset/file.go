package imageset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
)

// File is the JSON file that Bazel writes beside each command; it says which
// images the command works on.
type File struct {
	// Images lists at least one image; no two share a repository.
	Images []Entry `json:"images"`
	// Registry is the default registry, HOST[:PORT][/PATH]; it may be empty.
	Registry string `json:"registry"`
	// Digests is the file with the images' recorded digests: a runfiles path,
	// or an absolute path; it may be empty.
	Digests string `json:"digests,omitempty"`
}

// Entry describes one image.
type Entry struct {
	// Label is the Bazel label of the image, for messages.
	Label string `json:"label"`
	// Repository is the name below the registry, for example "hello".
	Repository string `json:"repository"`
	// Version is the version tag, vMAJOR.MINOR.PATCH.
	Version string `json:"version"`
	// Layout is the OCI image layout directory: a runfiles path, or an
	// absolute path.
	Layout string `json:"layout"`
}

var (
	// The grammars of <name> and of a tag are those of the OCI distribution
	// specification, section "Pulling manifests".
	repositoryRE = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagRE        = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
	versionRE    = regexp.MustCompile(`^v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$`)
)

// CheckRepository returns an error unless s is a repository name by the OCI
// distribution specification (section "Pulling manifests").
func CheckRepository(s string) error {
	if !repositoryRE.MatchString(s) {
		return fmt.Errorf("bad repository name %q: it must be lower-case letters and digits, joined by single '.', '_', '/' or by '-'", s)
	}
	return nil
}

// CheckTag returns an error unless s is a tag by the OCI distribution
// specification (section "Pulling manifests").
func CheckTag(s string) error {
	if !tagRE.MatchString(s) {
		return fmt.Errorf("bad tag %q: it must be 1 to 128 letters, digits, '_', '.' or '-', and not begin with '.' or '-'", s)
	}
	return nil
}

// Version splits a version tag, vMAJOR.MINOR.PATCH, into its three numbers (of
// Semantic Versioning 2.0.0, so without leading zeros); ok is false for any other
// tag.
func Version(tag string) (numbers [3]string, ok bool) {
	m := versionRE.FindStringSubmatch(tag)
	if m == nil {
		return numbers, false
	}
	return [3]string(m[1:]), true
}

// readFile reads and checks the file; it does not look at the layouts.
func readFile(path string) (File, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, fmt.Errorf("no list of images at %s: start this command with `bazel run`, or name the list with --images FILE", path)
	}
	if err != nil {
		return File{}, fmt.Errorf("reading the list of images: %w", err)
	}
	f, err := parse(raw)
	if err != nil {
		return File{}, fmt.Errorf("list of images %s: %w", path, err)
	}
	return f, nil
}

func parse(raw []byte) (File, error) {
	var f File
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return File{}, fmt.Errorf("not the expected JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return File{}, errors.New("not the expected JSON: something follows the first value")
	}
	if len(f.Images) == 0 {
		return File{}, errors.New("it names no image")
	}
	seen := map[string]string{}
	for i, e := range f.Images {
		if e.Label == "" {
			return File{}, fmt.Errorf("image %d has no label", i+1)
		}
		if err := e.check(); err != nil {
			return File{}, fmt.Errorf("image %s: %w", e.Label, err)
		}
		if other, ok := seen[e.Repository]; ok {
			return File{}, fmt.Errorf("images %s and %s have the same repository %q: give each its own", other, e.Label, e.Repository)
		}
		seen[e.Repository] = e.Label
	}
	return f, nil
}

func (e Entry) check() error {
	if err := CheckRepository(e.Repository); err != nil {
		return err
	}
	if _, ok := Version(e.Version); !ok {
		return fmt.Errorf("bad version %q: it must be vMAJOR.MINOR.PATCH, like v1.0.0", e.Version)
	}
	if e.Layout == "" {
		return errors.New("it has no layout directory")
	}
	return nil
}
