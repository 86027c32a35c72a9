package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func (w *workspace) write(path, content string) {
	w.t.Helper()
	path = filepath.Join(w.directory, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		w.t.Fatal(err)
	}
}

// SBOMs are recorded, attached, compared, and not looked for in files.
func TestSBOMs(t *testing.T) {
	w := newWorkspace(t)
	w.build("app", "v1.0.0", "one")
	add := func(text string) {
		w.write("amd64.spdx.json", text)
		w.write("arm64.spdx.json", "{}")
		raw, err := json.Marshal(map[string]any{"digests": "images/digests", "registry": w.registry, "images": []map[string]any{{
			"label": "//images:app", "repository": "app", "version": "v1.0.0", "layout": w.images[0]["layout"],
			"record": w.record("app"),
			"sboms": map[string]string{
				"linux/amd64": filepath.Join(w.directory, "amd64.spdx.json"), "linux/arm64": filepath.Join(w.directory, "arm64.spdx.json"),
			},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(w.list(), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("BUILD_WORKSPACE_DIRECTORY", w.directory)
	bare := filepath.Join(w.directory, "bare.json")
	if err := os.Rename(w.list(), bare); err != nil {
		t.Fatal(err)
	}
	add("{}")
	w.run(0, "update_digests")
	record, err := os.ReadFile(w.record("app"))
	if err != nil {
		t.Fatal(err)
	}
	digest := "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
	if want := "linux/amd64 sbom digest: " + digest + "\n"; !strings.Contains(string(record), want) {
		t.Errorf("no %q in the record:\n%s", want, record)
	}
	w.run(0, "digests_test")
	w.run(0, "push --allow-unlocked --images "+bare)
	w.run(1, "verify", "linux/amd64 sbom digest: "+digest+" → none")
	w.run(0, "push", "attached application/spdx+json")
	w.run(0, "push")
	w.run(0, "verify")
	w.run(0, "diff //images:app "+w.registry+"/app:v1.0.0")
	w.run(0, "verify --from "+w.images[0]["layout"], "equal")
	w.run(0, "diff "+w.images[0]["layout"]+" //images:app")

	add("{ }")
	w.run(1, "digests_test", "linux/amd64 sbom digest: "+digest+" → ")
	w.run(1, "push", "nothing was pushed")
	w.run(1, "verify", "DIFFERENT", "linux/amd64 sbom digest: ")
	w.run(1, "diff //images:app "+w.registry+"/app:v1.0.0", "linux/amd64 sbom digest: ")
	// Another SBOM beside the one that was built is nobody's harm.
	w.run(0, "push --allow-unlocked")
	w.run(0, "verify")
}
