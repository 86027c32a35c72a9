package main

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"example.com/reproducible-images/tools/demo/launch"
	"example.com/reproducible-images/tools/imageset"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// program is an image for this machine and how to run it.
type program struct {
	name     string // the repository
	platform imageset.Platform
	image    v1.Image // as pulled
	config   v1.Config
	user     launch.User
	exposed  int // the port it serves on unless told otherwise
	port     int // the port it is to be reached on
}

// program finds out how to run an image, from what was built.
func (d *demo) program(image imageset.Image) (program, error) {
	p := program{name: image.Repository}
	var err error
	if p.platform, err = hostPlatform(image); err != nil {
		return program{}, fmt.Errorf("image %s: %w", image.Label, err)
	}
	config, err := p.platform.Image.ConfigFile()
	if err != nil {
		return program{}, fmt.Errorf("image %s: %w", image.Label, err)
	}
	p.config = config.Config
	if p.user, err = launch.ParseUser(p.config.User); err != nil {
		return program{}, fmt.Errorf("image %s: %w", image.Label, err)
	}
	if p.exposed, err = exposedPort(p.config); err != nil {
		return program{}, fmt.Errorf("image %s: %w", image.Label, err)
	}
	if p.port = int(d.port); p.port == 0 {
		p.port = p.exposed
	}
	return p, nil
}

// hostPlatform is the image for Linux on this machine's processor, which is
// also what docker runs on other systems.
func hostPlatform(image imageset.Image) (imageset.Platform, error) {
	var have []string
	for _, p := range image.Platforms {
		if p.OS == "linux" && p.Architecture == runtime.GOARCH {
			return p, nil
		}
		have = append(have, p.String())
	}
	return imageset.Platform{}, fmt.Errorf("it is for %s, not for this machine's linux/%s", strings.Join(have, " and "), runtime.GOARCH)
}

// exposedPort is the lowest TCP port that the image exposes (OCI image
// specification, section "Image Configuration", config.ExposedPorts).
func exposedPort(config v1.Config) (int, error) {
	var ports []int
	for exposed := range config.ExposedPorts {
		number, protocol, _ := strings.Cut(exposed, "/")
		port, err := strconv.ParseUint(number, 10, 16)
		if err == nil && port > 0 && (protocol == "tcp" || protocol == "") {
			ports = append(ports, int(port))
		}
	}
	if len(ports) == 0 {
		return 0, errors.New("it exposes no TCP port to ask: run another with --image")
	}
	return slices.Min(ports), nil
}
