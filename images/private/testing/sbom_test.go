package testing

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/bazelbuild/rules_go/go/runfiles"
	"github.com/google/go-cmp/cmp"
)

// The SBOM names the modules that are linked into all programs of the image, and not
// those that this test uses.
func TestSBOM(t *testing.T) {
	t.Parallel()
	path, err := runfiles.Rlocation("_main/images/private/testing/image_linux_arm64.spdx.json")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var document struct{ Packages []struct{ Name string } }
	if err := json.Unmarshal(content, &document); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range document.Packages {
		got = append(got, p.Name)
	}
	slices.Sort(got)
	want := []string{
		"/bin/helper", "/program", "example.com/reproducible-images", "github.com/bazelbuild/rules_go",
		"std", "team/program", "team/program layer",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
}
