package inventory

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
)

// members reads a gzip file, which is one member or several in a row (RFC 1952,
// section 2.2). The gzip package does that as well, but takes what is behind the
// end for one more member, cut off.
type members struct {
	raw *bufio.Reader
	*gzip.Reader
}

var errTrailing = errors.New("gzip: something follows its end that is no gzip stream")

func newMembers(raw *bufio.Reader) (*members, error) {
	r, err := gzip.NewReader(raw)
	if err != nil {
		return nil, err
	}
	r.Multistream(false)
	return &members{raw, r}, nil
}

func (m *members) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	next, err := m.raw.Peek(len(gzipMagic))
	switch {
	case len(next) == 0:
		return n, err
	case !bytes.Equal(next, []byte(gzipMagic)):
		return n, errTrailing
	}
	if err := m.Reset(m.raw); err != nil {
		return n, err
	}
	m.Multistream(false)
	return n, nil
}
