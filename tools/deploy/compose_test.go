package deploy

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// readCompose reads a file as docker compose does, which validates it against the
// schema of the Compose Specification.
func readCompose(t *testing.T, text string, env map[string]string) (container, error) {
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		ConfigFiles: []types.ConfigFile{{Filename: "compose.yaml", Content: []byte(text)}},
		Environment: env,
	}, func(o *loader.Options) {
		o.SetProjectName("hello", true)
		// It would add networks and the like that the file does not have.
		o.SkipNormalization = true
	})
	if err != nil {
		return container{}, err
	}
	service, err := project.GetService("hello")
	if err != nil {
		return container{}, err
	}
	if len(service.Ports) != 1 {
		return container{}, fmt.Errorf("it has %d ports, not 1", len(service.Ports))
	}
	port := take(&service.Ports)[0]
	c := container{
		Image:             take(&service.Image),
		Published:         port.Published,
		Port:              int(port.Target),
		Restarts:          take(&service.Restart) == types.RestartPolicyUnlessStopped,
		User:              take(&service.User),
		ReadOnlyRoot:      take(&service.ReadOnly),
		NoSharedMemory:    take(&service.Ipc) == "none",
		DropsCapabilities: take(&service.CapDrop),
		NoNewPrivileges:   slices.Equal(take(&service.SecurityOpt), []string{"no-new-privileges"}),
		MilliCPUs:         int64(take(&service.CPUS) * 1000),
		Memory:            int64(take(&service.MemLimit)),
		MemoryAndSwap:     int64(take(&service.MemSwapLimit)),
		Processes:         take(&service.PidsLimit),
	}
	if port.HostIP != "" {
		c.Published = port.HostIP + ":" + port.Published
	}
	if grace := take(&service.StopGracePeriod); grace != nil {
		c.Grace = time.Duration(*grace)
	}
	if check := take(&service.HealthCheck); check != nil {
		if len(check.Test) == 0 || check.Test[0] != "CMD" || check.Interval == nil || check.Timeout == nil || check.Retries == nil {
			return container{}, fmt.Errorf("not the expected health check: %+v", check)
		}
		c.Check.Command = check.Test[1:]
		c.Check.Interval = time.Duration(*check.Interval)
		c.Check.Timeout = time.Duration(*check.Timeout)
		c.Check.Retries = int(*check.Retries)
	}
	if diff := cmp.Diff(types.ServiceConfig{Name: "hello"}, service, cmpopts.EquateEmpty()); diff != "" {
		return container{}, fmt.Errorf("it asks for more than expected:\n%s", diff)
	}
	return c, nil
}
