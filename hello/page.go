package main

import (
	_ "embed"
	"html"
	"runtime"
	"runtime/debug"
	"strings"
)

// version is the tag of what was built, such as v1.0.0. The linker sets it; a
// plain go build leaves it empty.
var version string

// buildVersion returns version, else what the go command knows of it.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

//go:embed page.html
var pageTemplate string

// renderPage fills the page. Its values are constants of the build, so it is
// the same for every request. Plain replacement does; html/template would make
// the binary a third larger.
func renderPage() string {
	return strings.NewReplacer(
		"{{version}}", html.EscapeString(buildVersion()),
		"{{go}}", html.EscapeString(runtime.Version()),
		"{{platform}}", html.EscapeString(runtime.GOOS+"/"+runtime.GOARCH),
	).Replace(pageTemplate)
}
