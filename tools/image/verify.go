package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"example.com/reproducible-images/tools/image/listing"
	"example.com/reproducible-images/tools/image/registry"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

var verifyCommand = command{
	usage: `Compares what is published, every byte of it, with the images that were built here.
With --attest, what is equal is then attested. With --trust, enough others must have
attested it, too.

  bazel run //images:verify -- [flags]

Exit status: 0 all are equal; 1 one differs, or its content is not what its own
digests say, or too few have attested it; 2 one could not be compared, or only in
part, and none differs.

Flags:
`,
	run: func(flags *flag.FlagSet) func(context.Context, *environment) error {
		selection := newImagesFlags(flags)
		var client registry.Client
		address := flags.String("registry", "", "compare with this `HOST[:PORT][/PATH]` (default: the build setting //images:registry)")
		tags := tagsFlag(flags, "tag", "compare this `tag` (default: the version tag)")
		digest := flags.String("digest", "", "compare this `digest` of one image")
		from := flags.String("from", "", "compare with the OCI image layout, OCI archive or docker archive at this `path`")
		insecureFlag(flags, &client)
		attesting := newAttestFlags(flags)
		trusting := newTrustFlags(flags)
		timeout := timeoutFlag(flags)
		return func(ctx context.Context, e *environment) error {
			ctx, cancel := context.WithTimeout(ctx, *timeout)
			defer cancel()
			attester, err := attesting.load(ctx, e)
			if err != nil {
				return exitError{statusTrouble, err}
			}
			trusted, err := trusting.load(e)
			if err != nil {
				return err
			}
			images, err := selection.load(e)
			if err != nil {
				return exitError{statusTrouble, err}
			}
			if (*from != "" || *digest != "") && len(images.Images) > 1 {
				return usageError("--from and --digest need one --image NAME")
			}
			if *from != "" && (attester != nil || trusted != nil) {
				return usageError("--from cannot go with --attest and --trust: attestations are in a registry")
			}
			if *from != "" {
				return verifyFile(ctx, e, images.Images[0], *from)
			}
			target, err := images.target(*address)
			if err != nil {
				return err
			}
			return verifyAll(ctx, e, &client, target, images.Images, *tags, *digest, func(image *builtImage) error {
				if attester != nil {
					if err := attester.attach(ctx, e, &client, target, image); err != nil {
						return err
					}
				}
				if trusted == nil {
					return nil
				}
				repository, err := client.Open(ctx, target, image.Repository, transport.PullScope)
				if err != nil {
					return err
				}
				return trusted.check(ctx, e, &client, repository, image.digest)
			})
		}
	},
}

// statusTrouble is the exit status of verify and diff when no comparison was made.
const statusTrouble = 2

func verifyFile(ctx context.Context, e *environment, image *builtImage, from string) error {
	published, err := listing.OfFile(ctx, e.path(from))
	if err != nil {
		return exitError{statusTrouble, err}
	}
	built, err := image.listing(ctx)
	if err != nil {
		return exitError{statusTrouble, err}
	}
	return compare(e, image, built, from, published)
}

// verifyAll compares images with what is published under their tags or a digest. Each
// that is equal, every byte of it, is passed to equal, if that is not nil.
func verifyAll(ctx context.Context, e *environment, client *registry.Client, target registry.Target, images []*builtImage, tags []string, digest string, equal func(*builtImage) error) error {
	incomplete, failed := false, false
	for _, image := range images {
		built, err := image.listing(ctx)
		if err != nil {
			e.logf("%v", err)
			incomplete = true
			continue
		}
		identifiers := slices.Clone(tags)
		if digest != "" {
			identifiers = append(identifiers, digest)
		}
		if len(identifiers) == 0 {
			identifiers = []string{image.Version}
		}
		var failures []error
		for _, identifier := range identifiers {
			if err := verifyPublished(ctx, e, client, target, image, built, identifier); err != nil {
				failures = append(failures, err)
			}
		}
		if len(failures) == 0 && equal != nil {
			if err := equal(image); err != nil {
				failures = append(failures, err)
			}
		}
		for _, err := range failures {
			e.logf("%v", err)
			var status exitError
			if errors.As(err, &status) && status.status == statusFailed {
				failed = true
			} else {
				incomplete = true
			}
		}
	}
	switch {
	case failed:
		return exitError{statusFailed, errors.New("what is published does not pass")}
	case incomplete:
		return exitError{statusTrouble, errors.New("not everything could be checked")}
	}
	return nil
}

func verifyPublished(ctx context.Context, e *environment, client *registry.Client, target registry.Target, image *builtImage, built listing.Listing, identifier string) error {
	repository, err := client.Open(ctx, target, image.Repository, transport.PullScope)
	if err != nil {
		return err
	}
	reference, shown, err := reference(repository, identifier)
	if err != nil {
		return err
	}
	published, err := ofReference(ctx, client, repository, reference)
	if err == nil {
		published, err = withSBOMs(ctx, repository, published, image.sboms)
	}
	if err != nil {
		return client.Explain(target.Host(), err)
	}
	return compare(e, image, built, shown, published)
}

// compare compares what was built of an image with what was published as name.
func compare(e *environment, image *builtImage, built listing.Listing, name string, published listing.Listing) error {
	built, published, missing := listing.Overlap(built, published)
	if differences := listing.Diff(built, published); len(differences) > 0 {
		fmt.Fprintf(e.stdout, "%s: DIFFERENT (built here → published):\n", name)
		listing.Print(e.stdout, differences)
		return exitError{statusFailed, fmt.Errorf("%s is not what is built here", name)}
	}
	if len(built) == 0 {
		return exitError{statusTrouble, fmt.Errorf("%s has nothing to compare with %s", name, image.Label)}
	}
	if len(missing) > 0 {
		return exitError{statusTrouble, fmt.Errorf("%s is equal as far as it can be compared; only one side has: %s", name, strings.Join(missing, ", "))}
	}
	fmt.Fprintf(e.stdout, "%s: equal, %s\n", name, image.digest)
	return nil
}

var diffCommand = command{
	usage: `Says what differs between two images, line by line: fields of the config, annotations,
files of the layers. A and B are each a reference (HOST/NAME:TAG or HOST/NAME@DIGEST),
an OCI image layout, an OCI archive, a docker archive, or the label of an image here.

  bazel run //images:diff -- A B

Exit status: 0 equal, 1 different, 2 trouble, or comparable only in part.

Flags:
`,
	arguments: []string{"A", "B"},
	run: func(flags *flag.FlagSet) func(context.Context, *environment) error {
		selection := newImagesFlags(flags)
		var client registry.Client
		insecureFlag(flags, &client)
		timeout := timeoutFlag(flags)
		return func(ctx context.Context, e *environment) error {
			ctx, cancel := context.WithTimeout(ctx, *timeout)
			defer cancel()
			var sides [2]listing.Listing
			for i, argument := range e.arguments {
				side, err := open(ctx, e, &client, selection, argument)
				if err != nil {
					return exitError{statusTrouble, err}
				}
				sides[i] = side
			}
			a, b, missing := listing.Overlap(sides[0], sides[1])
			differences := listing.Diff(a, b)
			for _, d := range differences {
				fmt.Fprintln(e.stdout, d)
			}
			switch {
			case len(differences) > 0:
				return exitError{statusFailed, fmt.Errorf("%d differences", len(differences))}
			case len(missing) > 0 || len(a) == 0:
				return exitError{statusTrouble, fmt.Errorf("equal as far as they can be compared; only one side has: %s", strings.Join(missing, ", "))}
			}
			return nil
		}
	},
}

// open lists the image that an argument of diff names.
func open(ctx context.Context, e *environment, client *registry.Client, selection imagesFlags, argument string) (listing.Listing, error) {
	if strings.HasPrefix(argument, "//") || strings.HasPrefix(argument, ":") {
		images, err := selection.load(e)
		if err != nil {
			return nil, err
		}
		var labels []string
		for _, image := range images.Images {
			labels = append(labels, image.Label)
			if image.Label == argument || strings.HasSuffix(image.Label, argument) && argument[0] == ':' {
				return image.listing(ctx)
			}
		}
		return nil, fmt.Errorf("there is no image %s; the images are %s", argument, strings.Join(labels, ", "))
	}
	if _, err := os.Stat(e.path(argument)); err == nil || filepath.IsAbs(argument) || strings.HasPrefix(argument, ".") {
		return listing.OfFile(ctx, e.path(argument))
	}
	repository, reference, err := openReference(ctx, client, argument)
	if err != nil {
		return nil, err
	}
	l, err := ofReference(ctx, client, repository, reference)
	if err == nil {
		l, err = withSBOMs(ctx, repository, l, nil)
	}
	return l, client.Explain(repository.RegistryStr(), err)
}

// openReference opens the repository of a reference, HOST/NAME:TAG or HOST/NAME@DIGEST.
func openReference(ctx context.Context, client *registry.Client, argument string) (*registry.Repository, name.Reference, error) {
	parsed, err := name.ParseReference(argument)
	if err != nil {
		return nil, nil, fmt.Errorf("%q is no file here and no reference of an image: %w", argument, err)
	}
	target, err := registry.ParseTarget(strings.TrimPrefix(parsed.Context().RegistryStr(), "index."))
	if err != nil {
		return nil, nil, err
	}
	repository, err := client.Open(ctx, target, parsed.Context().RepositoryStr(), transport.PullScope)
	if err != nil {
		return nil, nil, err
	}
	reference, _, err := reference(repository, parsed.Identifier())
	return repository, reference, err
}

// ofReference lists what a registry has under a tag or a digest.
func ofReference(ctx context.Context, client *registry.Client, repository *registry.Repository, reference name.Reference) (listing.Listing, error) {
	found, err := repository.Find(ctx, reference)
	if err != nil {
		return nil, client.Explain(repository.RegistryStr(), err)
	}
	if found == nil {
		return nil, client.Explain(repository.RegistryStr(), fmt.Errorf("the registry does not have %s", reference.Name()))
	}
	l, err := ofDescriptor(ctx, found)
	if err != nil {
		return nil, client.Explain(repository.RegistryStr(), fmt.Errorf("reading %s: %w", reference.Name(), err))
	}
	return l, nil
}

func ofDescriptor(ctx context.Context, found *remote.Descriptor) (listing.Listing, error) {
	if found.MediaType.IsIndex() {
		index, err := found.ImageIndex()
		if err != nil {
			return nil, err
		}
		return listing.OfIndex(ctx, index)
	}
	image, err := found.Image()
	if err != nil {
		return nil, err
	}
	return listing.OfImage(ctx, image, true)
}

// reference is a tag or a digest in a repository.
func reference(repository *registry.Repository, identifier string) (name.Reference, string, error) {
	if strings.HasPrefix(identifier, "sha256:") {
		digest, err := name.NewDigest(repository.Repository.Name() + "@" + identifier)
		if err != nil {
			return nil, "", usageError("bad digest %q: write sha256: and 64 hexadecimal digits", identifier)
		}
		return repository.Digest(digest.DigestStr()), repository.Name + "@" + identifier, nil
	}
	return repository.Tag(identifier), repository.Name + ":" + identifier, nil
}
