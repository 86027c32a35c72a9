package imageset

import (
	"bytes"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
)

// What parse accepts, go-containerregistry accepts as references.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"images": [{"label": "//images:a", "repository": "a/b-c__d", "version": "v1.0.0", "layout": "_main/a"}], "registry": "localhost:5000"}`))
	f.Add([]byte(`{"images": []}`))
	f.Add(bytes.Repeat([]byte("["), 1000))
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := parse(raw)
		if err != nil {
			return
		}
		if len(file.Images) == 0 {
			t.Fatal("no image and no error")
		}
		for _, e := range file.Images {
			if err := CheckTag(e.Version); err != nil {
				t.Error(err)
			}
			if _, err := name.NewTag("localhost:5000/"+e.Repository+":"+e.Version, name.StrictValidation); err != nil && len(e.Repository) <= 255 {
				t.Error(err)
			}
		}
	})
}
