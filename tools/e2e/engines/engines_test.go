package engines

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fake puts a docker on PATH that is a shell script.
func fake(t *testing.T, script string) Engine {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	client, err := find(t.Context(), "docker")
	if err != nil {
		t.Fatal(err)
	}
	return Engine{Name: "fake", client: client, runFlags: []string{"--runtime", "none"}}
}

func TestNeed(t *testing.T) {
	t.Setenv("PATH", "/none")
	err := Need("dockerd", "runc", "docker")
	const want = "dockerd, runc, docker not installed: apt-get install docker.io runc"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := Need(); err != nil {
		t.Error(err)
	}
}

func TestStartDockerNotInstalled(t *testing.T) {
	t.Setenv("PATH", "/none")
	if _, err := StartDocker(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "apt-get install") {
		t.Errorf("got %v", err)
	}
	if _, err := SetUpPodman(t.Context(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "apt-get install") {
		t.Errorf("got %v", err)
	}
}

func TestRun(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	e := fake(t, `echo "$@" >>`+log+`; case $1 in inspect) echo exited 3;; kill) echo first >&2; echo gone >&2; exit 1;; esac`)
	c, err := e.Run(t.Context(), []string{"--read-only"}, "image", "-flag")
	if err != nil {
		t.Fatal(err)
	}
	if status, err := c.Ended(t.Context()); err != nil || status != 3 {
		t.Errorf("ended with %d, %v", status, err)
	}
	if err := c.Command(t.Context(), "kill", "--signal", "TERM"); err == nil || err.Error() != "docker kill: exit status 1: gone" {
		t.Errorf("got %v", err)
	}
	if _, err := c.PID(t.Context()); err == nil {
		t.Error("exited is no number")
	}
	c.Remove(t.Context())
	asked, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"run --detach --name " + c.Name + " --runtime none --read-only image -flag\n",
		"kill --signal TERM " + c.Name + "\n",
		"rm --force " + c.Name + "\n",
	} {
		if !strings.Contains(string(asked), want) {
			t.Errorf("%q is not in\n%s", want, asked)
		}
	}
}

// TestRunFails: a container that does not start is removed.
func TestRunFails(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	e := fake(t, `echo "$1" >>`+log+`; test "$1" != run`)
	if _, err := e.Run(t.Context(), nil, "image"); err == nil {
		t.Error("it runs")
	}
	if asked, err := os.ReadFile(log); err != nil || !strings.HasSuffix(string(asked), "run\nrm\n") {
		t.Errorf("asked for %q, %v", asked, err)
	}
}
