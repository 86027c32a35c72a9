package digests_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/digests"
	"example.com/reproducible-images/tools/imageset/imagetest"
	"example.com/reproducible-images/tools/inventory"
	"github.com/google/go-cmp/cmp"
)

// What is built, written and read back is equal, whatever was there before.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	built := build(t, "hello", "bye")
	path := filepath.Join(t.TempDir(), "digests.json")
	if err := os.WriteFile(path, []byte("not JSON"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := built.Write(path); err != nil {
		t.Fatal(err)
	}
	recorded, err := digests.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := digests.Compare(recorded, built); len(got) > 0 {
		t.Errorf("differences: %v", got)
	}
	again, err := recorded.Format()
	if err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(first), string(again)); diff != "" {
		t.Errorf("written twice (-first +second):\n%s", diff)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("files left behind: %v", entries)
	}
}

func build(t *testing.T, names ...string) digests.File {
	t.Helper()
	f, err := digests.Build(t.Context(), imagetest.Load(t, names...))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestReadErrors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ content, want string }{
		"empty":         {"", "not the expected JSON: EOF"},
		"cut":           {`{"//images:hello": {`, "not the expected JSON"},
		"other field":   {`{"//images:hello": {"digset": ""}}`, `unknown field "digset"`},
		"two values":    {"{} {}", "something follows"},
		"merge markers": {"<<<<<<< HEAD\n{}", "invalid character"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "digests.json")
			if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := digests.Read(path)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) ||
				!strings.Contains(err.Error(), "bazel run //images:update_digests") {
				t.Errorf("error %v, want the file, %q and the mend", err, tt.want)
			}
		})
	}
	if _, err := digests.Read(filepath.Join(t.TempDir(), "none.json")); err == nil {
		t.Error("no error for a file that is not there")
	}
}

func TestWriteError(t *testing.T) {
	t.Parallel()
	if err := (digests.File{}).Write(filepath.Join(t.TempDir(), "none", "digests.json")); err == nil {
		t.Error("no error for a folder that is not there")
	}
}

// Every kind of change is named; what is equal is not.
func TestPrint(t *testing.T) {
	t.Parallel()
	const short = "sha256:aaaaaaaaaaaa…"
	other := "sha256:" + strings.Repeat("a", 64)
	for name, tt := range map[string]struct {
		record func(f digests.File)
		want   []string
	}{
		"equal": {record: func(digests.File) {}},
		"a file": {
			record: change(func(i *inventory.Image) {
				i.Digest, i.Platforms[0].Digest = other, other
				layer := &i.Platforms[0].Layers[1]
				layer.Digest, layer.DiffID = other, other
				layer.Files[0].Mode, layer.Files[0].Size, layer.Files[0].Digest = "4755", 7, other
			}),
			want: []string{
				"//images:hello",
				"index        " + other + " → sha256:",
				"linux/amd64  " + other + " → sha256:",
				"linux/amd64: layer 2: ", ": mode: 4755 → ",
				": size: 7 → 100000",
				": digest: " + short + " → ",
			},
		},
		"a field of the configuration": {
			record: change(func(i *inventory.Image) {
				p := &i.Platforms[1]
				p.ConfigDigest = other
				p.Config = json.RawMessage(strings.Replace(string(p.Config), `"/hello"`, `"/bin/sh"`, 1))
			}),
			want: []string{"//images:hello", `linux/arm64: configuration: config.Entrypoint[0]: "/bin/sh" → "/hello"`},
		},
		"a platform that was not there": {
			record: change(func(i *inventory.Image) { i.Platforms = i.Platforms[:1] }),
			want:   []string{"//images:hello", "platform: added: linux/arm64"},
		},
		"an image that was not there": {
			record: func(f digests.File) { delete(f, "//images:hello") },
			want:   []string{"//images:hello", "not recorded, built: sha256:"},
		},
		"an image that is gone": {
			record: func(f digests.File) { f["//images:gone"] = inventory.Image{Digest: other} },
			want:   []string{"//images:gone", "recorded as " + other + ", and no longer built"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recorded := build(t, "hello", "bye")
			tt.record(recorded)
			var out bytes.Buffer
			digests.Print(&out, digests.Compare(recorded, build(t, "hello", "bye")))
			if tt.want == nil && out.Len() > 0 {
				t.Errorf("printed:\n%s", &out)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is missing in:\n%s", want, &out)
				}
			}
			if strings.Contains(out.String(), "//images:bye") {
				t.Errorf("an equal image is named:\n%s", &out)
			}
		})
	}
}

func change(f func(*inventory.Image)) func(digests.File) {
	return func(file digests.File) {
		i := file["//images:hello"]
		f(&i)
		file["//images:hello"] = i
	}
}
