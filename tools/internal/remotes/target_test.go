package remotes

import (
	"strings"
	"testing"
)

func TestParseTarget(t *testing.T) {
	t.Parallel()
	for in, loopback := range map[string]bool{
		"localhost":                 true,
		"localhost:5000":            true,
		"localhost:5000/team":       true,
		"registry.localhost:5000":   true,
		"127.0.0.1:5000":            true,
		"127.1.2.3:5000":            true,
		"[::1]:5000/a/b":            true,
		"ghcr.io/someone":           false,
		"docker.io/someone":         false,
		"registry:5000":             false,
		"10.0.0.1:5000":             false,
		"localhost.example.com":     false,
		"registry.example.com:5000": false,
		"127.0.0.1.example.com":     false,
	} {
		target, err := ParseTarget(in)
		if err != nil {
			t.Errorf("ParseTarget(%q): %v", in, err)
			continue
		}
		if target.String() != in {
			t.Errorf("ParseTarget(%q).String() = %q", in, target)
		}
		if target.Loopback() != loopback {
			t.Errorf("ParseTarget(%q).Loopback() = %t", in, !loopback)
		}
	}
}

func TestParseTargetBad(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                         "the host is missing",
		"/team":                    "the host is missing",
		"https://ghcr.io/someone":  `leave out the scheme and say "ghcr.io/someone"`,
		"someone":                  "Docker Hub is docker.io/someone",
		"someone/hello":            "Docker Hub is docker.io/someone/hello",
		"docker.io":                "docker.io/USER",
		"ghcr.io/":                 `bad repository name ""`,
		"ghcr.io/Someone":          `bad repository name "Someone"`,
		"ghcr.io/some one":         `bad repository name "some one"`,
		"ghcr.io//x":               `bad repository name "/x"`,
		"ghcr.io/x:v1":             `bad repository name "x:v1"`,
		"localhost:":               "not a host",
		"localhost:port":           "not a host",
		"localhost:65536":          "not a host",
		"localhost:-1":             "not a host",
		":5000":                    "not a host",
		"me@ghcr.io/x":             "not a host",
		"ghcr.io?x/y":              "not a host",
		"bad host.example.com/abc": "not a host",
		"a:b:c/x":                  "not a host",
		"ghcr.io\n/x":              "not a host",
	} {
		_, err := ParseTarget(in)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseTarget(%q): error %v, want %q", in, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("ParseTarget(%q): the error has several lines", in)
		}
	}
}

// What ParseTarget takes gives repositories that go-containerregistry takes
// and sends to that very host.
func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"localhost:5000/team", "[::1]:5000", "ghcr.io/a/b_c", "docker.io/x", "a.b:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		target, err := ParseTarget(s)
		if err != nil || len(s) > 200 {
			return
		}
		if target.String() != s {
			t.Fatalf("String() = %q, want %q", target, s)
		}
		repo, err := target.Repository("hello", false)
		if err != nil {
			t.Fatal(err)
		}
		if got := repo.RegistryStr(); got != target.Host() && target.Host() != "docker.io" {
			t.Fatalf("the registry is %q, want %q", got, target.Host())
		}
	})
}
