package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"path/filepath"

	"example.com/reproducible-images/tools/browser"
	"example.com/reproducible-images/tools/internal/cli"
	"github.com/google/renameio/v2"
)

// picture is one of the files: together they show both screens and schemes.
type picture struct {
	file string
	view browser.View
}

var pictures = []picture{
	{"page-desktop.png", browser.View{Screen: browser.Desktop}},
	{"page-phone.png", browser.View{Screen: browser.Phone, Dark: true}},
}

type visitor interface {
	Visit(ctx context.Context, url string, view browser.View) (browser.Visit, error)
}

// takeAll writes the pictures once it has all of them.
func takeAll(ctx context.Context, b visitor, url, output string, stdout io.Writer) error {
	encoded := make([][]byte, len(pictures))
	for i, p := range pictures {
		visit, err := b.Visit(ctx, url, p.view)
		switch {
		case err != nil:
			return err
		case visit.Failure != "":
			return fmt.Errorf("%s: %s", url, visit.Failure)
		case visit.Status != 200:
			return fmt.Errorf("%s answers with HTTP status %d", url, visit.Status)
		}
		if encoded[i], err = encode(visit.Picture); err != nil {
			return err
		}
	}
	for i, p := range pictures {
		file := filepath.Join(output, p.file)
		if err := renameio.WriteFile(file, encoded[i], 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", file, err)
		}
		fmt.Fprintf(stdout, "%s  %s\n", file, cli.Bytes(int64(len(encoded[i]))))
	}
	return nil
}

func encode(picture image.Image) ([]byte, error) {
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	err := encoder.Encode(&out, picture)
	return out.Bytes(), err
}
