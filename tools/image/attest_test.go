package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/image/attest"
	"example.com/reproducible-images/tools/image/imagetest"
	"example.com/reproducible-images/tools/image/registry"
	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// fakeGit puts a program in place of git, which answers as if the workspace were a
// clean checkout of a commit; `status` prints the file changes.
func (w *workspace) fakeGit() {
	w.t.Helper()
	script := `#!/bin/sh
case "$*" in
"status --porcelain") cat changes 2>/dev/null || true ;;
"rev-parse HEAD") echo 0123456789012345678901234567890123456789 ;;
*) exit 1 ;;
esac
`
	w.write("bin/git", script)
	w.write(".bazelversion", "7.7.1\n")
	w.t.Setenv("PATH", filepath.Join(w.directory, "bin")+":"+os.Getenv("PATH"))
	w.t.Setenv("BUILD_WORKSPACE_DIRECTORY", w.directory)
}

// builders writes a key for each builder, and trust.json, which trusts them.
func (w *workspace) builders(names ...string) {
	w.t.Helper()
	type entry struct {
		ID   string   `json:"id"`
		Keys []string `json:"keys"`
	}
	var list []entry
	for i, name := range names {
		key := testKeys[i]
		w.write(name+".pem", key)
		private, err := attest.ParsePrivateKey([]byte(key), "")
		if err != nil {
			w.t.Fatal(err)
		}
		public, err := x509.MarshalPKIXPublicKey(private.Public())
		if err != nil {
			w.t.Fatal(err)
		}
		list = append(list, entry{"https://" + name + ".example", []string{
			string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
		}})
	}
	raw, err := json.Marshal(map[string]any{"builders": list})
	if err != nil {
		w.t.Fatal(err)
	}
	w.write("trust.json", string(raw))
}

// testKeys are for tests only: `openssl genpkey -algorithm ed25519`.
var testKeys = []string{
	"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n-----END PRIVATE KEY-----\n",
	"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC\n-----END PRIVATE KEY-----\n",
	"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD\n-----END PRIVATE KEY-----\n",
}

func (w *workspace) key(name string) string {
	return " --key " + filepath.Join(w.directory, name+".pem") + " --builder https://" + name + ".example"
}

// Builder a publishes, b builds the same, c gets something else.
func TestAttest(t *testing.T) {
	w := newWorkspace(t)
	w.fakeGit()
	w.builders("a", "b", "c")
	trust := " --trust " + filepath.Join(w.directory, "trust.json")
	index := w.build("app", "v1.0.0", "one")
	reference := w.registry + "/app@" + imagetest.Digest(t, index).String()

	w.run(2, "verify --attest"+w.key("b"), "does not have")
	w.run(0, "push --allow-unlocked --attest"+w.key("a"), "attached "+attest.MediaType)
	w.run(0, "trusted "+reference+trust+" --threshold 1", "attested by 1 of 3 trusted builders, 1 needed", "attested      https://a.example")
	w.run(1, "trusted "+reference+trust+" --threshold 2", "not attested  https://b.example", "is not to be trusted: 1 of the 2 builders")
	w.run(1, "verify"+trust+" --threshold 2", "app:v1.0.0: equal", "not attested  https://b.example")
	w.run(0, "verify --attest"+w.key("b")+trust+" --threshold 2", reference+": attested by https://b.example", "attested by 2 of 3")
	w.run(0, "trusted "+strings.Replace(reference, "@", ":v1.0.0@", 1)+trust+" --threshold 2")
	before := w.attestations(reference)
	w.run(0, "push --allow-unlocked --attest"+w.key("a"))
	w.run(0, "verify --attest"+w.key("b"))
	if after := w.attestations(reference); len(before) != 2 || len(after) != 2 {
		t.Errorf("%d attestations, and %d after the builders attested the same again; want 2", len(before), len(after))
	}

	w.build("app", "v1.0.0", "two")
	w.run(1, "verify --attest"+w.key("c"), "DIFFERENT")
	w.run(1, "verify --attest"+w.key("c")+trust+" --threshold 2", "DIFFERENT")
	if after := w.attestations(reference); len(after) != 2 {
		t.Errorf("%d attestations after a builder got other bytes; want 2", len(after))
	}
	w.run(0, "push --allow-unlocked --tag other --move-tag v1.0.0")
	other := w.registry + "/app@" + imagetest.Digest(t, w.build("app", "v1.0.0", "two")).String()
	w.run(1, "trusted "+other+trust+" --threshold 1", "attested by 0 of 3")
}

// attestations are the bundles that are attached to an image.
func (w *workspace) attestations(reference string) [][]byte {
	w.t.Helper()
	target, err := registry.ParseTarget(w.registry)
	if err != nil {
		w.t.Fatal(err)
	}
	client := &registry.Client{Keychain: authn.NewMultiKeychain()}
	repository, err := client.Open(w.t.Context(), target, "app", transport.PullScope)
	if err != nil {
		w.t.Fatal(err)
	}
	var bundles [][]byte
	_, digest, _ := strings.Cut(reference, "@")
	hash, err := v1.NewHash(digest)
	if err != nil {
		w.t.Fatal(err)
	}
	err = repository.Attached(w.t.Context(), hash, attest.MediaType, func(_ v1.Hash, bundle []byte, _ error) {
		bundles = append(bundles, bundle)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return bundles
}

// What was built from something else than a commit is not attested, and nothing is
// pushed.
func TestAttestRefuses(t *testing.T) {
	w := newWorkspace(t)
	w.fakeGit()
	w.builders("a", "b")
	w.build("app", "v1.0.0", "one")
	w.write("changes", " M api/main.go\n?? new.go\n")
	w.run(1, "push --allow-unlocked --attest"+w.key("a"), "not what is committed", "M api/main.go", "?? new.go")
	w.run(2, "verify --tag v1.0.0", "does not have")
	w.write("changes", "")
	layout := w.images[0]["layout"]
	w.images[0]["layout"] = imagetest.Layout(t, mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{
		Add: imagetest.Image(t, "amd64", nil), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}},
	}))
	w.writeList()
	w.run(1, "push --allow-unlocked --attest"+w.key("a"), "image //images:app", "give its go_image the argument source")
	w.run(2, "verify --tag v1.0.0", "does not have")
	w.images[0]["layout"] = layout
	w.writeList()
	w.write("bin/git", "#!/bin/sh\necho 'fatal: not a git repository' >&2\nexit 128\n")
	w.run(2, "verify --attest"+w.key("a"), "cannot attest: git status", "fatal: not a git repository")
	t.Setenv("BUILD_WORKSPACE_DIRECTORY", "")
	w.run(2, "verify --attest"+w.key("a"), "start this command with `bazel run`")
}

func TestAttestUsage(t *testing.T) {
	w := newWorkspace(t)
	w.fakeGit()
	w.builders("a", "b")
	w.build("app", "v1.0.0", "one")
	w.write("empty.json", "{}")
	digest := "sha256:" + strings.Repeat("0", 64)
	trust := " --trust " + filepath.Join(w.directory, "trust.json")
	w.run(2, "push --attest", "--attest needs --key FILE and --builder URI")
	w.run(2, "push --key x", "--key and --builder are for --attest")
	w.run(2, "push --attest --key x --builder me", `bad builder "me"`)
	w.run(2, "push --attest --builder https://a.example --key "+filepath.Join(w.directory, "missing"), "reading the key")
	w.run(2, "push --attest --builder https://a.example --key "+filepath.Join(w.directory, "trust.json"), "no private key in PEM form")
	w.run(2, "verify --threshold 1", "need each other")
	w.run(2, "verify --threshold 0"+trust, "at least 1")
	w.run(2, "verify --threshold 3"+trust, "--threshold 3 can never be reached", "names 2 builders")
	w.run(2, "verify --threshold 1 --trust "+filepath.Join(w.directory, "empty.json"), "it names no builder")
	w.run(2, "verify --from x --threshold 1"+trust, "--from cannot go with")
	w.run(2, "trusted "+w.registry+"/app@"+digest, "--trust FILE and --threshold NUMBER are needed")
	w.run(2, "trusted "+w.registry+"/app:v1.0.0 --threshold 1"+trust, "name the image by its digest")
	w.run(2, "trusted "+w.registry+"/app@"+digest+" --threshold 1"+trust, "does not have")
}
