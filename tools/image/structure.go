package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"example.com/reproducible-images/tools/image/listing"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

var structureTestCommand = command{
	usage: "Compares an image for one platform with what its go_image says.\n\nFlags:\n",
	run: func(*flag.FlagSet) func(context.Context, *environment) error {
		return func(ctx context.Context, e *environment) error {
			t, err := readStructureTest(e.program + ".json")
			if err != nil {
				return err
			}
			image := &builtImage{Label: t.Label, Layout: t.Layout}
			if err := image.open(); err != nil {
				return fmt.Errorf("image %s: %w", t.Label, err)
			}
			built, err := listing.OfIndex(ctx, image.index)
			if err != nil {
				return fmt.Errorf("image %s: %w", t.Label, err)
			}
			problems := t.check(built)
			if len(t.overBudget(built)) > 0 {
				explanation, err := t.explainSize(image)
				if err != nil {
					return err
				}
				problems = append(problems, explanation)
			}
			problem, err := t.checkPublished()
			if err != nil {
				return err
			}
			if problem != "" {
				problems = append(problems, problem)
			}
			if len(problems) > 0 {
				return fmt.Errorf("image %s for %s:\n  %s", t.Label, t.Platform, strings.Join(problems, "\n  "))
			}
			return nil
		}
	},
}

// structureTest is the JSON file that the rule image_test writes.
type structureTest struct {
	Label  string `json:"label"`
	Layout string `json:"layout"`
	// Platform is OS/ARCH or OS/ARCH/VARIANT.
	Platform string `json:"platform"`
	// Published is the list of the images that are pushed; empty for an image of a
	// test, which is not.
	Published string `json:"published"`
	// Binary is the path of the program that the image is for.
	Binary string `json:"binary"`
	// Facts are the lines of a listing that the go_image implies.
	Facts []string `json:"facts"`
	// MaxCompressedBytes and MaxUnpackedBytes are size budgets; 0 means none.
	MaxCompressedBytes int64 `json:"max_compressed_bytes"`
	MaxUnpackedBytes   int64 `json:"max_unpacked_bytes"`
}

func readStructureTest(file string) (*structureTest, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	t := &structureTest{}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(t); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	return t, nil
}

// check returns what is wrong with the image.
func (t *structureTest) check(built listing.Listing) []string {
	expected, err := listing.Parse(strings.NewReader(strings.Join(t.Facts, "\n")))
	if err != nil {
		return []string{"the expected facts: " + err.Error()}
	}
	var implied listing.Listing
	var problems []string
	for _, fact := range built {
		subject, ok := strings.CutPrefix(fact.Key, t.Platform+" ")
		if !ok {
			continue
		}
		if isImplied(subject) {
			implied = append(implied, fact)
		}
		if strings.HasSuffix(subject, " damage") {
			problems = append(problems, fact.String())
		}
		if strings.HasPrefix(subject, "layer ") && strings.HasSuffix(subject, " elf") {
			problems = append(problems, t.checkELF(fact)...)
		}
	}
	for _, difference := range listing.Diff(expected, implied) {
		problems = append(problems, "go_image → image: "+strings.TrimSpace(difference.String()))
	}
	binary := fmt.Sprintf("%s layer 1 %s elf", t.Platform, t.Binary)
	if built.Value(binary) == "" {
		problems = append(problems, t.Binary+" is not an ELF file")
	}
	return append(problems, t.overBudget(built)...)
}

// isImplied reports whether the BUILD file determines this fact: annotations, the
// config without its history and layers, and type, mode and owner of files.
func isImplied(subject string) bool {
	switch kind, rest, _ := strings.Cut(subject, " "); kind {
	case "annotation":
		return true
	case "config":
		return strings.HasPrefix(rest, ".") && !strings.HasPrefix(rest, ".history") && !strings.HasPrefix(rest, ".rootfs")
	case "layer":
		return !slices.ContainsFunc([]string{" digest", " size", " diff ID", " media type", " elf", " go", " damage"},
			func(field string) bool { return strings.HasSuffix(rest, field) })
	}
	return false
}

// machines are the ELF machines of the architectures that Go builds for, by GOARCH.
var machines = map[string]string{
	"386":      "EM_386",
	"amd64":    "EM_X86_64",
	"arm":      "EM_ARM",
	"arm64":    "EM_AARCH64",
	"loong64":  "EM_LOONGARCH",
	"mips":     "EM_MIPS",
	"mips64":   "EM_MIPS",
	"mips64le": "EM_MIPS",
	"mipsle":   "EM_MIPS",
	"ppc64":    "EM_PPC64",
	"ppc64le":  "EM_PPC64",
	"riscv64":  "EM_RISCV",
	"s390x":    "EM_S390",
}

// checkELF wants every program to be for the image's platform, and the binary to be
// static and stripped.
func (t *structureTest) checkELF(fact listing.Fact) []string {
	architecture := strings.Split(t.Platform, "/")[1]
	machine, _, _ := strings.Cut(fact.Value, " ")
	if machine != machines[architecture] {
		return []string{fmt.Sprintf("%s: not a program for %s", fact, architecture)}
	}
	if strings.HasSuffix(fact.Key, " "+t.Binary+" elf") && fact.Value != machine+" static stripped" {
		return []string{fmt.Sprintf("%s: the binary must be static and stripped", fact)}
	}
	return nil
}

// overBudget returns a problem for each size budget that the image exceeds.
func (t *structureTest) overBudget(built listing.Listing) []string {
	var problems []string
	for _, budget := range []struct {
		kind  string
		bytes int64
	}{{"compressed", t.MaxCompressedBytes}, {"unpacked", t.MaxUnpackedBytes}} {
		size, _ := strconv.ParseInt(built.Value(t.Platform+" "+budget.kind+" size"), 10, 64)
		if budget.bytes != 0 && size > budget.bytes {
			problems = append(problems, fmt.Sprintf("%[1]s size: %[2]d bytes are %[3]d more than max_%[1]s_bytes = %[4]d",
				budget.kind, size, size-budget.bytes, budget.bytes))
		}
	}
	return problems
}

func (t *structureTest) explainSize(built *builtImage) (string, error) {
	platform, err := v1.ParsePlatform(t.Platform)
	if err != nil {
		return "", err
	}
	image, err := built.forPlatform(platform)
	if err != nil {
		return "", err
	}
	return explainSize(image, t.Binary)
}

// checkPublished says when push leaves the image out.
func (t *structureTest) checkPublished() (string, error) {
	if t.Published == "" {
		return "", nil
	}
	file, err := locate(t.Published)
	if err != nil {
		return "", err
	}
	published, err := readImageList(file)
	if err != nil {
		return "", err
	}
	for _, image := range published.Images {
		if image.Label == t.Label {
			return "", nil
		}
	}
	if t.Label == "" {
		return "", errors.New("the image has no label")
	}
	return "//images:published leaves it out, so that push does not publish it: add it to `images`", nil
}
