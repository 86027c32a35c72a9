// Package registry is how the commands reach registries: names, credentials,
// transport, and errors that say what to do.
package registry

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// Target is where images are: a registry and, optionally, a path below which
// their repositories are.
type Target struct {
	host string
	path string
}

// The grammars of <name> and of a tag (distribution-spec, "Pulling manifests").
var (
	repositoryRE = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagRE        = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
)

// CheckRepository returns an error unless s is the name of a repository.
func CheckRepository(s string) error {
	if !repositoryRE.MatchString(s) {
		return fmt.Errorf("bad repository name %q: use lower-case letters and digits, separated by '.', '_', '/' or '-'", s)
	}
	return nil
}

// CheckTag returns an error unless s is a tag.
func CheckTag(s string) error {
	if !tagRE.MatchString(s) {
		return fmt.Errorf("bad tag %q: use 1 to 128 letters, digits, '_', '.' or '-', and none of '.' and '-' first", s)
	}
	return nil
}

// ParseTarget parses HOST[:PORT][/PATH], for example "ghcr.io/someone" or
// "localhost:5000".
func ParseTarget(s string) (Target, error) {
	bad := func(format string, args ...any) (Target, error) {
		return Target{}, fmt.Errorf("bad registry %q: %s; write HOST[:PORT][/PATH], such as ghcr.io/someone", s, fmt.Sprintf(format, args...))
	}
	if _, after, ok := strings.Cut(s, "://"); ok {
		return bad("leave out the scheme: %q", after)
	}
	host, path, hasPath := strings.Cut(s, "/")
	switch {
	case host == "":
		return bad("the host is missing")
	// The rule by which docker tells a host from the path of an image on Docker Hub.
	case host != "localhost" && !strings.ContainsAny(host, ".:"):
		return bad("%q has neither a dot nor a port (Docker Hub is docker.io/%s)", host, s)
	}
	if _, err := name.NewRegistry(host, name.StrictValidation); err != nil || strings.ContainsAny(host, "@?#% \t") {
		return bad("%q is not a host", host)
	}
	if h, port, err := net.SplitHostPort(host); err == nil {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || h == "" {
			return bad("%q is not a host with a port", host)
		}
	}
	if hasPath {
		if err := CheckRepository(path); err != nil {
			return bad("%v", err)
		}
	}
	if host == "docker.io" && !hasPath {
		return bad("Docker Hub needs your name: docker.io/USER")
	}
	return Target{host: host, path: path}, nil
}

// Host is the registry's HOST[:PORT].
func (t Target) Host() string { return t.host }

// String is what ParseTarget was given.
func (t Target) String() string {
	if t.path == "" {
		return t.host
	}
	return t.host + "/" + t.path
}

// IsLoopback reports whether HOST[:PORT] is this machine, by its name: localhost, a
// name below it, or a loopback address.
func IsLoopback(hostport string) bool {
	host := strings.ToLower(strings.Trim(hostname(hostport), "[]"))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}
