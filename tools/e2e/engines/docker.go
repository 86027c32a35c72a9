package engines

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"example.com/reproducible-images/tools/demo/child"
)

const (
	// daemonTimeout is how long the daemon may take to answer.
	daemonTimeout = time.Minute
	// daemonGrace is how long it may take to stop all containers and itself.
	daemonGrace = 20 * time.Second
)

// Daemon is a docker daemon of our own.
type Daemon struct {
	// Docker runs containers by runc, and Runsc by gVisor's.
	Docker, Runsc Engine
	process       *child.Child
}

// StartDocker starts a docker daemon with all its files in dir, and returns when
// it answers. Clients of this process talk to it from then on.
func StartDocker(ctx context.Context, dir string) (Daemon, error) {
	if err := Need("docker", "dockerd", "containerd", "runc", "iptables"); err != nil {
		return Daemon{}, err
	}
	socket := "unix://" + filepath.Join(dir, "docker.sock")
	configuration, err := json.MarshalIndent(map[string]any{
		"data-root": filepath.Join(dir, "data"),
		"exec-root": filepath.Join(dir, "exec"),
		"pidfile":   filepath.Join(dir, "docker.pid"),
		"hosts":     []string{socket},
		// systemd, where there is one, does not know our processes' numbers.
		"exec-opts": []string{"native.cgroupdriver=cgroupfs"},
		"runtimes": map[string]any{"runsc": map[string]any{
			"path": "runsc",
			// ptrace is the platform that needs nothing of the machine. The
			// network is that of the container, but the kernel's and not
			// gVisor's own: Debian's runsc refuses its own under newer
			// kernels, as it takes every network namespace for the host's.
			"runtimeArgs": []string{"--platform=ptrace", "--network=host"},
		}},
	}, "", "  ")
	if err != nil {
		return Daemon{}, err
	}
	file, logFile := filepath.Join(dir, "daemon.json"), filepath.Join(dir, "dockerd.log")
	// An empty configuration of the client: nobody's credentials or contexts.
	client := filepath.Join(dir, "client")
	if err := writeFiles(map[string]string{file: string(configuration), filepath.Join(client, "config.json"): "{}"}); err != nil {
		return Daemon{}, err
	}
	if err := setEnvironment(map[string]string{"DOCKER_HOST": socket, "DOCKER_CONFIG": client, "DOCKER_CONTEXT": ""}); err != nil {
		return Daemon{}, err
	}
	log, err := os.Create(logFile)
	if err != nil {
		return Daemon{}, err
	}
	defer log.Close()
	cmd := exec.Command("dockerd", "--config-file", file)
	cmd.Stdout, cmd.Stderr = log, log
	process, err := child.Start(cmd)
	if err != nil {
		return Daemon{}, fmt.Errorf("starting dockerd: %w", err)
	}
	d := Daemon{process: process}
	if err := d.await(ctx); err != nil {
		d.Stop()
		return Daemon{}, fmt.Errorf("dockerd does not start: %w; it said: %s", err, lastLine(logFile))
	}
	return d, nil
}

// await waits until the daemon answers.
func (d *Daemon) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, daemonTimeout, fmt.Errorf("no answer within %v", daemonTimeout))
	defer cancel()
	for {
		client, err := find(ctx, "docker")
		if err == nil {
			d.Docker = Engine{Name: "docker", client: client}
			d.Runsc = Engine{Name: "runsc", client: client, runFlags: []string{"--runtime", "runsc"}}
			return nil
		}
		select {
		case <-d.process.Done():
			return fmt.Errorf("it ended: %w", d.process.Err())
		case <-ctx.Done():
			return fmt.Errorf("%w, at last: %w", context.Cause(ctx), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Stop stops the daemon and its containers.
func (d *Daemon) Stop() { d.process.Stop(daemonGrace) }

// lastLine returns the end of a log for an error.
func lastLine(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return lines[len(lines)-1]
}
