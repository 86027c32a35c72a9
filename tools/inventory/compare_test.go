package inventory

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// sample is an image that has a value in each field.
func sample() Image {
	modTime := time.Unix(1, 0).UTC()
	d := func(s string) string { return digestOf(s) }
	platform := func(arch string) Platform {
		return Platform{
			Platform: "linux/" + arch, Digest: d("manifest" + arch), MediaType: string(types.OCIManifestSchema1),
			Annotations: map[string]string{"who": "manifest"},
			Config: json.RawMessage(`{"architecture":"` + arch + `","config":{"Env":["A=1","B=2"],"Labels":{"org.example":"x"}},"rootfs":{"diff_ids":["` +
				d("diff1") + `","` + d("diff2"+arch) + `"]}}`),
			ConfigDigest: d("config" + arch),
			Layers: []Layer{
				{Digest: d("base"), Size: 10, MediaType: string(types.OCILayer), DiffID: d("diff1"), Files: []File{
					{Path: "/etc", Type: "directory", Mode: "0755", Owner: "0:0"},
					{Path: "/etc/passwd", Type: "file", Mode: "0644", Owner: "0:0", Size: 4, Digest: d("root")},
				}},
				{Digest: d("app" + arch), Size: 20, MediaType: string(types.OCILayer), DiffID: d("diff2" + arch), Files: []File{
					{Path: "/bin/sh", Type: "symlink", Mode: "0777", Owner: "0:0", Link: "/hello"},
					{
						Path: "/hello", Type: "file", Mode: "0755", Owner: "0:0", ModTime: &modTime, Size: 6, Digest: d("binary"),
						Extra: map[string]string{"user": "root"},
						Go: &Go{
							Version: "go1.2", Path: "x", Settings: map[string]string{"CGO_ENABLED": "0"},
							Modules: map[string]string{"example.com/x": "v1.0.0"},
						},
					},
				}},
			},
		}
	}
	return Image{
		Digest: d("index"), MediaType: string(types.OCIImageIndex), Annotations: map[string]string{"who": "index"},
		Platforms: []Platform{platform("amd64"), platform("arm64")},
	}
}

// dockerSample is the image for amd64 as a docker archive has it.
func dockerSample() Image {
	img, _ := sample().Only("linux/amd64")
	img.Digest, img.MediaType = "", ""
	p := &img.Platforms[0]
	p.Digest, p.MediaType, p.Annotations = "", "", nil
	for i := range p.Layers {
		p.Layers[i].Digest, p.Layers[i].MediaType, p.Layers[i].Size = "", "", 0
	}
	return img
}

func TestCompare(t *testing.T) {
	t.Parallel()
	type layers = []Layer
	amd64 := func(img *Image) *Platform { return &img.Platforms[0] }
	app := func(img *Image) *Layer { return &amd64(img).Layers[1] }
	hello := func(img *Image) *File { return &app(img).Files[1] }
	// digests changes all digests above the app layer, as a real change would.
	digests := func(img *Image) {
		p := amd64(img)
		p.Config = json.RawMessage(strings.Replace(string(p.Config), digestOf("diff2amd64"), digestOf("new"), 1))
		app(img).DiffID, app(img).Digest, app(img).Size = digestOf("new"), digestOf("new blob"), 21
		p.ConfigDigest, p.Digest, img.Digest = digestOf("new config"), digestOf("new manifest"), digestOf("new index")
	}
	configure := func(old, new string) func(*Image) {
		return func(img *Image) {
			p := amd64(img)
			if !strings.Contains(string(p.Config), old) {
				panic(old)
			}
			p.Config = json.RawMessage(strings.Replace(string(p.Config), old, new, 1))
		}
	}
	const inHello = "linux/amd64: layer 2: /hello: "
	for name, test := range map[string]struct {
		change        func(*Image)
		want, follows []string
	}{
		"nothing": {func(*Image) {}, nil, nil},
		"a file's content": {func(img *Image) { hello(img).Digest = digestOf("x"); digests(img) },
			[]string{inHello + "digest: sha256:9a3a45d01531… → sha256:2d711642b726…"},
			[]string{
				`linux/amd64: configuration: rootfs.diff_ids[1]: "sha256:` + digestOf("diff2amd64")[7:19] + `…" → "sha256:` + digestOf("new")[7:19] + `…"`,
				"linux/amd64: configuration: digest: " + short(digestOf("configamd64")) + " → " + short(digestOf("new config")),
				"linux/amd64: layer 2: diffID: " + short(digestOf("diff2amd64")) + " → " + short(digestOf("new")),
				"linux/amd64: layer 2: digest: " + short(digestOf("appamd64")) + " → " + short(digestOf("new blob")),
				"linux/amd64: layer 2: size: 20 → 21",
				"linux/amd64: digest: " + short(digestOf("manifestamd64")) + " → " + short(digestOf("new manifest")),
				"digest: " + short(digestOf("index")) + " → " + short(digestOf("new index")),
			}},
		"mode and owner": {func(img *Image) { hello(img).Mode, hello(img).Owner = "4755", "1:1" },
			[]string{inHello + "mode: 0755 → 4755", inHello + "owner: 0:0 → 1:1"}, nil},
		"type and link": {func(img *Image) { app(img).Files[0].Type, app(img).Files[0].Link = "hardlink", "/x" },
			[]string{"linux/amd64: layer 2: /bin/sh: type: symlink → hardlink", "linux/amd64: layer 2: /bin/sh: link: /hello → /x"}, nil},
		"time": {func(img *Image) { hello(img).ModTime = nil }, []string{inHello + "modTime: 1970-01-01T00:00:01Z → 1970-01-01T00:00:00Z"}, nil},
		"size": {func(img *Image) { hello(img).Size = 0 }, []string{inHello + "size: 6 → 0"}, nil},
		"extra": {func(img *Image) { hello(img).Extra = map[string]string{"group": ""} },
			[]string{inHello + `extra.group: added: ""`, inHello + `extra.user: removed: "root"`}, nil},
		"no Go binary": {func(img *Image) { hello(img).Go = nil }, []string{inHello + "go: removed: go1.2 x"}, nil},
		"Go version and settings": {func(img *Image) {
			hello(img).Go = &Go{Version: "go1.3", Path: "y", Settings: map[string]string{"CGO_ENABLED": "1", "-trimpath": "true"}, Modules: map[string]string{"example.com/x": "v1.0.1"}}
		}, []string{
			inHello + "go.version: go1.2 → go1.3", inHello + "go.path: x → y",
			inHello + `go.settings["-trimpath"]: added: "true"`, inHello + `go.settings.CGO_ENABLED: "0" → "1"`,
			inHello + `go.modules["example.com/x"]: "v1.0.0" → "v1.0.1"`,
		}, nil},
		"added and removed files": {func(img *Image) {
			app(img).Files = append(app(img).Files[1:], File{Path: "/evil\x1b[2J", Type: "file", Mode: "4755", Owner: "0:0", Size: 1, Digest: digestOf("x")})
		}, []string{
			"linux/amd64: layer 2: /bin/sh: symlink: removed: 0777, owner 0:0, to /hello",
			`linux/amd64: layer 2: "/evil\x1b[2J": file: added: 4755, owner 0:0, 1 bytes, sha256:2d711642b726…`,
		}, nil},
		"order of files": {func(img *Image) { slices.Reverse(app(img).Files) },
			[]string{"linux/amd64: layer 2: files: /bin/sh at place 1 → /hello at place 1 (another order)"}, nil},
		"a file twice": {func(img *Image) { app(img).Files = append(app(img).Files, app(img).Files[0]) },
			[]string{"linux/amd64: layer 2: /bin/sh: symlink: added: 0777, owner 0:0, to /hello"}, nil},
		"archive": {func(img *Image) { app(img).DiffID = digestOf("x") },
			[]string{"linux/amd64: layer 2: diffID: " + short(digestOf("diff2amd64")) + " → sha256:2d711642b726… (the same files: their archive differs in headers, padding or the like)"}, nil},
		"compression": {func(img *Image) { app(img).Digest = digestOf("x") },
			[]string{"linux/amd64: layer 2: digest: " + short(digestOf("appamd64")) + " → sha256:2d711642b726… (the same content, compressed otherwise: by another program or level)"}, nil},
		"media type of a layer": {func(img *Image) { app(img).MediaType, app(img).Digest = string(types.OCILayerZStd), digestOf("x") },
			[]string{"linux/amd64: layer 2: mediaType: application/vnd.oci.image.layer.v1.tar+gzip → application/vnd.oci.image.layer.v1.tar+zstd"},
			[]string{"linux/amd64: layer 2: digest: " + short(digestOf("appamd64")) + " → sha256:2d711642b726…"}},
		"layer cut off": {func(img *Image) { app(img).DiffID = ""; app(img).Files = app(img).Files[:1] },
			[]string{"linux/amd64: layer 2: /hello: file: removed: 0755, owner 0:0, 6 bytes, " + short(digestOf("binary")) + " (one side could not be read to its end)"},
			[]string{"linux/amd64: layer 2: diffID: removed: " + short(digestOf("diff2amd64"))}},
		"file cut off": {func(img *Image) { app(img).DiffID = ""; hello(img).Digest = ""; hello(img).Go = nil },
			[]string{inHello + "digest: removed: " + short(digestOf("binary")) + " (one side could not be read to its end)"},
			[]string{"linux/amd64: layer 2: diffID: removed: " + short(digestOf("diff2amd64"))}},
		"a layer more": {func(img *Image) {
			l := Layer{DiffID: digestOf("x"), Files: []File{{Path: "/x", Type: "directory", Mode: "0755", Owner: "0:0"}}}
			amd64(img).Layers = slices.Insert(amd64(img).Layers, 1, l)
		}, []string{
			"linux/amd64: layers: 2 → 3",
			"linux/amd64: layer 2: added: diff ID sha256:2d711642b726…, 1 files",
			"linux/amd64: layer 2: /x: directory: added: 0755, owner 0:0",
		}, nil},
		"a layer less": {func(img *Image) { amd64(img).Layers = amd64(img).Layers[1:] }, []string{
			"linux/amd64: layers: 2 → 1",
			"linux/amd64: layer 1: removed: diff ID " + short(digestOf("diff1")) + ", 2 files",
			"linux/amd64: layer 1: /etc: directory: removed: 0755, owner 0:0",
			"linux/amd64: layer 1: /etc/passwd: file: removed: 0644, owner 0:0, 4 bytes, sha256:4813494d137e…",
		}, nil},
		"environment": {configure(`"A=1"`, `"A=1","C=3"`), []string{`linux/amd64: configuration: config.Env[1]: added: "C=3"`}, nil},
		"label":       {configure(`"x"`, `"<y>"`), []string{`linux/amd64: configuration: config.Labels["org.example"]: "x" → "<y>"`}, nil},
		"no config": {configure(`"config"`, `"other"`), []string{
			`linux/amd64: configuration: config: removed: {"Env":["A=1","B=2"],"Labels":{"org.example":"x"}}`,
			`linux/amd64: configuration: other: added: {"Env":["A=1","B=2"],"Labels":{"org.example":"x"}}`,
		}, nil},
		"another kind of value": {configure(`["A=1","B=2"]`, `null`), []string{`linux/amd64: configuration: config.Env: ["A=1","B=2"] → null`}, nil},
		"text of the configuration": {func(img *Image) { configure(`:{`, `: {`)(img); amd64(img).ConfigDigest = digestOf("x") },
			[]string{"linux/amd64: configuration: digest: " + short(digestOf("configamd64")) + " → sha256:2d711642b726… (the same content, written otherwise as JSON)"}, nil},
		// An inventory that was kept in a file may be indented.
		"layout of the inventory": {configure(`:{`, `: {`), nil, nil},
		"manifest": {func(img *Image) { amd64(img).Digest = digestOf("x") },
			[]string{"linux/amd64: digest: " + short(digestOf("manifestamd64")) + " → sha256:2d711642b726… (nothing else differs that is compared: the manifest has other fields, such as annotations of its descriptors, or is written otherwise)"}, nil},
		"annotations": {func(img *Image) {
			amd64(img).Annotations = nil
			img.Annotations = map[string]string{"who": "index", "a b": "c"}
		}, []string{`linux/amd64: annotations.who: removed: "manifest"`, `annotations["a b"]: added: "c"`}, nil},
		"index": {func(img *Image) { img.Digest = digestOf("x") },
			[]string{"digest: " + short(digestOf("index")) + " → sha256:2d711642b726… (nothing else differs that is compared: the image index has other fields, such as annotations of its descriptors, or is written otherwise)"}, nil},
		"a platform less": {func(img *Image) { img.Platforms = img.Platforms[:1] },
			[]string{"platform: removed: linux/arm64, manifest " + short(digestOf("manifestarm64"))}, nil},
		"another platform": {func(img *Image) { img.Platforms[1].Platform = "linux/s390x" }, []string{
			"platform: removed: linux/arm64, manifest " + short(digestOf("manifestarm64")),
			"platform: added: linux/s390x, manifest " + short(digestOf("manifestarm64")),
		}, nil},
		"order of platforms": {func(img *Image) { slices.Reverse(img.Platforms) },
			[]string{"platforms: linux/amd64 at place 1 → linux/arm64 at place 1 (another order)"}, nil},
		"one manifest": {func(img *Image) { *img, _ = img.Only("linux/amd64") },
			[]string{"mediaType: application/vnd.oci.image.index.v1+json → application/vnd.oci.image.manifest.v1+json (one side has no image index: only the image for one platform is compared)"}, nil},
		"a docker archive": {func(img *Image) { *img = dockerSample() }, nil, nil},
		"another docker archive": {func(img *Image) { *img = dockerSample(); hello(img).Mode = "0700" },
			[]string{inHello + "mode: 0755 → 0700"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := sample()
			test.change(&changed)
			var causes, follows []string
			for _, c := range Compare(sample(), changed) {
				if c.Follows {
					follows = append(follows, c.String())
				} else {
					causes = append(causes, c.String())
				}
			}
			if diff := cmp.Diff(test.want, causes); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.follows, follows); diff != "" {
				t.Error("what follows:", diff)
			}
			back := Compare(changed, sample())
			if len(back) != len(causes)+len(follows) {
				t.Errorf("the other way round there are %d changes: %v", len(back), back)
			}
			if same := Compare(changed, changed); len(same) > 0 {
				t.Errorf("differs from itself: %v", same)
			}
		})
	}
}

func TestNotCompared(t *testing.T) {
	t.Parallel()
	if got := NotCompared(sample(), sample()); got != nil {
		t.Errorf("two indexes: %q", got)
	}
	got := NotCompared(dockerSample(), sample())
	if len(got) != 2 || !strings.Contains(got[0], "docker archive") || !strings.Contains(got[1], "linux/arm64 is not compared") {
		t.Errorf("got %q", got)
	}
}

// Whatever is changed in an inventory, Compare tells of it.
func TestCompareIsComplete(t *testing.T) {
	t.Parallel()
	n := 0
	for i := 0; ; i++ {
		img := sample()
		path, ok := mutate(reflect.ValueOf(&img).Elem(), "image", new(i))
		if !ok {
			break
		}
		n++
		changes := Compare(sample(), img)
		if len(changes) == 0 {
			t.Errorf("%s was changed, and no difference found", path)
		}
		if len(Compare(img, sample())) == 0 {
			t.Errorf("%s was changed, and no difference found the other way round", path)
		}
		if slices.ContainsFunc(changes, func(c Change) bool { return c.Where == nil || c.Field == "" }) {
			t.Errorf("%s: %+v", path, changes)
		}
	}
	if n < 100 {
		t.Errorf("only %d places were changed", n)
	}
}

// mutate changes the n-th value in v.
func mutate(v reflect.Value, path string, n *int) (string, bool) {
	last := func() bool { *n--; return *n < 0 }
	switch v.Interface().(type) {
	case json.RawMessage:
		if last() {
			v.SetBytes([]byte(strings.Replace(string(v.Bytes()), "A=1", "A=2", 1)))
			return path, true
		}
		return "", false
	case *time.Time:
		if v.IsNil() || !last() {
			return "", false
		}
		later := v.Interface().(*time.Time).Add(time.Nanosecond)
		v.Set(reflect.ValueOf(&later))
		return path, true
	}
	switch v.Kind() {
	case reflect.String:
		if last() {
			v.SetString(v.String() + "x")
			return path, true
		}
	case reflect.Int64:
		if last() {
			v.SetInt(v.Int() + 1)
			return path, true
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return mutate(v.Elem(), path, n)
		}
	case reflect.Map:
		if v.Len() > 0 && last() {
			key := v.MapKeys()[0]
			changed := reflect.MakeMap(v.Type())
			changed.SetMapIndex(key, reflect.ValueOf(v.MapIndex(key).String()+"x"))
			v.Set(changed)
			return path, true
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if p, ok := mutate(v.Field(i), path+"."+v.Type().Field(i).Name, n); ok {
				return p, true
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if p, ok := mutate(v.Index(i), fmt.Sprintf("%s[%d]", path, i), n); ok {
				return p, true
			}
		}
		if v.Len() > 0 && last() {
			v.Set(v.Slice(0, v.Len()-1))
			return path + " (last removed)", true
		}
	}
	return "", false
}

func TestDiffJSONIsBounded(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("k", 10_000)
	open := strings.Repeat(`{"`+key+`":[`, 50)
	a := open + strings.Repeat("1,", 5000) + "1" + strings.Repeat("]}", 50)
	b := strings.ReplaceAll(a, "1", "2")
	wide := `[[` + strings.Repeat("1,", 5000) + `1]]`
	for name, docs := range map[string][2]string{
		"deep": {a, b},
		"wide": {wide, strings.ReplaceAll(wide, "1", "2")},
	} {
		changes := diffJSON([]byte(docs[0]), []byte(docs[1]))
		size := 0
		for _, c := range changes {
			size += len(c.Field)
		}
		if len(changes) == 0 || len(changes) > maxJSONChanges+1 || size > 100_000 {
			t.Errorf("%s: %d changes with %d bytes of paths", name, len(changes), size)
		}
	}
	if c := diffJSON([]byte(wide), []byte(strings.ReplaceAll(wide, "1", "2"))); c[len(c)-1].Note != "4001 more fields differ" {
		t.Errorf("got %+v", c[len(c)-1])
	}
}

// Digests that begin alike are shown whole.
func TestChangeString(t *testing.T) {
	t.Parallel()
	a, b := "sha256:"+strings.Repeat("a", 64), "sha256:"+strings.Repeat("a", 63)+"b"
	for _, test := range []struct {
		change Change
		want   string
	}{
		{Change{Field: "digest", Old: a, New: b}, "digest: " + a + " → " + b},
		{Change{Field: "digest", Old: a}, "digest: removed: sha256:aaaaaaaaaaaa…"},
		{Change{Where: []string{"x\n"}, Field: "\x1b", Old: "\u202e", New: strings.Repeat("y", 1000)},
			`"x\n": "\x1b": "\u202e" → ` + strings.Repeat("y", maxValue) + "…"},
		{Change{Field: "text", Note: "note"}, "text: differs (note)"},
	} {
		if got := test.change.String(); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}
