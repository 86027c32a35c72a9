package engines

import (
	"context"
	"fmt"
	"path/filepath"
)

// SetUpPodman gives podman a storage and a configuration in dir. Every podman
// that this process starts uses them from then on.
func SetUpPodman(ctx context.Context, dir string) (Engine, error) {
	if err := Need("podman", "runc"); err != nil {
		return Engine{}, err
	}
	containers, storage := filepath.Join(dir, "containers.conf"), filepath.Join(dir, "storage.conf")
	err := writeFiles(map[string]string{
		// runc, as crun refuses a machine with cgroups of both versions; no
		// systemd, which does not know our processes' numbers; and limits
		// that are below what such a machine has.
		containers: fmt.Sprintf(`[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
http_proxy = false
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = %q
[network]
network_config_dir = %q
`, filepath.Join(dir, "tmp"), filepath.Join(dir, "networks")),
		storage: fmt.Sprintf(`[storage]
driver = "overlay"
graphroot = %q
runroot = %q
`, filepath.Join(dir, "data"), filepath.Join(dir, "run")),
	})
	if err != nil {
		return Engine{}, err
	}
	err = setEnvironment(map[string]string{"CONTAINERS_CONF": containers, "CONTAINERS_STORAGE_CONF": storage})
	if err != nil {
		return Engine{}, err
	}
	client, err := find(ctx, "podman")
	if err != nil {
		return Engine{}, err
	}
	return Engine{Name: "podman", client: client}, nil
}
