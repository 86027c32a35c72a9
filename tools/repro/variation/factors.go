package variation

import (
	"strings"
	"time"
)

// Factor is something that must not matter, in two or three levels.
type Factor struct {
	Name string
	// Levels are at least two; the first is what an ordinary build has, or near
	// it, and the last is the furthest from it.
	Levels []Level
}

// Level is one of the ways that a factor can be.
type Level struct {
	// Name says how, for people; empty where there is nothing to say.
	Name string
	// set makes a setting so; nil changes nothing.
	set func(*Setting)
}

const year = 365 * 24 * time.Hour

// Factors are what the rebuilds vary.
var Factors = []Factor{
	{"workspace", []Level{
		{"short path", func(s *Setting) { s.Workspace = "w" }},
		{"path of 200 characters, sources of 1980", func(s *Setting) {
			s.Workspace = strings.Repeat("a-very-long-folder-name/", 8) + "workspace"
			s.ModTime = time.Date(1980, 1, 1, 12, 0, 0, 0, time.UTC)
		}},
		{"path with a space, ünïcödé, 漢字", func(s *Setting) { s.Workspace = "a folder/with ünïcödé and/漢字" }},
	}},
	{"output base", []Level{
		{"", func(s *Setting) { s.OutputBase = "o" }},
		{"deep output base", func(s *Setting) { s.OutputBase = "output/" + strings.Repeat("deeper/", 12) + "base" }},
	}},
	{"home", []Level{
		{"", nil},
		{"no HOME", func(s *Setting) { s.env("HOME=/nonexistent") }},
	}},
	{"user", []Level{
		{"", nil},
		{"uid 12345, umask 077", func(s *Setting) { s.User = &User{UID: 12345, GID: 12345, Umask: 0o077} }},
	}},
	{"locale", []Level{
		{"", nil},
		{"et_EE.UTF-8, UTC+14", func(s *Setting) {
			s.Locale = "et_EE.UTF-8"
			s.env("TZ=GMT-14") // POSIX counts westwards
			s.ActionEnv = append(s.ActionEnv, "TZ=GMT-14")
		}},
	}},
	{"host", []Level{
		{"", nil},
		{"another hostname", func(s *Setting) { s.Hostname = "repro-host" }},
	}},
	{"environment", []Level{
		{"a failing go on PATH", func(s *Setting) { s.Go = FailingGo }},
		{"another Go on PATH and in GOROOT, GOFLAGS, GOARCH, …", func(s *Setting) {
			s.Go = OtherGo
			noise := []string{
				"GOFLAGS=-ldflags=-X=main.version=noise", "GOPATH=/nonexistent/go", "GOOS=windows", "GOARCH=arm64",
				"GOAMD64=v3", "GOARM64=v9.0", "GOEXPERIMENT=nogreenteagc", "CGO_ENABLED=1", "CC=/bin/false",
			}
			s.env(noise...)
			s.ActionEnv = append(s.ActionEnv, noise...)
		}},
	}},
	{"clock", []Level{
		{"", nil},
		{"clock and sources 10 years ahead", func(s *Setting) {
			s.ClockAhead = 10 * year
			s.ModTime = time.Now().Add(10 * year)
		}},
	}},
	{"CPUs", []Level{
		{"one CPU, --jobs=3", func(s *Setting) {
			s.OneCPU = true
			s.flags("--jobs=3")
		}},
		{"--jobs=16", func(s *Setting) { s.flags("--jobs=16") }},
	}},
	{"actions", []Level{
		{"sandboxed", nil},
		{"no sandbox", func(s *Setting) { s.flags("--spawn_strategy=local") }},
		{"the host's /usr", func(s *Setting) { s.HostUserland = true }},
	}},
	{"mode", []Level{
		{"-c opt", func(s *Setting) { s.flags("--compilation_mode=opt") }},
		{"-c fastbuild", func(s *Setting) { s.flags("--compilation_mode=fastbuild") }},
		{"-c dbg, --strip=never", func(s *Setting) { s.flags("--compilation_mode=dbg", "--strip=never") }},
	}},
	{"stamp", []Level{
		{"", nil},
		{"--stamp", func(s *Setting) { s.flags("--stamp", "--embed_label=noise") }},
	}},
	{"Go settings", []Level{
		{"", nil},
		{"pure and static off, linkmode=pie, coverage", func(s *Setting) {
			s.flags("--@rules_go//go/config:pure=false", "--@rules_go//go/config:static=false",
				"--@rules_go//go/config:linkmode=pie", "--collect_code_coverage")
		}},
		{"race, tags, gc_goopts, gc_linkopts", func(s *Setting) {
			s.flags("--@rules_go//go/config:race", "--@rules_go//go/config:tags=noise,nethttpomithttp2",
				"--@rules_go//go/config:gc_goopts=-N,-l", "--@rules_go//go/config:gc_linkopts=-X=main.version=noise")
		}},
	}},
	{"platform", []Level{
		{"", nil},
		{"--platforms linux_arm64", func(s *Setting) { s.flags("--platforms=@rules_go//go/toolchain:linux_arm64") }},
	}},
	{"file order", []Level{
		{"", nil},
		{"files in random order", func(s *Setting) { s.ShuffleFiles = true }},
	}},
}

func (s *Setting) env(variables ...string) { s.Env = append(s.Env, variables...) }
func (s *Setting) flags(flags ...string)   { s.Flags = append(s.Flags, flags...) }
