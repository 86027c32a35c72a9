package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"slices"

	"example.com/reproducible-images/tools/image/listing"
	"example.com/reproducible-images/tools/image/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// sbomType is the type of SPDX documents in JSON, as registered with IANA.
const sbomType types.MediaType = "application/spdx+json"

// openSBOMs reads the SBOMs that Bazel built.
func (i *builtImage) openSBOMs() error {
	i.sboms = map[string][]byte{}
	for platform, path := range i.SBOMs {
		file, err := locate(path)
		if err != nil {
			return err
		}
		if i.sboms[platform], err = os.ReadFile(file); err != nil {
			return fmt.Errorf("reading the SBOM for %s: %w", platform, err)
		}
	}
	return nil
}

func sbomFact(platform string, sbom []byte) listing.Fact {
	return listing.Fact{Key: platform + listing.SBOMField, Value: fmt.Sprintf("sha256:%x", sha256.Sum256(sbom))}
}

// sbomFacts are the facts about the SBOMs that were built.
func (i *builtImage) sbomFacts() listing.Listing {
	var facts listing.Listing
	for _, platform := range slices.Sorted(maps.Keys(i.sboms)) {
		facts = append(facts, sbomFact(platform, i.sboms[platform]))
	}
	return facts
}

// listing lists the image and its SBOMs.
func (i *builtImage) listing(ctx context.Context) (listing.Listing, error) {
	built, err := listing.OfIndex(ctx, i.index)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", i.Label, err)
	}
	return built.With(i.sbomFacts()...), nil
}

// sbomArtifacts are the SBOMs to attach to the manifests of the platforms.
func (i *builtImage) sbomArtifacts() ([]registry.Artifact, error) {
	manifest, err := i.index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var artifacts []registry.Artifact
	for _, child := range manifest.Manifests {
		if sbom, ok := i.sboms[listing.Platform(child.Platform)]; ok {
			artifacts = append(artifacts, registry.Artifact{Subject: child, MediaType: sbomType, Content: sbom})
		}
	}
	return artifacts, nil
}

// withSBOMs adds the facts about the SBOMs that are attached to an image in a registry,
// of each platform one at least. If the SBOM that was built here is among them, it
// alone counts: anybody may attach others.
func withSBOMs(ctx context.Context, repository *registry.Repository, published listing.Listing, built map[string][]byte) (listing.Listing, error) {
	var facts []listing.Fact
	for _, platform := range published.Platforms() {
		digest, err := v1.NewHash(published.Value(platform + " digest"))
		if err != nil {
			continue // not one of the image's manifests
		}
		var attached []listing.Fact
		err = repository.Attached(ctx, digest, sbomType, func(_ v1.Hash, sbom []byte, err error) {
			if err == nil {
				attached = append(attached, sbomFact(platform, sbom))
			}
		})
		if err != nil {
			return nil, err
		}
		sbom, wasBuilt := built[platform]
		switch fact := sbomFact(platform, sbom); {
		case wasBuilt && slices.Contains(attached, fact):
			attached = []listing.Fact{fact}
		case len(attached) == 0:
			attached = []listing.Fact{{Key: platform + listing.SBOMField, Value: "none"}}
		}
		facts = append(facts, attached...)
	}
	return published.With(facts...), nil
}
