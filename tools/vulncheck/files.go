package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"path"

	"example.com/reproducible-images/tools/imageset"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// executable is an ELF file of an image.
type executable struct {
	// path is absolute, in the image.
	path    string
	content []byte
}

// executables returns the ELF files of all layers, also such as a layer above hides:
// they are shipped too. That there is none is an error, for nothing would be checked.
func executables(ctx context.Context, p imageset.Platform) ([]executable, error) {
	layers, err := p.Image.Layers()
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	var out []executable
	for i, l := range layers {
		found, err := ofLayer(ctx, l)
		if err != nil {
			return nil, fmt.Errorf("reading layer %d: %w", i+1, err)
		}
		out = append(out, found...)
	}
	if len(out) == 0 {
		return nil, errors.New("there is no ELF binary in it")
	}
	return out, nil
}

func ofLayer(ctx context.Context, l v1.Layer) ([]executable, error) {
	content, err := l.Uncompressed()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	var out []executable
	for archive := tar.NewReader(content); ; {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		header, err := archive.Next()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		// Only files have content: what is none begins with nothing.
		file := bufio.NewReader(archive)
		magic, err := file.Peek(len(elf.ELFMAG))
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("%q: %w", header.Name, err)
		}
		if !bytes.Equal(magic, []byte(elf.ELFMAG)) {
			continue
		}
		all, err := io.ReadAll(file)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", header.Name, err)
		}
		out = append(out, executable{path.Clean("/" + header.Name), all})
	}
}
