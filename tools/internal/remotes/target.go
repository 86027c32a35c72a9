// Package remotes is what the commands that speak to registries have in common:
// how a registry is named, what is sent in plain HTTP, whose credentials are
// used, and how errors are told.
package remotes

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"example.com/reproducible-images/tools/imageset"
	"github.com/google/go-containerregistry/pkg/name"
)

// Target is where images are: a registry and, optionally, a path below which
// their repositories are.
type Target struct {
	host string
	path string
}

// ParseTarget parses HOST[:PORT][/PATH], for example "ghcr.io/someone" or
// "localhost:5000".
func ParseTarget(s string) (Target, error) {
	bad := func(format string, args ...any) (Target, error) {
		return Target{}, fmt.Errorf("bad registry %q: %s; it must be HOST[:PORT][/PATH], like ghcr.io/someone", s, fmt.Sprintf(format, args...))
	}
	if _, after, ok := strings.Cut(s, "://"); ok {
		return bad("leave out the scheme and say %q", after)
	}
	host, path, hasPath := strings.Cut(s, "/")
	switch {
	case host == "":
		return bad("the host is missing")
	case strings.ContainsAny(host, "@?#% \t"):
		return bad("%q is not a host", host)
	// The rule by which docker tells a host from the path of an image of
	// Docker Hub.
	case host != "localhost" && !strings.ContainsAny(host, ".:"):
		return bad("%q is not a host, for it has neither a dot nor a port (Docker Hub is docker.io/%s)", host, s)
	}
	if _, err := name.NewRegistry(host, name.StrictValidation); err != nil {
		return bad("%q is not a host", host)
	}
	if h, port, err := net.SplitHostPort(host); err == nil {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || h == "" {
			return bad("%q is not a host with a port", host)
		}
	}
	if hasPath {
		if err := imageset.CheckRepository(path); err != nil {
			return bad("%v", err)
		}
	}
	if host == "docker.io" && !hasPath {
		return bad("Docker Hub needs your name there: docker.io/USER")
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

// Loopback reports whether the registry is on this machine, by its name:
// localhost, a name below it, or a loopback address.
func (t Target) Loopback() bool { return Loopback(t.host) }

// Loopback reports whether HOST[:PORT] is this machine, by its name.
func Loopback(hostport string) bool {
	host := strings.Trim(hostport, "[]")
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// Repository is where the image of that repository name is. The registry is
// also tried with plain HTTP if that may be.
func (t Target) Repository(repo string, plainHTTP bool) (name.Repository, error) {
	full := t.String() + "/" + repo
	var opts []name.Option
	if plainHTTP {
		opts = append(opts, name.Insecure)
	}
	r, err := name.NewRepository(full, opts...)
	if err != nil {
		return name.Repository{}, fmt.Errorf("bad repository %s: %w", full, err)
	}
	return r, nil
}
