package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"example.com/reproducible-images/tools/internal/remotes"
	"example.com/reproducible-images/tools/inventory"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// manifestTypes are what is asked for (distribution-spec, "Pulling manifests").
var manifestTypes = strings.Join([]string{
	string(types.OCIImageIndex), string(types.OCIManifestSchema1),
	string(types.DockerManifestList), string(types.DockerManifestSchema2),
}, ", ")

var defaultBackoff = remote.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.1, Steps: 4}

// registry is an image in a registry. go-containerregistry does the
// authentication; the requests are made here, for its own readers stop at the
// first wrong byte, and here it is to be told which that is.
type registry struct {
	repo   name.Repository
	client *http.Client
	root   v1.Descriptor
	// raw is the manifest that root describes.
	raw []byte
}

func openRegistry(ctx context.Context, spec string, o Options) (inventory.Source, error) {
	ref, err := parseReference(spec, o.Insecure)
	if err != nil {
		return nil, err
	}
	r := &registry{repo: ref.Context()}
	if err := r.connect(ctx, o); err != nil {
		return nil, r.explain(spec, err)
	}
	if err := r.resolve(ctx, ref); err != nil {
		return nil, r.explain(spec, err)
	}
	return r, nil
}

// parseReference parses HOST[:PORT]/REPOSITORY:TAG or @DIGEST.
func parseReference(spec string, insecure bool) (name.Reference, error) {
	bad := func(why string) (name.Reference, error) {
		return nil, fmt.Errorf("%s is neither a path that exists nor a reference: %s; a reference is like ghcr.io/someone/hello:v1.0.0, or with @sha256:… in the place of the tag", inventory.Printable(spec), why)
	}
	host, rest, ok := strings.Cut(spec, "/")
	if !ok {
		return bad("a registry is not named in it")
	}
	if _, err := remotes.ParseTarget(host + "/x"); err != nil {
		return bad(fmt.Sprintf("%q is not a registry", host))
	}
	if !strings.ContainsAny(rest, ":@") {
		return bad("it has neither a tag nor a digest")
	}
	opts := []name.Option{name.StrictValidation}
	if insecure || remotes.Loopback(host) {
		opts = append(opts, name.Insecure)
	}
	ref, err := name.ParseReference(spec, opts...)
	if err != nil {
		return bad(err.Error())
	}
	return ref, nil
}

func (r *registry) connect(ctx context.Context, o Options) error {
	keychain, backoff := o.Keychain, o.Backoff
	if keychain == nil {
		keychain = remotes.Keychain()
	}
	if backoff == (remote.Backoff{}) {
		backoff = defaultBackoff
	}
	auth, err := authn.Resolve(ctx, keychain, r.repo)
	if err != nil {
		return fmt.Errorf("credentials for %s: %w", r.repo.RegistryStr(), err)
	}
	t := transport.NewRetry(remotes.Transport(o.Transport, o.Insecure),
		transport.WithRetryBackoff(backoff),
		transport.WithRetryStatusCodes(http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout))
	t, err = transport.NewWithContext(ctx, r.repo.Registry, auth, transport.NewUserAgent(t, "reproducible-images-inventory"), []string{r.repo.Scope(transport.PullScope)})
	if err != nil {
		return err
	}
	r.client = &http.Client{Transport: t, CheckRedirect: checkRedirect}
	return nil
}

var errRedirect = errors.New("the registry sends us to an address of this machine or its network")

// checkRedirect lets a registry send us to its storage, but a registry elsewhere
// not to services that only this machine or its network can reach.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("more than 10 redirections")
	}
	from, to := via[0].URL.Hostname(), req.URL.Hostname()
	if from != to && (linkLocal(to) || local(to) && !local(from)) {
		return errRedirect
	}
	return nil
}

// linkLocal addresses are those of a cloud's services for its machines.
func linkLocal(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLinkLocalUnicast()
}

func local(host string) bool {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return remotes.Loopback(host)
	}
	addr = addr.Unmap()
	return addr.IsLoopback() || addr.IsPrivate() || addr.IsUnspecified()
}

// resolve fetches what the reference names.
func (r *registry) resolve(ctx context.Context, ref name.Reference) error {
	resp, err := r.get(ctx, "manifests", ref.Identifier(), manifestTypes)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if r.raw, err = io.ReadAll(io.LimitReader(resp.Body, maxDocument+1)); err != nil {
		return err
	}
	if len(r.raw) > maxDocument {
		return &inventory.LimitError{Place: inventory.Place{Part: "manifest " + ref.String()}, What: "bytes", Max: maxDocument}
	}
	r.root = v1.Descriptor{Size: int64(len(r.raw)), MediaType: mediaType(resp, r.raw)}
	// By what name it was asked for, or what the registry says that it is (the
	// header Docker-Content-Digest): inventory.Read holds the bytes against it.
	stated := resp.Header.Get("Docker-Content-Digest")
	if d, ok := ref.(name.Digest); ok {
		stated = d.DigestStr()
	}
	if r.root.Digest, err = v1.NewHash(stated); err != nil || r.root.Digest.Algorithm != "sha256" {
		r.root.Digest, _, err = v1.SHA256(bytes.NewReader(r.raw))
	}
	return err
}

func mediaType(resp *http.Response, raw []byte) types.MediaType {
	t, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	if m := types.MediaType(strings.TrimSpace(t)); m.IsIndex() || m.IsImage() {
		return m
	}
	if m := statedType(raw); m != "" {
		return m
	}
	return types.MediaType(t)
}

func (r *registry) get(ctx context.Context, kind, id, accept string) (*http.Response, error) {
	u := url.URL{Scheme: r.repo.Scheme(), Host: r.repo.RegistryStr(), Path: "/v2/" + r.repo.RepositoryStr() + "/" + kind + "/" + id}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	// The bytes are to come as they are stored, so that they can be hashed.
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	if err := transport.CheckError(resp, http.StatusOK); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

func (r *registry) Root() inventory.Root { return inventory.Root{Descriptor: r.root} }

func (r *registry) Open(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	if d.Digest == r.root.Digest {
		return io.NopCloser(bytes.NewReader(r.raw)), nil
	}
	kind, accept := "blobs", ""
	if d.MediaType.IsIndex() || d.MediaType.IsImage() {
		kind, accept = "manifests", string(d.MediaType)
	}
	what := r.repo.String() + "@" + d.Digest.String()
	resp, err := r.get(ctx, kind, d.Digest.String(), accept)
	if err != nil {
		return nil, r.explain(what, err)
	}
	return &body{resp.Body, r, what}, nil
}

func (r *registry) Close() error {
	if r.client != nil {
		r.client.CloseIdleConnections()
	}
	return nil
}

// body is a response's body whose errors are explained.
type body struct {
	io.ReadCloser
	r    *registry
	what string
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = b.r.explain(b.what, err)
	}
	return n, err
}

// explain says what went wrong with what was asked for.
func (r *registry) explain(what string, err error) error {
	host := r.repo.RegistryStr()
	var answer *transport.Error
	var limit *inventory.LimitError
	switch explained, ok := remotes.Explain(host, err); {
	case errors.Is(err, context.Canceled) || errors.As(err, &limit):
		return explained
	case ok:
		return &Error{ErrUnreachable, explained.Error(), err}
	case errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound:
		return &Error{ErrNotFound, fmt.Sprintf("the registry has no %s (%s)", what, remotes.Describe(answer)), err}
	case errors.As(err, &answer) && (answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden):
		return &Error{ErrUnauthorized, fmt.Sprintf("the registry %s does not let us read %s (%s): run `docker login %s` as somebody who may", host, what, remotes.Describe(answer), host), err}
	case errors.As(err, &answer):
		return &Error{ErrUnreachable, fmt.Sprintf("reading %s: the registry answers %s", what, remotes.Describe(answer)), err}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{ErrUnreachable, fmt.Sprintf("reading %s: the registry did not send all of it in time", what), err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &Error{ErrUnreachable, fmt.Sprintf("reading %s: the registry broke off in the middle", what), err}
	}
	return &Error{ErrUnreachable, fmt.Sprintf("reading %s: %v", what, err), err}
}
