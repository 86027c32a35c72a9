// Package deploy tests the examples of docs/deploy: that each is valid, that all
// of them run the image in the same way, behind every lock, and that it is the way
// the image is made for.
package deploy

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"example.com/reproducible-images/tools/demo/hellotest"
	"example.com/reproducible-images/tools/digests"
)

// container is how an example runs the image, in the terms of all of them.
type container struct {
	Image     string
	Published string // host's port, empty where the example publishes none
	Port      int    // that the server listens on
	Restarts  bool   // after a crash

	User              string // UID:GID
	ReadOnlyRoot      bool
	NoSharedMemory    bool
	DropsCapabilities []string
	NoNewPrivileges   bool
	Unconfined        bool // not confined by the runtime's seccomp profile

	MilliCPUs     int64
	Memory        int64 // bytes
	MemoryAndSwap int64 // bytes, 0 where the host decides
	Processes     int64 // 0 where the host decides

	Check check
	Grace time.Duration // from SIGTERM to SIGKILL
}

// check is the health check.
type check struct {
	Command           []string
	Interval, Timeout time.Duration
	Retries           int
}

// wanted is what all examples are to ask for.
var wanted = container{
	Image:             "registry.example.com/team/hello:v1.0.0",
	Published:         "8060",
	Port:              8060,
	Restarts:          true,
	User:              "65534:65534",
	ReadOnlyRoot:      true,
	NoSharedMemory:    true,
	DropsCapabilities: []string{"ALL"},
	NoNewPrivileges:   true,
	MilliCPUs:         1000,
	Memory:            32 << 20,
	MemoryAndSwap:     32 << 20,
	Processes:         64,
	Check: check{
		Command:  []string{"/hello", "-healthcheck"},
		Interval: 10 * time.Second,
		Timeout:  5 * time.Second,
		Retries:  3,
	},
	Grace: 15 * time.Second,
}

// examples are the files. Each read fails on what is invalid, and on whatever the
// file asks for beyond what a container tells.
var examples = []struct {
	file string
	read func(t *testing.T, text string, env map[string]string) (container, error)
	// differ is where the file cannot say what the others do.
	differ func(*container)
	// free are the lines that may be otherwise, or missing, as far as the test
	// is concerned.
	free []string
}{
	{
		file:   "docker.sh",
		read:   readDocker,
		differ: func(*container) {},
		free:   []string{"set -euo pipefail", "--name=hello"},
	},
	{
		file:   "compose.yaml",
		read:   readCompose,
		differ: func(*container) {},
	},
	{
		file: "kubernetes.yaml",
		read: func(_ *testing.T, text string, _ map[string]string) (container, error) { return readKubernetes(text) },
		differ: func(c *container) {
			c.Published = ""         // a Service, not a port of the node
			c.NoSharedMemory = false // every pod has /dev/shm
			c.MemoryAndSwap = 0      // the kubelet's --fail-swap-on and memorySwap
			c.Processes = 0          // the kubelet's podPidsLimit
		},
	},
}

func TestExamplesAgree(t *testing.T) {
	t.Parallel()
	for _, example := range examples {
		t.Run(example.file, func(t *testing.T) {
			t.Parallel()
			want := wanted
			example.differ(&want)
			got, err := example.read(t, source(t, example.file), nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Every line counts: without it the file asks for something else, or is invalid.
func TestNoLineCanGo(t *testing.T) {
	t.Parallel()
	for _, example := range examples {
		t.Run(example.file, func(t *testing.T) {
			t.Parallel()
			want := wanted
			example.differ(&want)
			text := source(t, example.file)
			lines := strings.SplitAfter(text, "\n")
			free := slices.Clone(example.free)
			for i, line := range lines {
				trimmed := strings.TrimSuffix(strings.TrimSpace(line), " \\")
				if trimmed == "" || strings.HasPrefix(trimmed, "#") || strings.HasPrefix(trimmed, "labels:") {
					continue
				}
				without := strings.Join(slices.Delete(slices.Clone(lines), i, i+1), "")
				got, err := example.read(t, without, nil)
				counts := err != nil || !cmp.Equal(want, got)
				if j := slices.Index(free, trimmed); j >= 0 {
					free = slices.Delete(free, j, j+1)
					if counts {
						t.Errorf("line %d counts, though listed as free: %s", i+1, trimmed)
					}
				} else if !counts {
					t.Errorf("line %d can be missing: %s", i+1, trimmed)
				}
			}
			if len(free) > 0 {
				t.Errorf("no such lines: %q", free)
			}
		})
	}
}

func TestWhatLoosensIsSeen(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ file, old, new string }{
		{"docker.sh", "--read-only", "--read-only --privileged"},
		{"docker.sh", "--read-only", "--read-only --volume=/:/host"},
		{"docker.sh", "--cap-drop=ALL", "--cap-drop=ALL --cap-add=NET_RAW"},
		{"docker.sh", "no-new-privileges", "seccomp=unconfined"},
		{"docker.sh", `CMD ["/hello", "-healthcheck"]`, "CMD /hello -healthcheck"},
		{"compose.yaml", "read_only: true", "read_only: true\n    privileged: true"},
		{"compose.yaml", "read_only: true", "read_only: true\n    read_onyl: true"},
		{"compose.yaml", "read_only: true", "read_only: true\n    volumes: [/:/host]"},
		{"compose.yaml", "[no-new-privileges]", "[no-new-privileges, seccomp=unconfined]"},
		{"compose.yaml", "[CMD, /hello, -healthcheck]", "/hello -healthcheck"},
		{"kubernetes.yaml", "enableServiceLinks: false", "enableServiceLinks: false\n      hostNetwork: true"},
		{"kubernetes.yaml", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: true\n            readonlyRootFilesystem: true"},
		{"kubernetes.yaml", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: true\n            readOnlyRootFilesystem: true"},
		{"kubernetes.yaml", "drop: [ALL]", "drop: [ALL], add: [NET_BIND_SERVICE]"},
		{"kubernetes.yaml", "type: RuntimeDefault", "type: Unconfined"},
		{"kubernetes.yaml", "runAsNonRoot: true", "runAsNonRoot: false"},
		{"kubernetes.yaml", "limits: {cpu: \"1\", memory: 32Mi}", "limits: {cpu: \"1\", memory: 32M}"},
		{"kubernetes.yaml", "[Ingress, Egress]", "[Ingress]"},
	} {
		t.Run(test.file+"/"+test.new, func(t *testing.T) {
			t.Parallel()
			text := source(t, test.file)
			loose := strings.Replace(text, test.old, test.new, 1)
			if loose == text {
				t.Fatalf("%s is not in there", test.old)
			}
			for _, example := range examples {
				if example.file != test.file {
					continue
				}
				want := wanted
				example.differ(&want)
				if got, err := example.read(t, loose, nil); err == nil && cmp.Equal(want, got) {
					t.Error("it passes")
				}
			}
		})
	}
}

func TestImageAndPortFromEnvironment(t *testing.T) {
	t.Parallel()
	for _, example := range examples {
		if example.file == "kubernetes.yaml" {
			continue // kubectl has no such thing
		}
		t.Run(example.file, func(t *testing.T) {
			t.Parallel()
			want := wanted
			want.Image, want.Published = "localhost:5000/x@sha256:00", "127.0.0.1:80"
			got, err := example.read(t, source(t, example.file), map[string]string{"IMAGE": want.Image, "PUBLISH": want.Published})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The image is the recorded one, which its own test compares with what is built.
func TestSuitsImage(t *testing.T) {
	t.Parallel()
	recorded, err := digests.Read(filepath.Join("..", "..", "images", "digests.json"))
	if err != nil {
		t.Fatal(err)
	}
	platforms := recorded["//images:hello"].Platforms
	if len(platforms) == 0 {
		t.Fatal("//images:hello is not recorded")
	}
	for _, platform := range platforms {
		var file v1.ConfigFile
		if err := json.Unmarshal(platform.Config, &file); err != nil {
			t.Fatal(err)
		}
		want := v1.Config{
			User:         wanted.User,
			ExposedPorts: map[string]struct{}{"8060/tcp": {}},
			Entrypoint:   wanted.Check.Command[:1],
		}
		got := v1.Config{User: file.Config.User, ExposedPorts: file.Config.ExposedPorts, Entrypoint: file.Config.Entrypoint}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", platform.Platform, diff)
		}
		if name := "hello:" + file.Config.Labels["org.opencontainers.image.version"]; !strings.HasSuffix(wanted.Image, "/"+name) {
			t.Errorf("%s: the examples run %s, not %s", platform.Platform, wanted.Image, name)
		}
	}
}

var defaultShutdownTimeout = regexp.MustCompile(`(?s)-shutdown-timeout DURATION\n.*?\(default (\S+)\)`)

// Not parallel: a file that was written can only be run once no process has it
// open, not even one that is being started.
func TestSuitsServer(t *testing.T) {
	hello := filepath.Join(t.TempDir(), "hello")
	if err := os.WriteFile(hello, hellotest.Binary(t), 0o700); err != nil {
		t.Fatal(err)
	}

	help, err := exec.Command(hello, append(wanted.Check.Command[1:], "-help")...).CombinedOutput()
	if err != nil {
		t.Fatalf("hello does not know the health check's flags: %v\n%s", err, help)
	}
	match := defaultShutdownTimeout.FindSubmatch(help)
	if match == nil {
		t.Fatalf("hello -help does not tell the default of -shutdown-timeout:\n%s", help)
	}
	shutdown, err := time.ParseDuration(string(match[1]))
	if err != nil {
		t.Fatal(err)
	}
	if wanted.Grace <= shutdown {
		t.Errorf("SIGKILL after %v would cut off what hello grants %v", wanted.Grace, shutdown)
	}
}

// source returns the text of an example.
func source(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "deploy", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// take returns a field's value and leaves none, so that in the end what nobody
// asked about is still there.
func take[T any](field *T) T {
	value := *field
	*field = *new(T)
	return value
}
