package main

import (
	"maps"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/e2e/probe/report"
)

// locked is what the probe sees where every lock holds.
func locked() report.Report {
	const nobody = "65534 65534 65534 65534"
	return report.Report{
		UID: 65534, GID: 65534, NoNewPrivileges: true,
		Status: map[string]string{
			"Uid": nobody, "Gid": nobody, "Seccomp": "2",
			"CapEff": noCapabilities, "CapPrm": noCapabilities, "CapBnd": noCapabilities,
		},
		Programs: []string{"/hello"},
		Writable: []string{"/proc/pressure/cpu"},
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	status := func(name, value string) func(*report.Report) {
		return func(r *report.Report) {
			r.Status = maps.Clone(r.Status)
			r.Status[name] = value
		}
	}
	for want, change := range map[string]func(*report.Report){
		"":                           func(*report.Report) {},
		"the probe's user and group": func(r *report.Report) { r.GID = 0 },
		"Uid: 0 0 0 0":               status("Uid", "0 0 0 0"),
		"Gid":                        status("Gid", "65534 0 65534 65534"),
		"CapEff":                     status("CapEff", "00000000a80425fb"),
		"CapPrm":                     status("CapPrm", "00000000a80425fb"),
		"CapBnd":                     status("CapBnd", "00000000a80425fb"),
		"Seccomp: 0, not 2":          status("Seccomp", "0"),
		"no_new_privs":               func(r *report.Report) { r.NoNewPrivileges = false },
		"what is writable: [/etc/]":  func(r *report.Report) { r.Writable = append(r.Writable, "/etc/") },
		"set-user-ID":                func(r *report.Report) { r.Privileged = []string{"/bin/su"} },
		"programs: [/bin/sh /hello]": func(r *report.Report) { r.Programs = []string{"/bin/sh", "/hello"} },
	} {
		r := locked()
		change(&r)
		if err := judge(r, docker, ""); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// TestJudgeSandbox: gVisor's filter is that of its own process.
func TestJudgeSandbox(t *testing.T) {
	t.Parallel()
	r := locked()
	r.Status["Seccomp"] = "0"
	if err := judge(r, runsc, "Name:\trunsc\nSeccomp:\t2\nSeccomp_filters:\t1\n"); err != nil {
		t.Error(err)
	}
	if err := judge(r, runsc, "Name:\trunsc\nSeccomp:\t0\n"); err == nil {
		t.Error("a sandbox without a filter passes")
	}
}
