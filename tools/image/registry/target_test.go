package registry

import (
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
)

func TestParseTarget(t *testing.T) {
	for _, test := range []struct{ in, host, err string }{
		{in: "ghcr.io/someone", host: "ghcr.io"},
		{in: "ghcr.io/some-one/a.b/c__d", host: "ghcr.io"},
		{in: "docker.io/someone", host: "docker.io"},
		{in: "localhost", host: "localhost"},
		{in: "localhost:5000", host: "localhost:5000"},
		{in: "127.0.0.1:5000/team", host: "127.0.0.1:5000"},
		{in: "[::1]:5000", host: "[::1]:5000"},
		{in: "registry.example.com:65535", host: "registry.example.com:65535"},
		{in: "", err: "the host is missing"},
		{in: "/team", err: "the host is missing"},
		{in: "https://ghcr.io/someone", err: `leave out the scheme: "ghcr.io/someone"`},
		{in: "someone", err: `"someone" has neither a dot nor a port (Docker Hub is docker.io/someone)`},
		{in: "someone/hello", err: "(Docker Hub is docker.io/someone/hello)"},
		{in: "docker.io", err: "Docker Hub needs your name: docker.io/USER"},
		{in: "ghcr.io/", err: `bad repository name ""`},
		{in: "ghcr.io/Someone", err: `bad repository name "Someone"`},
		{in: "ghcr.io/a//b", err: `bad repository name "a//b"`},
		{in: "ghcr.io/a:v1", err: `bad repository name "a:v1"`},
		{in: "ghcr.io/..", err: `bad repository name ".."`},
		{in: "me@ghcr.io", err: `"me@ghcr.io" is not a host`},
		{in: "ghcr.io?x", err: `"ghcr.io?x" is not a host`},
		{in: "gh cr.io", err: `"gh cr.io" is not a host`},
		{in: "ghcr.io\n", err: `is not a host`},
		{in: "ghcr.io:", err: `is not a host with a port`},
		{in: "ghcr.io:0", err: `"ghcr.io:0" is not a host with a port`},
		{in: "ghcr.io:65536", err: `"ghcr.io:65536" is not a host with a port`},
		{in: ":5000", err: `":5000" is not a host`},
	} {
		target, err := ParseTarget(test.in)
		switch {
		case test.err != "":
			if err == nil || !strings.Contains(err.Error(), test.err) || !strings.HasSuffix(err.Error(), "write HOST[:PORT][/PATH], such as ghcr.io/someone") {
				t.Errorf("ParseTarget(%q): error %v, want %s", test.in, err, test.err)
			}
		case err != nil || target.Host() != test.host || target.String() != test.in:
			t.Errorf("ParseTarget(%q) = %s at host %s, error %v; want host %s", test.in, target, target.Host(), err, test.host)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	f.Add("ghcr.io/someone")
	f.Add("[::1]:5000/a.b/c")
	f.Fuzz(func(t *testing.T, s string) {
		target, err := ParseTarget(s)
		if err != nil {
			return
		}
		if target.String() != s {
			t.Errorf("ParseTarget(%q) = %s", s, target)
		}
		if len(s) < 200 {
			if _, err := name.NewRepository(s + "/hello"); err != nil {
				t.Errorf("ParseTarget accepts %q, in which there can be no repository: %v", s, err)
			}
		}
	})
}

func TestChecks(t *testing.T) {
	check := func(f func(string) error, valid, invalid []string) {
		for _, s := range valid {
			if err := f(s); err != nil {
				t.Error(err)
			}
		}
		for _, s := range invalid {
			if f(s) == nil {
				t.Errorf("%q is valid", s)
			}
		}
	}
	check(CheckTag, []string{"v1.0.0", "latest", "_x", strings.Repeat("x", 128)},
		[]string{"", ".x", "-x", "a b", "a/b", "a+b", "v1\n", "ü", strings.Repeat("x", 129)})
	check(CheckRepository, []string{"hello", "team/hello", "a-b__c.d", "a--b"},
		[]string{"", "Hello", "/hello", "hello/", "a//b", "a___b", "a..b", "-a", "a:b", "ü", "a\n"})
}

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:5000": true, "LOCALHOST": true, "registry.localhost:5000": true,
		"127.0.0.1": true, "127.1.2.3:80": true, "[::1]": true, "[::1]:5000": true, "::1": true,
		"localhost.example.com": false, "notlocalhost": false, "10.0.0.1:5000": false, "0.0.0.0": false, "ghcr.io": false, "127.0.0.1.example.com": false, "": false,
	} {
		if got := IsLoopback(host); got != want {
			t.Errorf("IsLoopback(%q) = %v, want %v", host, got, want)
		}
	}
}
