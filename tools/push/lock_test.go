package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/digests"
	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/imageset/imagetest"
	"example.com/reproducible-images/tools/registry"
	"example.com/reproducible-images/tools/registry/registrytest"
)

// A build that is not what was recorded sends nothing, unless told to.
func TestLocked(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		record func(f digests.File)
		want   []string
	}{
		"another file": {
			func(f digests.File) { f["//images:hello"].Platforms[0].Layers[1].Files[0].Mode = "4755" },
			[]string{"//images:hello\n", "linux/amd64: layer 2: ", "mode: 4755 → 0000"},
		},
		"not recorded":    {func(f digests.File) { delete(f, "//images:hello") }, []string{"//images:hello\n  not recorded, built: sha256:"}},
		"no longer built": {func(f digests.File) { f["//images:bye"] = f["//images:hello"] }, []string{"//images:bye\n  recorded as sha256:"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var rec registrytest.Recorder
			s := registrytest.Start(t, registry.Options{Wrap: rec.Wrap})
			file := list(t, s.Addr(), "hello")
			set, err := imageset.Load(file)
			if err != nil {
				t.Fatal(err)
			}
			recorded, err := digests.Read(set.Digests)
			if err != nil {
				t.Fatal(err)
			}
			tt.record(recorded)
			if err := recorded.Write(set.Digests); err != nil {
				t.Fatal(err)
			}

			refusal := "push: nothing was pushed: the build does not give what " + set.DigestsSource + " says; if that is meant, `bazel run //images:update_digests` and commit, or add --allow-unlocked\n"
			checkRun(t, file, nil, 1, append(tt.want, refusal)...)
			if got := rec.Requests(); len(got) > 0 {
				t.Errorf("requests: %q", got)
			}
			checkRun(t, file, []string{"--allow-unlocked"}, 0, append(tt.want, "push: WARNING: --allow-unlocked: pushing although the build does not give what ")...)
			if len(rec.Requests()) == 0 {
				t.Error("nothing was pushed")
			}
		})
	}
}

// Without a record that can be read nothing is sent either.
func TestNoRecord(t *testing.T) {
	t.Parallel()
	checkRun(t, imagetest.File(t, "127.0.0.1:1", "hello"), nil, 1, "names no file of recorded digests")
	broken := filepath.Join(t.TempDir(), "digests.json")
	if err := os.WriteFile(broken, []byte("<<<<<<< HEAD"), 0o644); err != nil {
		t.Fatal(err)
	}
	file := imagetest.Write(t, imageset.File{
		Registry: "127.0.0.1:1",
		Images:   []imageset.Entry{{Label: "//images:hello", Repository: "hello", Version: imagetest.Version, Layout: imagetest.Layout(t, "hello")}},
		Digests:  broken,
	})
	checkRun(t, file, nil, 1, broken, "not the expected JSON", "--allow-unlocked")
}

func checkRun(t *testing.T, file string, args []string, code int, want ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if got := run(t.Context(), append([]string{"--images", file}, args...), noEnv, &stdout, &stderr); got != code {
		t.Errorf("exit status %d, want %d", got, code)
	}
	for _, w := range want {
		if !strings.Contains(stderr.String(), w) {
			t.Errorf("%q is missing in:\n%s", w, &stderr)
		}
	}
}
