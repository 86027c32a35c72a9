// Command licenses lists the licenses of the Go modules that packages of this repository
// import, one line for each module, as its license files say:
//
//	MODULE VERSION SPDX_EXPRESSION
//
// The SBOMs of images take them from its output, images/licenses.txt:
//
//	go run ./tools/licenses >images/licenses.txt
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("licenses: ")
	fmt.Println("# Written by `go run ./tools/licenses`: what the license files of the Go modules say.")
	// What is imported may depend on the platform.
	lines := append(list("amd64"), list("arm64")...)
	slices.Sort(lines)
	fmt.Println(strings.Join(slices.Compact(lines), "\n"))
}

// format is the module of each package, or what replaces it, unless it is of this
// repository: MODULE VERSION DIRECTORY.
const format = "{{with .Module}}{{with or .Replace .}}{{if .Version}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}{{end}}"

func list(architecture string) []string {
	command := exec.Command("go", "list", "-deps", "-f", format, "./...")
	command.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+architecture, "CGO_ENABLED=0")
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		log.Fatalf("go list: %v", err)
	}
	modules := strings.Split(strings.TrimSpace(string(output)), "\n")
	slices.Sort(modules)
	var lines []string
	for _, module := range slices.Compact(modules) {
		words := strings.SplitN(module, " ", 3)
		license, err := licenseOf(words[2])
		if err != nil {
			log.Fatalf("%s: %v", module, err)
		}
		lines = append(lines, words[0]+" "+words[1]+" "+license)
	}
	return lines
}

// isLicense reports whether a file's name is that of a license of code. Documentation,
// which some modules license otherwise, is not linked.
func isLicense(name string) bool {
	name = strings.ToLower(name)
	return (strings.HasPrefix(name, "licen") || strings.HasPrefix(name, "copying")) &&
		!strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, ".docs")
}

// coverage is how much of a license file must be known text, in percent.
const coverage = 75

// licenseOf reads the license files in a module's root directory. NOASSERTION means
// that there is none, or one with other text. Several licenses are joined by AND: the
// files' text does not say by itself whether one may choose.
func licenseOf(directory string) (string, error) {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return "", err
	}
	var ids []string
	for _, entry := range entries {
		if entry.IsDir() || !isLicense(entry.Name()) {
			continue
		}
		content, err := os.ReadFile(filepath.Join(directory, entry.Name()))
		if err != nil {
			return "", err
		}
		found := licensecheck.Scan(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")))
		if found.Percent < coverage {
			return "NOASSERTION", nil
		}
		for _, match := range found.Match {
			ids = append(ids, match.ID)
		}
	}
	if len(ids) == 0 {
		return "NOASSERTION", nil
	}
	slices.Sort(ids)
	return strings.Join(slices.Compact(ids), " AND "), nil
}
