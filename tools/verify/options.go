package main

import (
	"errors"
	"flag"
	"fmt"
	"time"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/internal/cli"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// options are what the flags say.
type options struct {
	registry, tag, digest, from string
	names                       []string
	insecure                    bool
	timeout                     *time.Duration
	// images are the ones to compare.
	images []imageset.Image
}

func (o *options) define(fs *flag.FlagSet, getenv func(string) string) {
	fs.StringVar(&o.registry, "registry", "", "")
	fs.Func("tag", "", func(s string) error {
		o.tag = s
		return imageset.CheckTag(s)
	})
	fs.Func("digest", "", func(s string) error {
		o.digest = s
		if h, err := v1.NewHash(s); err != nil || h.Algorithm != "sha256" {
			return errors.New("it must be sha256: and 64 hexadecimal digits")
		}
		return nil
	})
	fs.Func("from", "", func(s string) error {
		if s == "" {
			return errors.New("name a file or a folder")
		}
		o.from = cli.UserPath(getenv, s)
		return nil
	})
	fs.Func("image", "", func(s string) error {
		o.names = append(o.names, s)
		return nil
	})
	fs.BoolVar(&o.insecure, "insecure", false, "")
	o.timeout = cli.TimeoutFlag(fs)
}

const noRegistry = "no registry to look at: say --registry HOST[/PATH], " +
	"or build with --//images:registry=HOST[/PATH], " +
	"or put the line `build --//images:registry=HOST[/PATH]` into user.bazelrc; " +
	"or name a file with --from PATH"

// complete checks what belongs together and chooses the images.
func (o *options) complete(set *imageset.Set) error {
	switch {
	case o.from != "" && (o.registry != "" || o.tag != "" || o.digest != ""):
		return errors.New("--from names a file: --registry, --tag and --digest do not go with it")
	case o.tag != "" && o.digest != "":
		return errors.New("--tag and --digest name one image each: leave one out")
	}
	if o.registry == "" {
		o.registry = set.Registry
	}
	if o.from == "" && o.registry == "" {
		return errors.New(noRegistry)
	}
	var err error
	if o.images, err = imageset.Select(set.Images, o.names); err != nil {
		return fmt.Errorf("--image: %w", err)
	}
	if len(o.images) > 1 && (o.from != "" || o.digest != "") {
		return fmt.Errorf("this repository has %d images: say with --image which one to compare, of %s", len(o.images), imageset.Names(o.images))
	}
	return nil
}
