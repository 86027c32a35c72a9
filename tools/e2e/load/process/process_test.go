package process_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"example.com/reproducible-images/tools/e2e/load/process"
	"github.com/google/go-cmp/cmp"
)

// stat is of a process whose name is as unpleasant as names may be.
const stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 5 0 4711 1 1\n"

const status = `Name:	hello
VmPeak:	 1234567 kB
VmRSS:	   12345 kB
RssAnon:	    6789 kB
Threads:	5
`

func proc(files map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for name, text := range files {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return root
}

func process7() map[string]string {
	return map[string]string{
		"proc/7/stat": stat, "proc/7/status": status,
		"proc/7/fd/0": "", "proc/7/fd/1": "", "proc/7/fd/2": "", "proc/7/fd/17": "",
	}
}

func TestLook(t *testing.T) {
	t.Parallel()
	root := proc(process7())
	p, err := process.Open(root, 7)
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Look()
	if err != nil {
		t.Fatal(err)
	}
	want := process.Sample{Files: 4, Threads: 5, Resident: 12345 << 10, Anonymous: 6789 << 10}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for what, change := range map[string]func(fstest.MapFS){
		"another process": func(m fstest.MapFS) {
			m["proc/7/stat"] = &fstest.MapFile{Data: []byte(strings.Replace(stat, "4711", "4712", 1))}
		},
		"a zombie": func(m fstest.MapFS) {
			m["proc/7/stat"] = &fstest.MapFile{Data: []byte(strings.Replace(stat, ") S", ") Z", 1))}
		},
		"nothing": func(m fstest.MapFS) { clear(m) },
	} {
		before := maps.Clone(root)
		change(root)
		if sample, err := p.Look(); !errors.Is(err, process.ErrGone) {
			t.Errorf("now %s: %+v and error %v", what, sample, err)
		}
		clear(root)
		maps.Copy(root, before)
	}
	delete(root, "proc/7/status")
	if _, err := p.Look(); err == nil || errors.Is(err, process.ErrGone) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without status: error %v", err)
	}
}

func TestLookAtThisProcess(t *testing.T) {
	t.Parallel()
	p, err := process.Open(os.DirFS("/"), os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Look()
	if err != nil {
		t.Fatal(err)
	}
	if got.Files < 3 || got.Threads < 1 || got.Anonymous < 1<<20 || got.Resident < got.Anonymous {
		t.Errorf("%+v", got)
	}
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	if _, err := process.Open(proc(nil), 7); !errors.Is(err, process.ErrGone) {
		t.Errorf("no process: error %v", err)
	}
	if _, err := process.Open(proc(map[string]string{"proc/7/stat": "7 (x) S 1\n"}), 7); err == nil {
		t.Error("a short stat file: no error")
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	version1 := map[string]string{
		"proc/7/cgroup": "5:cpu,cpuacct:/other\n4:memory:/docker/x\n0::/\n",
		"sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes":     "33554432\n",
		"sys/fs/cgroup/memory/docker/x/memory.usage_in_bytes":     "1000\n",
		"sys/fs/cgroup/memory/docker/x/memory.max_usage_in_bytes": "2000\n",
		"sys/fs/cgroup/memory/docker/x/memory.failcnt":            "3\n",
		"sys/fs/cgroup/memory/docker/x/memory.oom_control":        "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n",
	}
	version2 := map[string]string{
		"proc/7/cgroup": "0::/system.slice/docker-x.scope\n",
		"sys/fs/cgroup/system.slice/docker-x.scope/memory.max":     "33554432\n",
		"sys/fs/cgroup/system.slice/docker-x.scope/memory.current": "1000\n",
		"sys/fs/cgroup/system.slice/docker-x.scope/memory.peak":    "2000\n",
		"sys/fs/cgroup/system.slice/docker-x.scope/memory.events":  "low 0\nhigh 0\nmax 3\noom 9\noom_kill 4\noom_group_kill 0\n",
	}
	full := process.Memory{Limit: 32 << 20, Usage: 1000, Peak: 2000, Reached: 3, Kills: 4}
	with := func(base map[string]string, changes ...string) map[string]string {
		files := maps.Clone(base)
		for i := 0; i < len(changes); i += 2 {
			files[changes[i]] = changes[i+1]
		}
		return files
	}
	without := func(base map[string]string, name string) map[string]string {
		files := maps.Clone(base)
		delete(files, name)
		return files
	}
	unlimited := full
	unlimited.Limit = process.Unlimited
	noPeak := full
	noPeak.Peak = 0
	scope := "sys/fs/cgroup/system.slice/docker-x.scope/"
	for name, test := range map[string]struct {
		files map[string]string
		want  process.Memory
		err   string
	}{
		"version 1":  {files: version1, want: full},
		"version 2":  {files: version2, want: full},
		"old kernel": {files: without(version2, scope+"memory.peak"), want: noPeak},
		"limit above": {
			files: with(version2, "proc/7/cgroup", "0::/system.slice/docker-x.scope/inner\n",
				scope+"inner/memory.max", "max\n", scope+"inner/memory.current", "1\n", scope+"inner/memory.events", "max 0\noom_kill 0\n"),
			want: full,
		},
		"no limit, version 1": {
			files: with(version1, "proc/7/cgroup", "4:memory:/\n",
				"sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n",
				"sys/fs/cgroup/memory/memory.usage_in_bytes", "1000\n",
				"sys/fs/cgroup/memory/memory.max_usage_in_bytes", "2000\n",
				"sys/fs/cgroup/memory/memory.failcnt", "3\n",
				"sys/fs/cgroup/memory/memory.oom_control", "oom_kill 4\n"),
			want: unlimited,
		},
		"no limit, version 2": {files: with(version2, scope+"memory.max", "max\n"), want: unlimited},
		"no cgroup":           {files: with(version2, "proc/7/cgroup", "1:name=systemd:/\n"), err: "proc/7/cgroup names none"},
		"no file":             {files: without(version2, "proc/7/cgroup"), err: process.ErrGone.Error()},
		"no number":           {files: with(version1, "proc/7/cgroup", "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes", "many\n"), err: `"many"`},
		"no kills":            {files: with(version1, "sys/fs/cgroup/memory/docker/x/memory.oom_control", "oom_kill_disable 0\n"), err: "oom_kill"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := process7()
			maps.Copy(files, test.files)
			p, err := process.Open(proc(files), 7)
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.Memory()
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want %q", err, test.err)
			}
		})
	}
}
