package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"example.com/reproducible-images/tools/demo/child"
	"example.com/reproducible-images/tools/e2e/engines"
	"example.com/reproducible-images/tools/imageset"
	"github.com/bazelbuild/rules_go/go/runfiles"
)

// checkPulled runs the exercise's own command line.
func checkPulled(ctx context.Context, s *session, e engines.Engine) (string, error) {
	for _, tag := range []string{imageset.LatestTag, s.image.Version} {
		reference := s.repository + ":" + tag
		if err := pull(ctx, e, reference); err != nil {
			return "", err
		}
		if err := checkDigest(ctx, s, e, reference); err != nil {
			return "", err
		}
	}
	c, err := s.launch(ctx, e, []string{"--cap-drop", "ALL", "--publish", published})
	if err != nil {
		return "", err
	}
	defer c.Remove(ctx)
	took, err := checkPages(ctx, c, platform)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("digest as built; text and page right; stopped in %s", milliseconds(took)), nil
}

// pull pulls a tag.
func pull(ctx context.Context, e engines.Engine, reference string, flags ...string) error {
	flags = append(flags, "--quiet", reference)
	if e.Name == podman {
		// The registry has no certificate; docker needs none on loopback.
		flags = append([]string{"--tls-verify=false"}, flags...)
	}
	_, err := e.Output(ctx, append([]string{"pull"}, flags...)...)
	return err
}

// checkDigest compares the digest that the engine noted of what it pulled with
// what was built.
func checkDigest(ctx context.Context, s *session, e engines.Engine, reference string) error {
	digests, err := e.Output(ctx, "inspect", "--format", "{{.RepoDigests}}", reference)
	if want := s.repository + "@" + s.image.Digest.String(); err == nil && !strings.Contains(digests, want) {
		err = fmt.Errorf("%s was pulled as %s, not as %s", reference, digests, want)
	}
	return err
}

// checkPages compares what a container serves with what it should, stops it and
// tells how long that took.
func checkPages(ctx context.Context, c *engines.Container, platform string) (time.Duration, error) {
	text, err := get(ctx, url, "*/*")
	if err == nil && text != "Hello, world!\n" {
		err = fmt.Errorf("%s is %q", url, text)
	}
	if err != nil {
		return 0, err
	}
	page, err := get(ctx, url, "text/html")
	if err != nil {
		return 0, err
	}
	for _, part := range []string{"<title>Hello, world!</title>", "<dd>" + platform + "</dd>"} {
		if !strings.Contains(page, part) {
			return 0, fmt.Errorf("the page does not have %s", part)
		}
	}
	return stop(ctx, c)
}

// stop stops a container and tells how long that took. It is to end by itself,
// with status 0, long before the engine would kill it.
func stop(ctx context.Context, c *engines.Container) (time.Duration, error) {
	began := time.Now()
	if err := c.Command(ctx, "stop"); err != nil {
		return 0, err
	}
	took := time.Since(began)
	status, err := c.Ended(ctx)
	if err == nil && status != 0 {
		err = fmt.Errorf("stopped, it ended with status %d", status)
	}
	return took, err
}

// checkLoaded loads the image as //images:load does, and runs what that prints.
func checkLoaded(ctx context.Context, s *session, e engines.Engine) (string, error) {
	load, err := runfiles.Rlocation(os.Getenv("E2E_LOAD"))
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, load, "--images", s.options.images, "--engine", e.Client().Name, "--image", s.image.Repository)
	variables, err := runfiles.Env()
	if err != nil {
		return "", err
	}
	// What the list of images names is beside this program, not beside that.
	cmd.Env = append(os.Environ(), variables...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	line, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(load), err, stderr.String())
	}
	// In the foreground, as a user would.
	running, err := child.Start(exec.Command("sh", "-c", "exec "+string(line)))
	if err != nil {
		return "", err
	}
	defer running.Stop(15 * time.Second)
	if err := awaitHello(ctx); err != nil {
		return "", fmt.Errorf("%s: %w", line, err)
	}
	running.Stop(15 * time.Second)
	if err := running.Err(); err != nil {
		return "", fmt.Errorf("%s: stopped: %w", line, err)
	}
	return strings.TrimSpace(string(line)), nil
}

// checkHealth asks for the health in the container, when it is well and when it
// is not.
func checkHealth(ctx context.Context, s *session, e engines.Engine) (string, error) {
	c, err := s.launch(ctx, e, locks(e))
	if err != nil {
		return "", err
	}
	defer c.Remove(ctx)
	if _, err := c.Exec(ctx, "/hello", "-healthcheck"); err != nil {
		return "", fmt.Errorf("it is well: %w", err)
	}
	output, err := c.Exec(ctx, "/hello", "-healthcheck", "-listen", ":1")
	if err == nil || !strings.Contains(err.Error(), "no server on :1") {
		return "", fmt.Errorf("nothing listens on port 1, but the check says %q, %v", output, err)
	}
	return "exit status 0 when well, and if not 1 with the reason", nil
}

func milliseconds(d time.Duration) string { return d.Round(time.Millisecond).String() }
