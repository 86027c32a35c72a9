package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker/go-units"
)

// readDocker runs a script with a docker that only notes what it is asked.
func readDocker(t *testing.T, script string, env map[string]string) (container, error) {
	t.Helper()
	bin, err := filepath.Abs(filepath.Join("testdata", "bin"))
	if err != nil {
		return container{}, err
	}
	asked := t.TempDir()
	cmd := exec.Command("bash", "-c", script)
	cmd.Env = []string{"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "ASKED=" + asked}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return container{}, fmt.Errorf("%w: %s", err, out)
	}

	dockerfile, err := os.ReadFile(filepath.Join(asked, "Dockerfile"))
	if err != nil {
		return container{}, err
	}
	run, err := os.ReadFile(filepath.Join(asked, "run"))
	if err != nil {
		return container{}, err
	}
	var c container
	err = errors.Join(
		c.fromDockerfile(strings.TrimSuffix(string(dockerfile), "\n")),
		c.fromRun(strings.Split(strings.TrimSuffix(string(run), "\x00"), "\x00")),
	)
	return c, err
}

// fromDockerfile reads FROM and HEALTHCHECK.
func (c *container) fromDockerfile(text string) error {
	from, healthcheck, _ := strings.Cut(text, "\n")
	image, ok := strings.CutPrefix(from, "FROM ")
	c.Image = image
	flags, command, hasCommand := strings.Cut(strings.TrimPrefix(healthcheck, "HEALTHCHECK "), " CMD ")
	if !ok || !hasCommand {
		return fmt.Errorf("not the expected Dockerfile:\n%s", text)
	}
	options, err := parseOptions(strings.Fields(flags))
	if err != nil {
		return err
	}
	c.Check.Interval, err = time.ParseDuration(options.take("interval"))
	timeout, timeoutErr := time.ParseDuration(options.take("timeout"))
	c.Check.Timeout = timeout
	retries, retriesErr := strconv.Atoi(options.take("retries"))
	c.Check.Retries = retries
	return errors.Join(err, timeoutErr, retriesErr, options.rest(), json.Unmarshal([]byte(command), &c.Check.Command))
}

// fromRun reads the arguments of docker.
func (c *container) fromRun(args []string) error {
	if len(args) < 2 || args[0] != "run" || args[len(args)-1] != "sha256:built" {
		return fmt.Errorf("not the run of the image that was built: %q", args)
	}
	options, err := parseOptions(args[1 : len(args)-1])
	if err != nil {
		return err
	}
	_, detached := options["detach"]
	if !detached {
		return errors.New("it does not go to the background")
	}
	delete(options, "detach")
	delete(options, "name")

	publish := options.take("publish")
	colon := max(strings.LastIndexByte(publish, ':'), 0)
	c.Published = publish[:colon]
	c.Restarts = options.take("restart") == "unless-stopped"
	c.User = options.take("user")
	c.ReadOnlyRoot = options.take("read-only") == "true"
	c.NoSharedMemory = options.take("ipc") == "none"
	c.DropsCapabilities = strings.Split(options.take("cap-drop"), ",")
	c.NoNewPrivileges = options.take("security-opt") == "no-new-privileges"
	port, portErr := strconv.Atoi(strings.TrimPrefix(publish[colon:], ":"))
	c.Port = port
	cpus, cpusErr := strconv.ParseFloat(options.take("cpus"), 64)
	c.MilliCPUs = int64(cpus * 1000)
	memory, memoryErr := units.RAMInBytes(options.take("memory"))
	c.Memory = memory
	swap, swapErr := units.RAMInBytes(options.take("memory-swap"))
	c.MemoryAndSwap = swap
	processes, processesErr := strconv.ParseInt(options.take("pids-limit"), 10, 64)
	c.Processes = processes
	grace, graceErr := time.ParseDuration(options.take("stop-timeout") + "s")
	c.Grace = grace
	return errors.Join(portErr, cpusErr, memoryErr, swapErr, processesErr, graceErr, options.rest())
}

// options are those of a command line, --NAME=VALUE or --NAME, which is "true".
type options map[string]string

func parseOptions(args []string) (options, error) {
	parsed := options{}
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok {
			value = "true"
		}
		if _, twice := parsed[name]; twice || !strings.HasPrefix(name, "--") {
			return nil, fmt.Errorf("unexpected argument %q", arg)
		}
		parsed[strings.TrimPrefix(name, "--")] = value
	}
	return parsed, nil
}

// take returns an option's value, empty if it is missing, and removes it.
func (o options) take(name string) string {
	value := o[name]
	delete(o, name)
	return value
}

// rest fails if there are options that nobody took.
func (o options) rest() error {
	if len(o) > 0 {
		return fmt.Errorf("unexpected options %v", o)
	}
	return nil
}
