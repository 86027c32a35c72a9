package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"debug/buildinfo"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"
	"github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"
)

const (
	// created is no time at all: equal images have equal SBOMs.
	created = "1970-01-01T00:00:00Z"
	// namespace begins the name of each document (SPDX 2.3, section 6.5).
	namespace = "https://example.com/reproducible-images/sbom/"
)

// builder collects a document.
type builder struct {
	spdx.Document
	modules *modules
	added   map[module]common.ElementID
}

// document is the SBOM in JSON.
func (i *image) document() ([]byte, error) {
	known, err := readModules(i)
	if err != nil {
		return nil, err
	}
	layerSum, err := checksum(i.Layer)
	if err != nil {
		return nil, err
	}
	b := &builder{modules: known, added: map[module]common.ElementID{}}
	b.Document = spdx.Document{
		SPDXVersion: spdx.Version, DataLicense: spdx.DataLicense, SPDXIdentifier: "DOCUMENT",
		DocumentName: i.Name + " " + i.Version + " " + i.Platform,
		CreationInfo: &spdx.CreationInfo{
			Created:  created,
			Creators: []common.Creator{{CreatorType: "Tool", Creator: "reproducible-images-sbom"}},
		},
	}
	imageID := b.addPackage(spdx.Package{
		PackageName: i.Name, PackageVersion: i.Version, PackageComment: "The image for " + i.Platform + ".", PrimaryPackagePurpose: "CONTAINER",
	})
	layerID := b.addPackage(spdx.Package{PackageName: i.Name + " layer", PackageChecksums: layerSum, PrimaryPackagePurpose: "ARCHIVE"})
	b.relate("DOCUMENT", common.TypeRelationshipDescribe, imageID)
	b.relate(imageID, common.TypeRelationshipContains, layerID)
	for _, p := range i.Programs {
		if err := b.addProgram(layerID, p); err != nil {
			return nil, fmt.Errorf("the program %s: %w", p.Path, err)
		}
	}
	return b.encode()
}

func (b *builder) addProgram(layer common.ElementID, p program) error {
	sum, err := checksum(p.File)
	if err != nil {
		return err
	}
	info, err := buildinfo.ReadFile(p.File)
	if err != nil {
		return err
	}
	// Not a File: a package whose files are not all listed may not contain any
	// (SPDX 2.3, section 7.8).
	id := b.addPackage(spdx.Package{PackageName: p.Path, PackageFileName: p.Path, PackageChecksums: sum, PrimaryPackagePurpose: "APPLICATION"})
	b.relate(layer, common.TypeRelationshipContains, id)

	// go1.27.4, perhaps followed by " X:…" for experiments.
	version, _, _ := strings.Cut(strings.TrimPrefix(info.GoVersion, "go"), " ")
	linked := map[string]module{"std": b.modules.standardLibrary(version)}
	for _, importPath := range p.Packages {
		m, err := b.modules.of(importPath)
		if err != nil {
			return err
		}
		linked[m.path] = m
	}
	for _, name := range slices.Sorted(maps.Keys(linked)) {
		b.relate(id, common.TypeRelationshipStaticLink, b.addModule(linked[name]))
	}
	return nil
}

// addModule adds a module once, for all programs that it is linked into.
func (b *builder) addModule(m module) common.ElementID {
	if id, ok := b.added[m]; ok {
		return id
	}
	p := spdx.Package{
		PackageName: m.path, PackageVersion: m.version, PackageLicenseDeclared: m.license,
		PackageComment: m.comment, PrimaryPackagePurpose: "LIBRARY",
	}
	if m.sum != "" {
		p.PackageSourceInfo = "go.sum: " + m.sum
	}
	if m.version != "" {
		directory, name := path.Split(m.path)
		purl := packageurl.NewPackageURL(packageurl.TypeGolang, strings.TrimSuffix(directory, "/"), name, m.version, nil, "")
		p.PackageExternalReferences = []*spdx.PackageExternalReference{{
			Category: common.CategoryPackageManager, RefType: common.TypePackageManagerPURL, Locator: purl.ToString(),
		}}
	}
	b.added[m] = b.addPackage(p)
	return b.added[m]
}

// addPackage adds a package, with what SPDX demands of each.
func (b *builder) addPackage(p spdx.Package) common.ElementID {
	p.PackageSPDXIdentifier = common.ElementID(fmt.Sprintf("Package-%d", len(b.Packages)+1))
	p.PackageDownloadLocation = noAssertion
	p.IsFilesAnalyzedTagPresent = true
	p.PackageLicenseConcluded = noAssertion
	p.PackageLicenseDeclared = cmp.Or(p.PackageLicenseDeclared, noAssertion)
	p.PackageCopyrightText = noAssertion
	b.Packages = append(b.Packages, &p)
	return p.PackageSPDXIdentifier
}

func (b *builder) relate(from common.ElementID, kind string, to common.ElementID) {
	b.Relationships = append(b.Relationships, &spdx.Relationship{
		RefA: common.DocElementID{ElementRefID: from}, RefB: common.DocElementID{ElementRefID: to}, Relationship: kind,
	})
}

// encode writes the document, which is named after its content.
func (b *builder) encode() ([]byte, error) {
	var content bytes.Buffer
	if err := json.Write(&b.Document, &content); err != nil {
		return nil, err
	}
	b.DocumentNamespace = fmt.Sprintf("%s%x", namespace, sha256.Sum256(content.Bytes()))
	content.Reset()
	err := json.Write(&b.Document, &content, json.Indent("  "), json.EscapeHTML(false))
	return content.Bytes(), err
}

// checksum is the SHA-256 digest of a file.
func checksum(name string) ([]common.Checksum, error) {
	content, err := os.ReadFile(name)
	return []common.Checksum{{Algorithm: common.SHA256, Value: fmt.Sprintf("%x", sha256.Sum256(content))}}, err
}
