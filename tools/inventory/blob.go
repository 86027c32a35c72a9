package inventory

import (
	"context"
	"encoding/hex"
	"fmt"
	stdhash "hash"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// content is the open content of a blob. It keeps apart that the content could
// not be had, which Read returns and err keeps, from content that is wrong,
// which problem tells once all is read.
type content struct {
	io.ReadCloser
	ctx  context.Context
	want Blob
	hash stdhash.Hash
	n    int64
	err  error
}

func open(ctx context.Context, b Blob, p Place) (*content, error) {
	algorithm := b.Digest.Algorithm
	if algorithm == "" {
		algorithm = "sha256"
	}
	h, err := v1.Hasher(algorithm)
	if err != nil {
		return nil, fmt.Errorf("%s%w", p.prefix(), err)
	}
	r, err := b.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s%w", p.prefix(), err)
	}
	return &content{ReadCloser: r, ctx: ctx, want: b, hash: h}, nil
}

func (c *content) Read(p []byte) (int, error) {
	if c.err == nil {
		c.err = c.ctx.Err()
	}
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.ReadCloser.Read(p)
	c.n += int64(n)
	c.hash.Write(p[:n])
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

func (c *content) digest() v1.Hash {
	h := v1.Hash{Algorithm: c.want.Digest.Algorithm, Hex: hex.EncodeToString(c.hash.Sum(nil))}
	if h.Algorithm == "" {
		h.Algorithm = "sha256"
	}
	return h
}

// problem is what is wrong with content that was read to its end (image-spec,
// descriptor.md, "Verification"), or empty.
func (c *content) problem() string {
	if c.n > c.want.Size {
		return fmt.Sprintf("it has more than the %d bytes that it should have", c.want.Size)
	}
	if c.n < c.want.Size {
		return fmt.Sprintf("it has %d bytes, not %d", c.n, c.want.Size)
	}
	if got := c.digest(); c.want.Digest != (v1.Hash{}) && got != c.want.Digest {
		return otherDigest(got, c.want.Digest)
	}
	return ""
}
