package publish

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// digestHeader is the digest of what is read or written, as the registry sees
// it (OCI distribution specification, section "Pulling manifests").
const digestHeader = "Docker-Content-Digest"

// digestError says that a registry states a wrong digest.
type digestError struct {
	method, path   string
	expected, said string
}

func (e *digestError) Error() string {
	return fmt.Sprintf("the registry says in its answer to %s %s that the digest is %q, expected %s", e.method, e.path, e.said, e.expected)
}

// digestCheck compares the digest that a registry states with the one that was
// asked for or sent, or else with the content that it gives. Digests of other
// algorithms than SHA-256 it leaves alone: images here have none.
type digestCheck struct{ next http.RoundTripper }

func (c digestCheck) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(req)
	if err != nil || resp.StatusCode < 200 || resp.StatusCode > 299 {
		return resp, err
	}
	said := resp.Header.Get(digestHeader)
	if h, err := v1.NewHash(said); said == "" || err == nil && h.Algorithm != "sha256" {
		return resp, nil
	}
	expected, err := expectedDigest(req)
	if err == nil && expected != "" && expected != said {
		err = &digestError{req.Method, req.URL.Path, expected, said}
	}
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	if expected == "" && req.Method == http.MethodGet {
		resp.Body = &hashedBody{resp.Body, sha256.New(), digestError{method: req.Method, path: req.URL.Path, said: said}}
	}
	return resp, nil
}

// expectedDigest is the digest that a request names, or that of the manifest
// which it puts under a tag; empty for a tag that it reads.
func expectedDigest(req *http.Request) (string, error) {
	if digest := req.URL.Query().Get("digest"); digest != "" {
		return digest, nil
	}
	dir, last := path.Split(req.URL.Path)
	if _, err := v1.NewHash(last); err == nil {
		return last, nil
	}
	if req.Method != http.MethodPut || path.Base(dir) != "manifests" || req.GetBody == nil {
		return "", nil
	}
	body, err := req.GetBody()
	if err != nil {
		return "", err
	}
	defer body.Close()
	digest, _, err := v1.SHA256(body)
	return digest.String(), err
}

// hashedBody ends with an error unless the content has the stated digest.
type hashedBody struct {
	io.ReadCloser
	hash  hash.Hash
	wrong digestError
}

func (b *hashedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.hash.Write(p[:n])
	if err == io.EOF {
		if b.wrong.expected = "sha256:" + hex.EncodeToString(b.hash.Sum(nil)); b.wrong.expected != b.wrong.said {
			return n, &b.wrong
		}
	}
	return n, err
}
