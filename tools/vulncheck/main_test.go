package main

import (
	"bytes"
	"compress/gzip"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/imageset/imagetest"
)

// expect runs the command and looks at what it says.
func expect(t *testing.T, list, db string, args []string, code int, want ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	args = append([]string{"--images", list, "--db", db, "--go-mod", "../../go.mod"}, args...)
	got := run(t.Context(), args, func(string) string { return "" }, &stdout, &stderr)
	all := stdout.String() + stderr.String()
	if got != code {
		t.Errorf("exit status %d, want %d:\n%s", got, code, all)
	}
	for _, w := range want {
		if !strings.Contains(all, w) {
			t.Errorf("%q is missing in:\n%s", w, all)
		}
	}
	for line := range strings.Lines(stderr.String()) {
		if !strings.HasPrefix(line, "vulncheck: ") {
			t.Errorf("an error has several lines:\n%s", &stderr)
		}
	}
	return all
}

func TestAdvisories(t *testing.T) {
	t.Parallel()
	list := images(t, map[string][]byte{"hello": self(t), "etc/passwd": []byte("root:x:0:0")})
	printf := object{"path": "fmt", "symbols": []string{"Fprintf"}}
	const registry = "github.com/google/go-containerregistry"
	for name, test := range map[string]struct {
		entries []object
		code    int
		want    []string
	}{
		"none": {nil, clean, []string{
			"//images:hello linux/amd64 /hello: no known vulnerability (go" + goVersion(),
			registry + " v0.", "; 1 advisories considered, of file:///", "at 2026-01-02"}},
		"standard library": {[]object{entry("GO-0000-0002", stdlib, "99.1.0", printf)}, vulnerable, []string{
			"/hello: VULNERABLE (go" + goVersion(), "GO-0000-0002, stdlib v", " in fmt: Made up for a test",
			"fixed in go99.1.0: `go get toolchain@go99.1.0`", "https://pkg.go.dev/vuln/GO-0000-0002"}},
		"not fixed":                {[]object{entry("GO-0000-0002", stdlib, "", printf)}, vulnerable, []string{"no version is without it"}},
		"fixed by this release":    {[]object{entry("GO-0000-0002", stdlib, goVersion(), printf)}, clean, []string{"; 2 advisories"}},
		"method":                   {[]object{entry("GO-0000-0002", stdlib, "", object{"path": "bytes", "symbols": []string{"Buffer.Write"}})}, vulnerable, nil},
		"function that is not in":  {[]object{entry("GO-0000-0002", stdlib, "", object{"path": "fmt", "symbols": []string{"None"}})}, clean, []string{"1 more about other functions than are in it: GO-0000-0002"}},
		"another operating system": {[]object{entry("GO-0000-0002", stdlib, "", object{"path": "fmt", "goos": []string{"windows"}})}, clean, nil},
		"another architecture":     {[]object{entry("GO-0000-0002", stdlib, "", object{"path": "fmt", "goarch": []string{"arm64"}})}, clean, nil},
		"module": {[]object{entry("GO-0000-0003", registry, "99.1.0", object{"path": registry + "/pkg/v1", "symbols": []string{"NewHash"}})}, vulnerable, []string{
			"GO-0000-0003, " + registry + " v0.", " in " + registry + "/pkg/v1", "`go get " + registry + "@v99.1.0`"}},
		"module, all of it":       {[]object{entry("GO-0000-0003", registry, "")}, vulnerable, []string{"GO-0000-0003"}},
		"module, older versions":  {[]object{entry("GO-0000-0003", registry, "0.1.0")}, clean, nil},
		"module that is not in":   {[]object{entry("GO-0000-0003", "example.org/none", "")}, clean, []string{"; 1 advisories"}},
		"two, in order of the ID": {[]object{entry("GO-0000-0003", registry, ""), entry("GO-0000-0002", stdlib, "", printf)}, vulnerable, []string{"; 3 advisories", "GO-0000-0002", "GO-0000-0003"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := write(t, database(t, append(test.entries, old)...))
			all := expect(t, list, db, nil, test.code, test.want...)
			if i, j := strings.Index(all, "GO-0000-0002,"), strings.Index(all, "GO-0000-0003,"); i > j && j >= 0 {
				t.Errorf("not sorted:\n%s", all)
			}
		})
	}
}

// What cannot be checked is never called clean.
func TestUnchecked(t *testing.T) {
	t.Parallel()
	list := images(t, map[string][]byte{"hello": self(t)})
	whole := database(t, old)
	without := func(path string) map[string][]byte {
		db := maps.Clone(whole)
		delete(db, path)
		return db
	}
	with := func(path, content string) map[string][]byte {
		db := maps.Clone(whole)
		db[path] = []byte(content)
		return db
	}
	for name, test := range map[string]struct {
		db   map[string][]byte
		want string
	}{
		"nothing":             {nil, "asking the vulnerability database"},
		"no index":            {without("index/modules.json"), "asking the vulnerability database"},
		"empty index":         {with("index/modules.json", ""), "asking the vulnerability database"},
		"broken index":        {with("index/modules.json", `[{"path":`), "asking the vulnerability database"},
		"index of nothing":    {with("index/modules.json", "[]"), "it is not whole"},
		"no standard library": {database(t, entry("GO-0000-0002", "example.org/other", "")), "it is not whole"},
		"no advisory":         {without("ID/GO-0000-0001.json"), "GO-0000-0001"},
		"broken advisory":     {with("ID/GO-0000-0001.json", "{"), "asking the vulnerability database"},
		"no date":             {without("index/db.json"), "index/db.json"},
		"broken date":         {with("index/db.json", "{}"), "index/db.json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expect(t, list, write(t, test.db), nil, unchecked, "/hello: not checked: ", test.want, "--db DIR")
		})
	}
	dir := write(t, whole)
	for name, test := range map[string]struct {
		db   string
		args []string
		want string
	}{
		"no folder":    {filepath.Join(dir, "none"), nil, "no such file"},
		"a file":       {filepath.Join(dir, "index/db.json"), nil, "is no folder"},
		"bad scheme":   {"ftp://127.0.0.1", nil, "http, https or file URL"},
		"no server":    {"http://127.0.0.1:1", nil, "--db URL"},
		"unknown flag": {dir, []string{"--dbs", "x"}, "-dbs"},
		"no images":    {dir, []string{"--images", filepath.Join(dir, "none.json")}, "none.json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expect(t, list, test.db, test.args, unchecked, test.want)
		})
	}
}

// What is not of Go is not clean, and does not keep the others from being checked.
func TestOtherFiles(t *testing.T) {
	t.Parallel()
	other := []byte("\x7fELF of another compiler")
	good := write(t, database(t, old))
	bad := write(t, database(t, old, entry("GO-0000-0002", stdlib, "")))
	list := images(t, map[string][]byte{"bin/other": other, "hello": self(t)})
	expect(t, list, good, nil, unchecked, "linux/amd64 /bin/other: not checked: govulncheck knows Go binaries only", "/hello: no known vulnerability")
	expect(t, list, bad, nil, vulnerable, "/bin/other: not checked", "/hello: VULNERABLE")
	expect(t, imagetest.File(t, "", "hello"), good, nil, unchecked, "linux/arm64: not checked: there is no ELF binary in it")
}

func TestServer(t *testing.T) {
	t.Parallel()
	list := images(t, map[string][]byte{"hello": self(t)})
	db := database(t, old, entry("GO-0000-0002", stdlib, ""))
	good := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, ok := db[strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/"), ".gz")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		z := gzip.NewWriter(w)
		defer z.Close()
		_, _ = z.Write(data)
	}))
	t.Cleanup(good.Close)
	expect(t, list, good.URL, nil, vulnerable, "GO-0000-0002", good.URL)

	stuck := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-stuck:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() { close(stuck); slow.Close() })
	expect(t, list, slow.URL, []string{"--timeout", "1s"}, unchecked, "longer than --timeout allows")
}

func TestWorse(t *testing.T) {
	t.Parallel()
	for _, test := range [][3]int{
		{clean, clean, clean},
		{clean, unchecked, unchecked},
		{unchecked, vulnerable, vulnerable},
		{vulnerable, clean, vulnerable},
	} {
		if got := worse(test[0], test[1]); got != test[2] {
			t.Errorf("worse(%d, %d) = %d, want %d", test[0], test[1], got, test[2])
		}
	}
}
