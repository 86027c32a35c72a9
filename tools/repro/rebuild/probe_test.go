package rebuild

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/reproducible-images/tools/repro/variation"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	setting := variation.Setting{
		Workspace: "w", OutputBase: "o", User: &variation.User{UID: 5}, Hostname: "h", OneCPU: true,
		Locale: "et_EE.UTF-8", Go: variation.OtherGo, ClockAhead: 1000 * time.Hour,
	}
	paths := newPaths("/d", setting)
	good := map[string]string{
		"uid": "5", "host": "h", "cpus": "1", "sorted": "zt", "zone": "+1400", "folder": "/d/o/sandbox/1",
		"go": "/d/o/repro/go/bin/go", "GOROOT": "/d/o/repro/go", "time": fmt.Sprint(time.Now().Add(1000 * time.Hour).Unix()),
	}
	if err := check(good, setting, paths); err != nil {
		t.Error(err)
	}
	for key := range good {
		for _, value := range []string{"", fmt.Sprint(time.Now().Unix())} {
			seen := maps.Clone(good)
			seen[key] = value
			err := check(seen, setting, paths)
			if want := "the variation did not reach the build: its actions see " + key + "=" + value; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		}
	}
}

func TestReadProbe(t *testing.T) {
	t.Parallel()
	workspace := t.TempDir()
	if _, err := readProbe(workspace); err == nil || !strings.Contains(err.Error(), "what the build sees is not known") {
		t.Errorf("got %v, want an error", err)
	}
	file := filepath.Join(workspace, "bazel-bin/repro_probe/probe.txt")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("uid=1\nfolder=/a b=c\nGOROOT=\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	seen, err := readProbe(workspace)
	if err != nil || seen["uid"] != "1" || seen["folder"] != "/a b=c" || seen["GOROOT"] != "" {
		t.Errorf("got %q, %v", seen, err)
	}
}
