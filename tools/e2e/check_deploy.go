package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"example.com/reproducible-images/tools/e2e/engines"
	"github.com/bazelbuild/rules_go/go/runfiles"
)

// placeholder is what the image is called in the examples of docs/deploy.
const placeholder = "registry.example.com/team/hello:v1.0.0"

// example returns the path of a file of docs/deploy.
func example(name string) (string, error) {
	one, err := runfiles.Rlocation(os.Getenv("E2E_EXAMPLE"))
	return filepath.Join(filepath.Dir(one), name), err
}

// command runs a program of the host, for the image. An error has what it said.
func command(ctx context.Context, s *session, args ...string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "IMAGE="+s.reference())
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(args[0]), err, output)
	}
	return nil
}

// checkScript runs docs/deploy/docker.sh.
func checkScript(ctx context.Context, s *session, e engines.Engine) (string, error) {
	script, err := example("docker.sh")
	if err != nil {
		return "", err
	}
	c := e.Named("hello")
	defer c.Remove(ctx)
	if err := command(ctx, s, script, "--health-interval=1s"); err != nil {
		return "", err
	}
	return checkExample(ctx, c)
}

// checkCompose runs docs/deploy/compose.yaml by docker's plugin, or else by the
// older program that Debian has.
func checkCompose(ctx context.Context, s *session, e engines.Engine) (string, error) {
	file, err := example("compose.yaml")
	if err != nil {
		return "", err
	}
	compose := []string{"docker", "compose"}
	if _, err := e.Output(ctx, "compose", "version"); err != nil {
		if err := engines.Need("docker-compose"); err != nil {
			return "", err
		}
		compose = []string{"docker-compose"}
	}
	compose = append(compose, "--file", file, "--project-name", "e2e")
	defer func() {
		// What is left ends with the daemon.
		_ = command(context.WithoutCancel(ctx), s, append(compose, "down", "--timeout", "1")...)
	}()
	if err := command(ctx, s, append(compose, "up", "--detach")...); err != nil {
		return "", err
	}
	name, err := e.Output(ctx, "ps", "--quiet", "--filter", "label=com.docker.compose.project=e2e")
	if err != nil {
		return "", err
	}
	return checkExample(ctx, e.Named(name))
}

// checkExample waits until docker says that the container is healthy, and looks
// how it runs and stops.
func checkExample(ctx context.Context, c *engines.Container) (string, error) {
	if err := awaitHello(ctx); err != nil {
		return "", err
	}
	err := eventually(ctx, "healthy by its own check", func() (bool, error) {
		health, err := c.Inspect(ctx, "{{.State.Health.Status}}")
		return health == "healthy", err
	})
	if err != nil {
		return "", err
	}
	if err := checkStatus(ctx, c); err != nil {
		return "", err
	}
	took, err := stop(ctx, c)
	return "healthy by its own check, locked; stopped in " + milliseconds(took), err
}

// checkStatus looks at process 1 of a container from outside.
func checkStatus(ctx context.Context, c *engines.Container) error {
	status, err := outsideStatus(ctx, c)
	if err != nil {
		return err
	}
	for name, want := range map[string]string{
		"Uid":        "65534\t65534\t65534\t65534",
		"CapEff":     noCapabilities,
		"NoNewPrivs": "1",
		"Seccomp":    "2",
	} {
		if got := field(status, name); got != want {
			return fmt.Errorf("%s of process 1 is %s, not %s", name, got, want)
		}
	}
	return nil
}

// checkKube runs docs/deploy/kubernetes.yaml, of whose pods there can be one on a
// machine.
func checkKube(ctx context.Context, s *session, e engines.Engine) (string, error) {
	if err := engines.Need("catatonit"); err != nil {
		return "", err
	}
	file, err := example("kubernetes.yaml")
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	replaced := strings.NewReplacer(placeholder, s.reference(), "replicas: 2", "replicas: 1").Replace(string(text))
	if strings.Count(replaced, s.reference()) != 1 || !strings.Contains(replaced, "replicas: 1") {
		return "", fmt.Errorf("%s does not have the image %s and its replicas as they are to be replaced", file, placeholder)
	}
	pod := filepath.Join(s.dir, "kubernetes.yaml")
	if err := os.WriteFile(pod, []byte(replaced), 0o644); err != nil {
		return "", err
	}
	defer func() {
		// What is left goes with podman's folder.
		_, _ = e.Output(context.WithoutCancel(ctx), "kube", "down", pod)
	}()
	if _, err := e.Output(ctx, "kube", "play", pod); err != nil {
		return "", err
	}
	if err := awaitHello(ctx); err != nil {
		return "", err
	}
	c := e.Named("hello-pod-0-hello")
	// The probe's command, by hand: podman 4 gives it to a shell.
	if _, err := c.Exec(ctx, "/hello", "-healthcheck"); err != nil {
		return "", err
	}
	if err := checkStatus(ctx, c); err != nil {
		return "", err
	}
	return "podman kube play: healthy, locked", nil
}
