// Package source opens images for package inventory wherever they are: in a
// registry, in an OCI image layout, or in an archive of `docker save` or the
// like.
//
// Nothing that is opened need be what it claims to be; package inventory checks
// content. This package sees to it that looking for the content is bounded and
// leads nowhere else: only regular files are read, and what an archive refers to
// is looked for in the archive alone.
package source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"example.com/reproducible-images/tools/inventory"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// The kinds of errors that Open and the sources return; errors.Is tells them.
var (
	// ErrNotFound: there is no such file, tag, manifest or blob.
	ErrNotFound = errors.New("not found")
	// ErrUnauthorized: the registry wants other credentials.
	ErrUnauthorized = errors.New("not authorized")
	// ErrUnreachable: the registry cannot be reached, or fails.
	ErrUnreachable = errors.New("not reachable")
)

// Error is an error of one of these kinds, in one line.
type Error struct {
	// Kind is ErrNotFound, ErrUnauthorized or ErrUnreachable.
	Kind error
	// Text is all that is to be said.
	Text string
	// Cause is the error below; it may be nil.
	Cause error
}

func (e *Error) Error() string { return e.Text }

func (e *Error) Unwrap() []error { return []error{e.Kind, e.Cause} }

// Options say how to open an image.
type Options struct {
	// Dir is where relative paths begin; empty means the working directory.
	Dir string
	// Insecure allows plain HTTP to a registry that is not on this machine. On
	// this machine it always is. TLS is tried first in both cases.
	Insecure bool
	// Keychain gives the credentials; nil means remotes.Keychain.
	Keychain authn.Keychain
	// Transport sends the requests; nil means remote.DefaultTransport, which
	// trusts the certificates of the system and of $SSL_CERT_FILE.
	Transport http.RoundTripper
	// Backoff says how often and after what time a request that failed for a
	// passing reason is tried; zero means four times within four seconds.
	Backoff remote.Backoff
}

// Open opens the image that spec names:
//
//   - HOST[:PORT]/REPOSITORY:TAG or …@DIGEST, in a registry. Its content is
//     requested when it is read, under the context given there.
//   - PATH, an OCI image layout directory (image-spec, image-layout.md), a tar
//     archive of one, or an archive of `docker save`.
//   - PATH:NAME or PATH@DIGEST, one of several images there: NAME is the
//     annotation org.opencontainers.image.ref.name, or REPOSITORY:TAG in an
//     archive of docker; DIGEST is that of any index or manifest, or, where
//     there are none, the image ID.
//
// What exists as a path is one, and so is what begins with "/", "./" or "../".
func Open(ctx context.Context, spec string, o Options) (inventory.Source, error) {
	path, choice, err := splitPath(spec, o.Dir)
	if err != nil {
		return nil, err
	}
	if path == "" {
		return openRegistry(ctx, spec, o)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", spec, err)
	}
	if info.IsDir() {
		return openDir(path, choice)
	}
	return openArchive(ctx, path, choice)
}

// Layout opens the only image of the OCI image layout in dir.
func Layout(dir string) (inventory.Source, error) { return openDir(dir, "") }

// splitPath splits PATH[:NAME] or PATH[@DIGEST], where the choice keeps the
// "@"; the path is empty if spec is none.
func splitPath(spec, dir string) (path, choice string, err error) {
	if spec == "" {
		return "", "", errors.New("an image has no name: say a reference like ghcr.io/someone/hello:v1.0.0, or the path of an OCI layout or an archive")
	}
	resolve := func(p string) string {
		if dir == "" || filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(dir, p)
	}
	if _, err := os.Stat(resolve(spec)); err == nil {
		return resolve(spec), "", nil
	}
	for i := len(spec) - 1; i > 0; i-- {
		if (spec[i] == ':' || spec[i] == '@') && holdsImages(resolve(spec[:i])) {
			return resolve(spec[:i]), strings.TrimPrefix(spec[i:], ":"), nil
		}
	}
	for _, prefix := range []string{"/", "./", "../"} {
		if strings.HasPrefix(spec, prefix) {
			return "", "", &Error{Kind: ErrNotFound, Text: fmt.Sprintf("there is no file or folder %s", spec)}
		}
	}
	return "", "", nil
}

// holdsImages reports whether a path may be that of a layout or an archive, so
// that a folder named like a registry is not taken for one.
func holdsImages(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	if !info.IsDir() {
		return true
	}
	_, err = os.Stat(filepath.Join(path, "index.json"))
	return err == nil
}
