package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// compareIndex returns an error that names the first document or layer of the
// pulled image index which is not byte for byte that of the built one.
func compareIndex(built, pulled v1.ImageIndex) error {
	if err := compareDocument("image index", built.RawManifest, pulled.RawManifest); err != nil {
		return err
	}
	manifest, err := built.IndexManifest()
	if err != nil {
		return err
	}
	for _, d := range manifest.Manifests {
		b, err := built.Image(d.Digest)
		if err != nil {
			return err
		}
		p, err := pulled.Image(d.Digest)
		if err != nil {
			return err
		}
		if err := compareImage(b, p); err != nil {
			return fmt.Errorf("%s: %w", d.Platform, err)
		}
	}
	return nil
}

func compareImage(built, pulled v1.Image) error {
	if err := compareDocument("manifest", built.RawManifest, pulled.RawManifest); err != nil {
		return err
	}
	if err := compareDocument("configuration", built.RawConfigFile, pulled.RawConfigFile); err != nil {
		return err
	}
	b, err := built.Layers()
	if err != nil {
		return err
	}
	p, err := pulled.Layers()
	if err != nil {
		return err
	}
	if len(b) != len(p) {
		return fmt.Errorf("%d layers were built, %d came back", len(b), len(p))
	}
	for i := range b {
		if err := compare(b[i].Compressed, p[i].Compressed); err != nil {
			return fmt.Errorf("layer %d: %w", i+1, err)
		}
	}
	return nil
}

func compareDocument(what string, built, pulled func() ([]byte, error)) error {
	b, err := built()
	if err != nil {
		return err
	}
	p, err := pulled()
	if err != nil {
		return err
	}
	if string(b) != string(p) {
		return fmt.Errorf("%s: not the bytes that were built", what)
	}
	return nil
}

func compare(built, pulled func() (io.ReadCloser, error)) error {
	b, err := built()
	if err != nil {
		return err
	}
	defer b.Close()
	p, err := pulled()
	if err != nil {
		return err
	}
	defer p.Close()
	br, pr := bufio.NewReader(b), bufio.NewReader(p)
	for offset := int64(0); ; offset++ {
		x, xErr := br.ReadByte()
		y, yErr := pr.ReadByte()
		switch {
		case errors.Is(xErr, io.EOF) && errors.Is(yErr, io.EOF):
			return nil
		case xErr != nil && !errors.Is(xErr, io.EOF):
			return xErr
		case yErr != nil && !errors.Is(yErr, io.EOF):
			return yErr
		case x != y || xErr != yErr:
			return fmt.Errorf("not the bytes that were built, from byte %d on", offset)
		}
	}
}
