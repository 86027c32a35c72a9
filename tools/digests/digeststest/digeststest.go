// Package digeststest records the digests of test images.
package digeststest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"example.com/reproducible-images/tools/digests"
	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/imageset/imagetest"
)

// Record records the digests of the images that the file list names. It returns
// a list of the same images that names the record too.
func Record(t testing.TB, list string) string {
	t.Helper()
	set, err := imageset.Load(list)
	if err != nil {
		t.Fatal(err)
	}
	built, err := digests.Build(t.Context(), set.Images)
	if err != nil {
		t.Fatal(err)
	}
	var f imageset.File
	raw, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	f.Digests = filepath.Join(t.TempDir(), "digests.json")
	if err := built.Write(f.Digests); err != nil {
		t.Fatal(err)
	}
	return imagetest.Write(t, f)
}
