package main

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// checkPublished checks that //images:published has the image.
func checkPublished(label string, published publishedImages) []string {
	for _, image := range published.Images {
		if image.Label == label {
			return nil
		}
	}
	return []string{fmt.Sprintf("//images:published leaves out %s: put its go_image above image_set, or add it to the images of image_set", label)}
}

// checkMetadata checks the manifests and the config.
func checkMetadata(want expected, img *image) []string {
	var problems []string
	equal := func(what string, want, got any) {
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			problems = append(problems, fmt.Sprintf("%s (-expected +built):\n%s", what, diff))
		}
	}
	equal("media type of the image index", types.OCIImageIndex, img.index.MediaType)
	equal("media type of the manifest", types.OCIManifestSchema1, img.manifest.MediaType)
	equal("media type of the config", types.OCIConfigJSON, img.manifest.Config.MediaType)
	for _, layer := range img.manifest.Layers {
		equal("media type of a layer", types.OCILayer, layer.MediaType)
	}
	equal("annotations of the image index", want.Annotations, img.index.Annotations)
	equal("annotations of the manifest", want.Annotations, img.manifest.Annotations)
	equal("platform of the config", want.Platform, *img.config.Platform())
	equal("config", want.Config, img.config.Config)
	equal("created", time.Unix(0, 0).UTC(), img.config.Created.Time)
	for _, entry := range img.config.History {
		equal("created in the history", time.Unix(0, 0).UTC(), entry.Created.Time)
	}
	return problems
}

// checkLayers checks the files of the layers: which there are, their mode, owner
// and time, and that the entrypoint is a static, stripped binary for the platform.
func checkLayers(want expected, img *image) ([]string, error) {
	var problems []string
	files := map[string]string{}
	for i, layer := range img.layers {
		diffID, err := layer.DiffID()
		if err != nil {
			return nil, err
		}
		if want := img.config.RootFS.DiffIDs[i]; diffID != want {
			problems = append(problems, fmt.Sprintf("layer %d has the diff ID %s, the config says %s", i, diffID, want))
		}
		more, err := checkLayer(layer, want, files)
		if err != nil {
			return problems, fmt.Errorf("reading layer %d: %w", i, err)
		}
		problems = append(problems, more...)
	}
	if diff := cmp.Diff(want.Files, files); diff != "" {
		problems = append(problems, fmt.Sprintf("files and modes (-expected +built):\n%s", diff))
	}
	return problems, nil
}

// checkLayer checks one layer and adds its files and their modes to files.
func checkLayer(layer v1.Layer, want expected, files map[string]string) ([]string, error) {
	content, err := layer.Uncompressed()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	var problems, names []string
	for archive := tar.NewReader(content); ; {
		header, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		names = append(names, header.Name)
		files["/"+header.Name] = fmt.Sprintf("%#04o", header.Mode)
		got := tar.Header{
			Typeflag: header.Typeflag, Uid: header.Uid, Gid: header.Gid, Uname: header.Uname, Gname: header.Gname,
			ModTime: header.ModTime.UTC(), PAXRecords: header.PAXRecords, Format: header.Format,
		}
		if diff := cmp.Diff(tar.Header{Typeflag: tar.TypeReg, ModTime: time.Unix(0, 0).UTC(), Format: tar.FormatUSTAR}, got); diff != "" {
			problems = append(problems, fmt.Sprintf("header of %s (-expected +built):\n%s", header.Name, diff))
		}
		if slices.Equal(want.Config.Entrypoint, []string{"/" + header.Name}) && want.Platform.OS == "linux" {
			binary, err := io.ReadAll(archive)
			if err != nil {
				return nil, err
			}
			problems = append(problems, checkBinary(binary, want.Platform.Architecture)...)
		}
	}
	if !slices.IsSorted(names) {
		problems = append(problems, fmt.Sprintf("entries are not sorted: %q", names))
	}
	return problems, nil
}

// machines gives the ELF machine of each GOARCH that Go knows on Linux.
var machines = map[string]elf.Machine{
	"386": elf.EM_386, "amd64": elf.EM_X86_64, "arm": elf.EM_ARM, "arm64": elf.EM_AARCH64, "loong64": elf.EM_LOONGARCH,
	"mips": elf.EM_MIPS, "mipsle": elf.EM_MIPS, "mips64": elf.EM_MIPS, "mips64le": elf.EM_MIPS,
	"ppc64": elf.EM_PPC64, "ppc64le": elf.EM_PPC64, "riscv64": elf.EM_RISCV, "s390x": elf.EM_S390,
}

// checkBinary checks that an ELF binary is for the architecture, a GOARCH; is
// static, so that it runs without any other file; and is stripped.
func checkBinary(binary []byte, architecture string) []string {
	file, err := elf.NewFile(bytes.NewReader(binary))
	if err != nil {
		return []string{fmt.Sprintf("the binary is not ELF: %v", err)}
	}
	var problems []string
	if want := machines[architecture]; file.Machine != want {
		problems = append(problems, fmt.Sprintf("the binary is for %s, the image for %s (%s)", file.Machine, architecture, want))
	}
	if file.Type != elf.ET_EXEC {
		problems = append(problems, fmt.Sprintf("the binary is not a plain executable but %s", file.Type))
	}
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP || segment.Type == elf.PT_DYNAMIC {
			problems = append(problems, fmt.Sprintf("the binary is not static: it has a segment %s", segment.Type))
		}
	}
	for _, section := range file.Sections {
		switch section.Name {
		case ".symtab", ".debug_info", ".zdebug_info":
			problems = append(problems, fmt.Sprintf("the binary is not stripped: it has a section %s", section.Name))
		}
	}
	return problems
}
