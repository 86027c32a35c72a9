package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/image/imagetest"
	"example.com/reproducible-images/tools/image/listing"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// workspace is a directory with built images, a registry, and a record for each image.
type workspace struct {
	t         *testing.T
	directory string
	registry  string
	images    []map[string]string
}

func newWorkspace(t *testing.T) *workspace {
	t.Helper()
	target, stop, err := serveRegistry(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return &workspace{t: t, directory: t.TempDir(), registry: target.String()}
}

// build adds an image, or replaces the one of the same repository, and writes the list.
func (w *workspace) build(repository, version, text string) v1.ImageIndex {
	w.t.Helper()
	index := imagetest.Index(w.t, map[string]string{"app": text, "etc/passwd": "nobody"})
	image := map[string]string{
		"label": "//images:" + repository, "repository": repository, "version": version,
		"layout": imagetest.Layout(w.t, index),
	}
	if record := w.record(repository); exists(record) {
		image["record"] = record
	}
	for i, other := range w.images {
		if other["repository"] == repository {
			w.images[i] = image
			w.writeList()
			return index
		}
	}
	w.images = append(w.images, image)
	w.writeList()
	return index
}

func (w *workspace) record(repository string) string {
	return filepath.Join(w.directory, "images/digests", repository+".txt")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (w *workspace) list() string { return filepath.Join(w.directory, "list.json") }

func (w *workspace) writeList() {
	w.t.Helper()
	raw, err := json.Marshal(map[string]any{"digests": "images/digests", "images": w.images, "registry": w.registry})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.list(), raw, 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// run runs a command, and wants this exit status and these texts in its output.
func (w *workspace) run(status int, words string, want ...string) string {
	w.t.Helper()
	args := strings.Fields(words)
	if !strings.Contains(words, "--images") && !strings.HasPrefix(words, "trusted") {
		args = append(args, "--images", w.list())
	}
	var output bytes.Buffer
	if got := run(context.Background(), append([]string{"image"}, args...), &output, &output); got != status {
		w.t.Errorf("%s: exit status %d, want %d:\n%s", words, got, status, &output)
	}
	for _, text := range want {
		if !strings.Contains(output.String(), text) {
			w.t.Errorf("%s: no %q in the output:\n%s", words, text, &output)
		}
	}
	return output.String()
}

// update records the images.
func (w *workspace) update() {
	w.t.Helper()
	w.t.Setenv("BUILD_WORKSPACE_DIRECTORY", w.directory)
	w.run(0, "update_digests")
	for _, image := range w.images {
		image["record"] = w.record(image["repository"])
	}
	w.writeList()
}

func TestRelease(t *testing.T) {
	w := newWorkspace(t)
	index := w.build("app", "v1.0.0", "one")
	digest := imagetest.Digest(t, index).String()
	w.run(1, "digests_test", "//images:app has no record", "update_digests")
	w.run(1, "push", "nothing was pushed: image //images:app has no record")
	w.update()
	w.run(0, "digests_test")
	output := w.run(0, "push")
	for _, tag := range []string{"v1.0.0", "latest"} {
		if want := fmt.Sprintf("%s/app:%s@%s\n", w.registry, tag, digest); !strings.Contains(output, want) {
			t.Errorf("no %q in the output:\n%s", want, output)
		}
	}
	w.run(0, "verify", "app:v1.0.0: equal, "+digest)
	w.run(0, "verify --tag latest --digest "+digest, "app:latest: equal", "@"+digest+": equal")
	w.run(2, "verify --tag missing", "does not have")
	w.run(0, "diff //images:app "+w.registry+"/app:v1.0.0")

	w.build("app", "v1.0.0", "two")
	w.run(1, "digests_test", "linux/amd64 layer 1 /app digest: ", " → ", "is not what its record says")
	w.run(1, "push", "nothing was pushed", "--allow-unlocked")
	w.run(1, "push --allow-unlocked", "WARNING", "never published twice", "--move-tag v1.0.0")
	w.run(1, "verify", "app:v1.0.0: DIFFERENT (built here → published)", "linux/arm64 layer 1 /app digest: ")
	w.run(1, "diff "+w.registry+"/app:v1.0.0 //images:app", "linux/amd64 layer 1 /app digest: ")
	w.run(0, "push --allow-unlocked --move-tag v1.0.0")
	w.run(0, "verify")
}

func TestSeveralImages(t *testing.T) {
	w := newWorkspace(t)
	w.build("app", "v1.0.0", "one")
	w.build("team/other", "v2.0.0", "one")
	w.update()
	if _, err := os.Stat(w.record("team/other")); err != nil {
		t.Error(err)
	}
	w.run(0, "push --image team/other", "/team/other:v2.0.0@")
	w.run(2, "verify", "does not have", "/team/other:v2.0.0: equal")
	w.run(2, "push --image nope", `no image "nope"; the images are app, team/other`)
	w.run(2, "verify --from x", "--image NAME")
}

// A record of an image that does not exist any more fails the test, and is removed.
func TestStaleRecord(t *testing.T) {
	w := newWorkspace(t)
	w.build("app", "v1.0.0", "one")
	w.update()
	stale := filepath.Join(w.directory, "images/digests/gone.txt")
	if err := os.WriteFile(stale, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	list := fmt.Sprintf(`{"digests": "images/digests", "images": [{"label": "//images:app", "repository": "app", "version": "v1.0.0", "layout": %q, "record": %q}],
		"records": [%q, "_main/images/digests/gone.txt"]}`, w.images[0]["layout"], w.record("app"), w.record("app"))
	if err := os.WriteFile(w.list(), []byte(list), 0o644); err != nil {
		t.Fatal(err)
	}
	w.run(1, "digests_test", "images/digests/gone.txt is the record of no image")
	w.run(0, "update_digests", "removed images/digests/gone.txt")
	if exists(stale) {
		t.Error("it is still there")
	}
}

// verify and diff of files: archives cover less than the index.
func TestFiles(t *testing.T) {
	w := newWorkspace(t)
	index := w.build("app", "v1.0.0", "one")
	w.run(0, "verify --from "+w.images[0]["layout"], "equal")
	image, err := index.Image(firstChild(t, index))
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag("app:v1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(t.TempDir(), "app.tar")
	if err := tarball.WriteToFile(archive, tag, image); err != nil {
		t.Fatal(err)
	}
	w.run(2, "verify --from "+archive, "equal as far as it can be compared", "linux/arm64", "compressed layers")
	w.run(2, "verify --from "+filepath.Join(t.TempDir(), "missing"), "no such file")
	w.build("app", "v1.0.0", "two")
	w.run(1, "verify --from "+archive, "linux/amd64 layer 1 /app digest: ")
}

func firstChild(t *testing.T, index v1.ImageIndex) v1.Hash {
	t.Helper()
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	return manifest.Manifests[0].Digest
}

// One byte that the registry has changed is found, and its layer named.
func TestDamage(t *testing.T) {
	w := newWorkspace(t)
	index := w.build("app", "v1.0.0", "one")
	w.run(0, "push --allow-unlocked")
	image, err := index.Image(firstChild(t, index))
	if err != nil {
		t.Fatal(err)
	}
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: w.registry})
	proxy.ModifyResponse = func(response *http.Response) error {
		if !strings.HasSuffix(response.Request.URL.Path, digest.String()) {
			return nil
		}
		content, err := io.ReadAll(response.Body)
		content[len(content)/2] ^= 1
		response.Body = io.NopCloser(bytes.NewReader(content))
		return err
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	w.run(1, "verify --registry "+strings.TrimPrefix(server.URL, "http://"), "DIFFERENT", "linux/amd64 layer 1 damage: ")
}

func TestUsage(t *testing.T) {
	w := newWorkspace(t)
	w.build("app", "v1.0.0", "one")
	w.run(2, "", "usage: image COMMAND", "push")
	w.run(2, "push --registry nowhere", `"nowhere" has neither a dot nor a port`)
	w.run(2, "push --tag .x", "bad tag")
	w.run(2, "push --jobs 0", "at least 1")
	w.run(2, "push now", `unexpected argument "now"`)
	w.run(2, "diff a", "the argument B is missing")
	w.run(2, "load --platform linux", `bad platform "linux"`)
	w.run(1, "load --platform linux/s390x", "is not built for linux/s390x; its platforms are linux/amd64, linux/arm64")
	w.run(0, "push -h", "-registry HOST[:PORT][/PATH]")
	w.run(1, "push --images "+filepath.Join(t.TempDir(), "x"), "there is no list of images at")
	t.Setenv("SSL_CERT_FILE", "missing.pem")
	w.run(2, "push", "$SSL_CERT_FILE names ", "missing.pem, which does not exist")
}

func TestImageList(t *testing.T) {
	t.Parallel()
	image := func(repository, version string) string {
		return fmt.Sprintf(`{"label": "//images:%s", "repository": %[1]q, "version": %q, "layout": "x"}`, repository, version)
	}
	tests := []struct{ content, want string }{
		{`{"images": []}`, "is empty"},
		{`{"image": []}`, "unknown field"},
		{`{"images": [` + image("A", "v1.0.0") + `]}`, "bad repository name"},
		{`{"images": [` + image("a", "1.0") + `]}`, "bad version"},
		{`{"images": [` + image("a", "v1.0") + `]}`, "bad version"},
		{`{"images": [` + image("a", "v1.0.0-rc.1") + `]}`, ""},
		{`{"images": [` + image("a", "v1.0.0") + "," + image("a", "v1.0.0") + `]}`, "the same repository"},
	}
	for _, test := range tests {
		file := filepath.Join(t.TempDir(), "list.json")
		if err := os.WriteFile(file, []byte(test.content), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := readImageList(file)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.content, err, test.want)
		}
	}
}

func TestStructure(t *testing.T) {
	t.Parallel()
	facts := []string{
		`linux/amd64 config .architecture: "amd64"`,
		`linux/amd64 config .os: "linux"`,
		`linux/amd64 layer 1 /app mode: 0755`,
		`linux/amd64 layer 1 /app owner: 0:0`,
		`linux/amd64 layer 1 /app type: file`,
	}
	parse := func(lines ...string) listing.Listing {
		l, err := listing.Parse(strings.NewReader(strings.Join(lines, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	rest := []string{
		"linux/amd64 compressed size: 100", "linux/amd64 unpacked size: 200", "linux/amd64 digest: sha256:1",
		"linux/amd64 layer 1 /app digest: sha256:1", "linux/amd64 config .history[0].created_by: \"x\"",
		"linux/arm64 layer 1 /other mode: 0644",
	}
	const elf = "linux/amd64 layer 1 /app elf: EM_X86_64 static stripped"
	tests := []struct {
		name string
		more []string
		edit func(*structureTest)
		want []string
	}{
		{name: "right", more: []string{elf}},
		{"missing and more", []string{elf, "linux/amd64 layer 1 /b mode: 0644"},
			func(s *structureTest) { s.Facts = append(s.Facts, "linux/amd64 layer 1 /c mode: 0600") },
			[]string{"go_image → image: + linux/amd64 layer 1 /b mode: 0644", "go_image → image: - linux/amd64 layer 1 /c mode: 0600"}},
		{"another machine", []string{"linux/amd64 layer 1 /app elf: EM_AARCH64 static stripped"}, nil, []string{"not a program for amd64"}},
		{"a helper for another machine", []string{elf, "linux/amd64 layer 1 /bin/x elf: EM_AARCH64 dynamic stripped"}, nil, []string{"/bin/x elf: EM_AARCH64 dynamic stripped: not a program for amd64"}},
		{"dynamic", []string{"linux/amd64 layer 1 /app elf: EM_X86_64 dynamic stripped"}, nil, []string{"must be static and stripped"}},
		{"no program", nil, nil, []string{"/app is not an ELF file"}},
		{"damage", []string{elf, `linux/amd64 layer 1 damage: "x"`}, nil, []string{`linux/amd64 layer 1 damage: "x"`}},
		{"within the budget", []string{elf}, func(s *structureTest) { s.MaxCompressedBytes, s.MaxUnpackedBytes = 100, 200 }, nil},
		{"over the budget", []string{elf}, func(s *structureTest) { s.MaxCompressedBytes, s.MaxUnpackedBytes = 99, 150 },
			[]string{"100 bytes are 1 more than max_compressed_bytes = 99", "200 bytes are 50 more than max_unpacked_bytes = 150"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := &structureTest{Label: "//images:app", Platform: "linux/amd64", Binary: "/app", Facts: append([]string{}, facts...)}
			if test.edit != nil {
				test.edit(s)
			}
			problems := s.check(parse(append(append(append([]string{}, facts...), rest...), test.more...)...))
			got := strings.Join(problems, "\n")
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("no %q in:\n%s", want, got)
				}
			}
			if len(problems) != len(test.want) {
				t.Errorf("%d problems, want %d:\n%s", len(problems), len(test.want), got)
			}
		})
	}
}

func TestRunLine(t *testing.T) {
	t.Parallel()
	image := imagetest.Image(t, "amd64", nil)
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.Config.ExposedPorts = map[string]struct{}{"8060/tcp": {}, "53/udp": {}}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	got, err := runLine("docker", image, "app:v1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	want := "docker run --rm --cap-drop ALL --publish 53:53/udp --publish 8060:8060 app:v1.0.0"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The test binary itself is the program whose packages are listed.
func TestExplainSize(t *testing.T) {
	t.Parallel()
	program, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	got, err := explainSize(imagetest.Image(t, "amd64", map[string]string{"app": string(program), "data": "x"}), "/app")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{fmt.Sprintf("%10d  /app\n", len(program)), "         1  /data\n", "  runtime\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if _, err := explainSize(imagetest.Image(t, "amd64", map[string]string{"app": "text"}), "/app"); err == nil {
		t.Error("no error for what is not a program")
	}
}

func TestPackageOf(t *testing.T) {
	t.Parallel()
	for function, want := range map[string]string{
		"main.main":                                "main",
		"net/http.(*Server).Serve":                 "net/http",
		"github.com/a/b.v2.F":                      "github.com/a/b",
		"slices.SortFunc[go.shape.[]a/b.T,go.int]": "slices",
		"type:.eq.net/http.Header":                 "net/http",
		"memeqbody":                                "(other)",
	} {
		if got := packageOf(function); got != want {
			t.Errorf("%s: %s, want %s", function, got, want)
		}
	}
}
