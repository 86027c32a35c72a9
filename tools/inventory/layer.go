package inventory

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	stdhash "hash"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/zstd"
)

// layerResult is a layer that was read, and what it took of the limits.
type layerResult struct {
	layer    Layer
	metadata int64
}

// layer reads the next layer of p.
func (r *reader) layer(ctx context.Context, p *Platform, d v1.Descriptor, b Blob, diffIDs []v1.Hash) error {
	i := len(p.Layers)
	place := Place{Platform: p.Platform, Part: fmt.Sprintf("layer %d", i+1), Digest: hash(b.Digest)}
	if r.layerCount++; r.layerCount > r.limits.Layers {
		return &LimitError{place, "layers", int64(r.limits.Layers)}
	}
	want := v1.Hash{Algorithm: "sha256"}
	if i < len(diffIDs) {
		want = diffIDs[i]
	}
	key := fmt.Sprint(d.Digest, d.Size, d.MediaType, want.Algorithm)
	result, read := r.layers[key]
	if read {
		if err := r.count(place, len(result.layer.Files), result.metadata); err != nil {
			return err
		}
	} else {
		before := r.metadata
		l, err := r.readLayer(ctx, d, b, want.Algorithm, place)
		if err != nil {
			p.Layers = append(p.Layers, l)
			return err
		}
		result = layerResult{l, r.metadata - before}
		if d.Digest != (v1.Hash{}) {
			r.layers[key] = result
		}
	}
	p.Layers = append(p.Layers, result.layer)
	// Of a blob that is wrong already, nothing else is to be expected.
	got := result.layer.DiffID
	if i < len(diffIDs) && got != "" && got != want.String() && !r.isDamaged(place) {
		r.damaged(place, "its uncompressed content has the diff ID %s, not %s as the configuration says", got, want)
	}
	return nil
}

// metadataWhat is what MetadataBytes limits, in words.
const metadataWhat = "bytes of manifests, configurations, headers of files and the like"

// count adds files, and bytes of what is kept, to what was used up of the limits.
func (r *reader) count(p Place, files int, metadata int64) error {
	r.files += files
	r.metadata += metadata
	if r.files > r.limits.Files {
		return &LimitError{p, "files", int64(r.limits.Files)}
	}
	if r.metadata > r.limits.MetadataBytes {
		return &LimitError{p, metadataWhat, r.limits.MetadataBytes}
	}
	return nil
}

// readLayer reads a layer. Damage is noted; the error is about all else. The
// layer that is returned has what was read in any case.
func (r *reader) readLayer(ctx context.Context, d v1.Descriptor, b Blob, algorithm string, p Place) (_ Layer, err error) {
	l := Layer{Digest: hash(d.Digest), Size: d.Size, MediaType: string(d.MediaType)}
	if b.Size > r.limits.LayerBytes {
		return l, &LimitError{p, "bytes in a layer", r.limits.LayerBytes}
	}
	c, err := open(ctx, b, p)
	if err != nil {
		return l, err
	}
	defer c.Close()
	u := &unpacked{ctx: ctx, reader: r, place: p}
	if u.hash, err = v1.Hasher(algorithm); err != nil {
		return l, fmt.Errorf("%s%w", p.prefix(), err)
	}
	raw := bufio.NewReaderSize(io.LimitReader(c, b.Size), 1<<16)
	k, isLayer, mismatch := chooseCodec(d.MediaType, sniff(raw))
	err = r.unpack(ctx, &l, k, isLayer, raw, u)
	if err == nil || onlyChecksum(err) {
		l.DiffID = algorithm + ":" + hex.EncodeToString(u.hash.Sum(nil))
	}
	// What the decoder left is read too, for the digest, even if there is more
	// than may be: that comes of damage as well. And one byte more than there
	// should be.
	if c.err == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(c, b.Size-c.n+1))
	}
	if c.err != nil {
		return l, fmt.Errorf("%sreading it: %w", p.prefix(), c.err)
	}
	if e, ok := errors.AsType[*entryError](err); ok {
		p.File = e.file
	}
	limit, _ := errors.AsType[*LimitError](err)
	for _, problem := range []string{c.problem(), mismatch, describe(err, k, c.n)} {
		if problem != "" {
			r.damaged(p, "%s", problem)
		}
	}
	if limit != nil {
		return l, limit
	}
	return l, nil
}

// onlyChecksum reports whether all content was read, and only then found to be
// another one.
func onlyChecksum(err error) bool {
	if e, ok := errors.AsType[*entryError](err); ok && e.file != "" {
		return false
	}
	return errors.Is(err, gzip.ErrChecksum) || errors.Is(err, zstd.ErrCRCMismatch)
}

// unpack reads the files of a layer into l.
func (r *reader) unpack(ctx context.Context, l *Layer, k codec, isLayer bool, raw *bufio.Reader, u *unpacked) error {
	decoder, err := k.decoder(raw, r.limits)
	if err != nil {
		return limitError(err, u.place, r.limits)
	}
	defer decoder.Close()
	u.Reader = decoder
	if isLayer {
		err = r.entries(ctx, l, u)
	}
	if err == nil {
		// What follows the end of the archive belongs to the diff ID.
		_, err = io.Copy(io.Discard, u)
	}
	return limitError(err, u.place, r.limits)
}

// unpacked is the uncompressed content of a layer, hashed and bounded.
type unpacked struct {
	io.Reader
	ctx    context.Context
	reader *reader
	place  Place
	hash   stdhash.Hash
	n      int64
}

func (u *unpacked) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := u.Reader.Read(p)
	u.hash.Write(p[:n])
	u.n += int64(n)
	u.reader.unpacked += int64(n)
	if limit := u.reader.limits.LayerBytes; u.n > limit {
		return n, &LimitError{u.place, "bytes in an uncompressed layer", limit}
	}
	if limit := u.reader.limits.ImageBytes; u.reader.unpacked > limit {
		return n, &LimitError{u.place, "bytes in all uncompressed layers", limit}
	}
	return n, err
}
