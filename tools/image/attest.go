package main

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"example.com/reproducible-images/tools/image/attest"
	"example.com/reproducible-images/tools/image/listing"
	"example.com/reproducible-images/tools/image/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// attestFlags are the flags of the commands that attest.
type attestFlags struct {
	attest       *bool
	key, builder *string
}

func newAttestFlags(flags *flag.FlagSet) attestFlags {
	return attestFlags{
		attest:  flags.Bool("attest", false, "sign a statement that this builder got these bytes, and attach it; needs --key, --builder, and sources that are committed"),
		key:     flags.String("key", "", "sign with the private key in this PEM `file`: ECDSA P-256 or Ed25519, or of cosign, with its password in $COSIGN_PASSWORD"),
		builder: flags.String("builder", "", "the `URI` of this builder, as in the files of who trusts it"),
	}
}

// attester signs for a builder.
type attester struct {
	key        crypto.Signer
	builder    string
	parameters attest.Parameters // what is the same for all images
}

// load reads the key and looks at the sources; nil if nothing is to be attested.
func (f attestFlags) load(ctx context.Context, e *environment) (*attester, error) {
	if !*f.attest {
		if *f.key != "" || *f.builder != "" {
			return nil, usageError("--key and --builder are for --attest")
		}
		return nil, nil
	}
	if *f.key == "" || *f.builder == "" {
		return nil, usageError("--attest needs --key FILE and --builder URI")
	}
	if err := attest.CheckBuilder(*f.builder); err != nil {
		return nil, exitError{statusUsage, err}
	}
	file, err := os.ReadFile(e.path(*f.key))
	if err != nil {
		return nil, exitError{statusUsage, fmt.Errorf("reading the key: %w", err)}
	}
	a := &attester{builder: *f.builder}
	if a.key, err = attest.ParsePrivateKey(file, os.Getenv("COSIGN_PASSWORD")); err != nil {
		return nil, usageError("the key %s: %w", *f.key, err)
	}
	if a.parameters, err = describeBuild(ctx, e.workspace); err != nil {
		return nil, fmt.Errorf("cannot attest: %w", err)
	}
	return a, nil
}

// describeBuild says what the workspace is built from.
func describeBuild(ctx context.Context, workspace string) (attest.Parameters, error) {
	// The same Go SDK builds images and this program.
	p := attest.Parameters{GoVersion: runtime.Version()}
	if workspace == "" {
		return p, errors.New("start this command with `bazel run`, so that it finds the sources")
	}
	changes, err := git(ctx, workspace, "status", "--porcelain")
	if err != nil {
		return p, err
	}
	if changes != "" {
		return p, fmt.Errorf("the sources in %s are not what is committed; commit or remove:\n%s", workspace, changes)
	}
	if p.Commit, err = git(ctx, workspace, "rev-parse", "HEAD"); err != nil {
		return p, err
	}
	version, err := os.ReadFile(filepath.Join(workspace, ".bazelversion"))
	p.BazelVersion = strings.TrimSpace(string(version))
	return p, err
}

func git(ctx context.Context, workspace string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "git", args...)
	command.Dir = workspace
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, registry.OneLine(stderr.String(), 300))
	}
	return strings.TrimSpace(string(output)), nil
}

// artifact is the attestation of an image.
func (a *attester) artifact(image *builtImage) (registry.Artifact, error) {
	manifest, err := image.index.IndexManifest()
	if err != nil {
		return registry.Artifact{}, err
	}
	source := manifest.Annotations["org.opencontainers.image.source"]
	if source == "" {
		return registry.Artifact{}, errors.New("it does not name its sources: give its go_image the argument source, a URL")
	}
	parameters := a.parameters
	parameters.Source, parameters.Target = "git+"+source, image.Label
	subjects := []attest.Subject{subject(image.Repository, image.digest)}
	for _, child := range manifest.Manifests {
		subjects = append(subjects, subject(image.Repository+" "+listing.Platform(child.Platform), child.Digest))
	}
	content, err := attest.Sign(a.builder, parameters, subjects, a.key)
	if err != nil {
		return registry.Artifact{}, err
	}
	index, err := partial.Descriptor(image.index)
	if err != nil {
		return registry.Artifact{}, err
	}
	return registry.Artifact{
		Subject: *index, MediaType: attest.MediaType, Content: content, Annotations: attest.Annotations,
	}, nil
}

func subject(name string, digest v1.Hash) attest.Subject {
	return attest.Subject{Name: name, Digest: map[string]string{digest.Algorithm: digest.Hex}}
}

// attach attests an image in a registry.
func (a *attester) attach(ctx context.Context, e *environment, client *registry.Client, target registry.Target, image *builtImage) error {
	artifact, err := a.artifact(image)
	if err != nil {
		return fmt.Errorf("image %s: %w", image.Label, err)
	}
	repository, err := client.Open(ctx, target, image.Repository, transport.PushScope)
	if err != nil {
		return err
	}
	if err := repository.Attach(ctx, artifact); err != nil {
		return client.Explain(target.Host(), err)
	}
	fmt.Fprintf(e.stdout, "%s@%s: attested by %s\n", repository.Name, image.digest, a.builder)
	return nil
}

// trustFlags say whose attestations are enough.
type trustFlags struct {
	file      *string
	threshold *int
}

func newTrustFlags(flags *flag.FlagSet) trustFlags {
	return trustFlags{
		file:      flags.String("trust", "", "the `file` of trusted builders: {\"builders\": [{\"id\": URI, \"keys\": [PEM, …]}, …]}"),
		threshold: flags.Int("threshold", 0, "the `number` of different trusted builders that must have attested the image"),
	}
}

// trust is how many of whom must have attested an image.
type trust struct {
	*attest.Trust
	threshold int
}

// load reads the file; nil if no attestation is asked for.
func (f trustFlags) load(e *environment) (*trust, error) {
	if *f.file == "" && *f.threshold == 0 {
		return nil, nil
	}
	if *f.file == "" || *f.threshold < 1 {
		return nil, usageError("--trust FILE and --threshold NUMBER, at least 1, need each other")
	}
	raw, err := os.ReadFile(e.path(*f.file))
	if err != nil {
		return nil, exitError{statusUsage, fmt.Errorf("reading the trusted builders: %w", err)}
	}
	trusted, err := attest.ParseTrust(raw)
	if err != nil {
		return nil, usageError("the trusted builders in %s: %w", *f.file, err)
	}
	if *f.threshold > trusted.Builders() {
		return nil, usageError("--threshold %d can never be reached: %s names %d builders", *f.threshold, *f.file, trusted.Builders())
	}
	return &trust{trusted, *f.threshold}, nil
}

// check prints who attested a digest. The error has the status 1 if too few did.
func (t *trust) check(ctx context.Context, e *environment, client *registry.Client, repository *registry.Repository, digest v1.Hash) error {
	tally := t.Tally(digest)
	err := repository.Attached(ctx, digest, attest.MediaType, func(artifact v1.Hash, bundle []byte, err error) {
		if err != nil {
			err = errors.New(registry.OneLine(err.Error(), 300)) // it may be the registry's text
		}
		tally.Add(artifact.String(), bundle, err)
	})
	if err != nil {
		return exitError{statusTrouble, client.Explain(repository.RegistryStr(), err)}
	}
	name := repository.Name + "@" + digest.String()
	fmt.Fprintf(e.stdout, "%s: attested by %d of %d trusted builders, %d needed\n", name, tally.Attested(), t.Builders(), t.threshold)
	tally.Report(e.stdout)
	if tally.Attested() < t.threshold {
		return exitError{statusFailed, fmt.Errorf("%s is not to be trusted: %d of the %d builders that are needed attested it", name, tally.Attested(), t.threshold)}
	}
	return nil
}

var trustedCommand = command{
	usage: `Accepts an image only if enough different trusted builders attested exactly these bytes:
each got the same digest from the sources, and signed that. It also reads everything
that the registry has under the digest, and compares it with the digests. It builds
nothing.

  bazel run //images:trusted -- HOST/NAME@DIGEST --trust FILE --threshold NUMBER

The program needs nothing but its arguments: bazel-bin/images/trusted can be copied to
where images are deployed.

Exit status: 0 to be trusted; 1 not; 2 it could not be checked, or wrong usage.

Flags:
`,
	arguments: []string{"REFERENCE"},
	run: func(flags *flag.FlagSet) func(context.Context, *environment) error {
		selection := newTrustFlags(flags)
		var client registry.Client
		insecureFlag(flags, &client)
		timeout := timeoutFlag(flags)
		return func(ctx context.Context, e *environment) error {
			ctx, cancel := context.WithTimeout(ctx, *timeout)
			defer cancel()
			trusted, err := selection.load(e)
			if err != nil {
				return err
			}
			if trusted == nil {
				return usageError("--trust FILE and --threshold NUMBER are needed")
			}
			return trusted.checkReference(ctx, e, &client, e.arguments[0])
		}
	},
}

func (t *trust) checkReference(ctx context.Context, e *environment, client *registry.Client, argument string) error {
	repository, reference, err := openReference(ctx, client, argument)
	if err != nil {
		return exitError{statusTrouble, err}
	}
	digest, err := v1.NewHash(reference.Identifier())
	if err != nil {
		return usageError("%s: name the image by its digest, HOST/NAME@sha256:…: a tag can be moved after this check", argument)
	}
	published, err := ofReference(ctx, client, repository, reference)
	if err != nil {
		return exitError{statusTrouble, err}
	}
	if damage := published.Damage(); len(damage) > 0 {
		for _, fact := range damage {
			fmt.Fprintf(e.stdout, "  %s\n", fact)
		}
		return exitError{statusFailed, fmt.Errorf("%s is damaged in the registry", argument)}
	}
	return t.check(ctx, e, client, repository, digest)
}
