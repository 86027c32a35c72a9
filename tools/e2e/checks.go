package main

import (
	"context"

	"example.com/reproducible-images/tools/e2e/engines"
)

// check is a row of the table.
type check struct {
	name    string
	runtime string
	what    string // that it shows, in a few words
	// full tells that it takes long: it runs by --full, or when it is named.
	full bool
	// run returns what was seen, for the table, or an error.
	run func(ctx context.Context, s *session, r engines.Engine) (string, error)
}

// The runtimes that checks run by.
const (
	docker = "docker"
	podman = "podman"
	runsc  = "runsc"
)

// allChecks in the order in which they run.
var allChecks = checks()

func checks() (all []check) {
	for _, runtime := range []string{docker, podman, runsc} {
		add := func(name, what string, run func(context.Context, *session, engines.Engine) (string, error)) {
			all = append(all, check{name: name, runtime: runtime, what: what, run: run})
		}
		add("pulled", "the exercise's own line, from a registry, by tag", checkPulled)
		if runtime != runsc {
			add("loaded", "the line that //images:load prints", checkLoaded)
		}
		add("locked", "the strictest flags, seen from inside", checkLocked)
		add("health", "hello -healthcheck in the container", checkHealth)
		add("drain", "stop under load loses no request", checkDrain)
		add("signal", "a second SIGTERM ends process 1 at once", checkSecondSignal)
		add("start", "time to the first answer", checkStart)
		if runtime == docker {
			add("limits", "GOMEMLIMIT and GOMAXPROCS follow the cgroup", checkLimits)
			add("restart", "restart policies, the memory limit's included", checkRestart)
			add("docker.sh", "docs/deploy/docker.sh", checkScript)
			add("compose", "docs/deploy/compose.yaml", checkCompose)
			add("page", "the page in chromium", checkPage)
			add("controls", "pages with faults, all of which chromium shows", checkControls)
			all[len(all)-1].full = true
			add("load", "load and abuse, beside a bare net/http server", checkLoad)
			add("arm64", "the arm64 image, by qemu", checkArm64)
		}
		if runtime == podman {
			add("kubernetes", "docs/deploy/kubernetes.yaml", checkKube)
		}
	}
	return all
}
