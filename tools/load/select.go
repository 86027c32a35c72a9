package main

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"example.com/reproducible-images/tools/imageset"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// hostPlatform is the platform for which a container engine on this machine
// runs images; on other systems engines run Linux in a virtual machine.
func hostPlatform() v1.Platform {
	return v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
}

// parsePlatform parses OS/ARCH or OS/ARCH/VARIANT.
func parsePlatform(s string) (v1.Platform, error) {
	p, err := v1.ParsePlatform(s)
	if err != nil || p.OS == "" || p.Architecture == "" {
		return v1.Platform{}, fmt.Errorf("bad platform %q: it must be OS/ARCH or OS/ARCH/VARIANT, like linux/arm64", s)
	}
	return *p, nil
}

// selectPlatform returns the image for a platform; a platform without variant
// stands for any variant.
func selectPlatform(img imageset.Image, want v1.Platform) (imageset.Platform, error) {
	var found []imageset.Platform
	var have []string
	for _, p := range img.Platforms {
		if p.Satisfies(want) {
			found = append(found, p)
		}
		have = append(have, p.String())
	}
	switch len(found) {
	case 0:
		return imageset.Platform{}, fmt.Errorf("image %s is not built for %s; choose with --platform one of %s", img.Repository, want, strings.Join(have, ", "))
	case 1:
		return found[0], nil
	}
	return imageset.Platform{}, fmt.Errorf("image %s has several variants for %s; choose with --platform one of %s", img.Repository, want, strings.Join(have, ", "))
}

// runLine is the command line that runs an image and publishes each port that
// it exposes (OCI image specification, section "Properties", ExposedPorts)
// under the same number.
func runLine(engine string, img v1.Image, ref string) (string, error) {
	config, err := img.ConfigFile()
	if err != nil {
		return "", err
	}
	var ports []string
	for p := range config.Config.ExposedPorts {
		ports = append(ports, p)
	}
	slices.SortFunc(ports, func(a, b string) int {
		if d := portNumber(a) - portNumber(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	line := engine + " run --cap-drop ALL"
	for _, p := range ports {
		number, protocol, _ := strings.Cut(p, "/")
		line += " --publish " + number + ":" + number
		if protocol != "" && protocol != "tcp" {
			line += "/" + protocol
		}
	}
	return line + " " + ref, nil
}

func portNumber(port string) int {
	number, _, _ := strings.Cut(port, "/")
	n, _ := strconv.Atoi(number)
	return n
}
