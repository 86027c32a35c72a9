package main

import (
	"context"
	"os/exec"

	"example.com/reproducible-images/tools/e2e/engines"
)

// checkArm64 runs the image for arm64, whose program qemu's user mode emulation
// runs: bind-mounted, so that the machine needs no registered binary format.
func checkArm64(ctx context.Context, s *session, e engines.Engine) (string, error) {
	const platform = "linux/arm64"
	if err := engines.Need("qemu-aarch64-static"); err != nil {
		return "", err
	}
	qemu, err := exec.LookPath("qemu-aarch64-static")
	if err != nil {
		return "", err
	}
	if err := pull(ctx, e, s.reference(), "--platform", platform); err != nil {
		return "", err
	}
	flags := []string{
		"--platform", platform,
		"--read-only", "--security-opt", "no-new-privileges", "--cap-drop", "ALL",
		"--volume", qemu + ":/qemu:ro", "--entrypoint", "/qemu",
		"--publish", published,
	}
	c, err := s.launch(ctx, e, flags, "/hello")
	if err != nil {
		return "", err
	}
	defer c.Remove(ctx)
	took, err := checkPages(ctx, c, platform)
	if err != nil {
		return "", err
	}
	return "it says that it is " + platform + "; stopped in " + milliseconds(took), nil
}
