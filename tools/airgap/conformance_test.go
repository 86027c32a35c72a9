package airgap

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Bazel builds the same bytes with @rules_oci, real or stand-in, as rules_oci 2.3.0 wrote.
func TestConformance(t *testing.T) {
	t.Parallel()
	if os.Getenv("TEST_TARGET") == "" {
		t.Skip("needs the layouts that Bazel builds: bazel test //tools/airgap:airgap_test")
	}
	expected, err := filepath.Glob("conformance/testdata/expected/*")
	if err != nil || len(expected) == 0 {
		t.Fatalf("no layouts to compare with: %v", err)
	}
	for _, layout := range expected {
		name := filepath.Base(layout)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, built := layoutFiles(t, layout), filepath.Join("conformance", name)
			if diff := cmp.Diff(want, layoutFiles(t, built)); diff != "" {
				t.Errorf("not what rules_oci 2.3.0 writes (-want +got):\n%s", diff)
			}
			got, err := os.ReadFile(built + ".json.sha256")
			if err != nil {
				t.Fatal(err)
			}
			digest := regexp.MustCompile(`"digest": "(.*)"`).FindStringSubmatch(want["index.json"])
			if diff := cmp.Diff(digest[1]+"\n", string(got)); diff != "" {
				t.Errorf("output of %s.digest (-want +got):\n%s", name, diff)
			}
		})
	}
}

// layoutFiles returns the contents of a layout's files by path. It follows links.
func layoutFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, pattern := range []string{"oci-layout", "index.json", "blobs/*/*"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files[strings.TrimPrefix(path, dir+"/")] = string(data)
		}
	}
	return files
}
