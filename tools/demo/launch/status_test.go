package launch

import (
	"os"
	"strings"
	"testing"
)

const nobodyStatus = `Name:	hello
Umask:	0022
State:	S (sleeping)
Uid:	65534	65534	65534	65534
Gid:	65534	65534	65534	65534
Groups:	 
CapInh:	0000000000000000
CapPrm:	0000000000000000
CapEff:	0000000000000000
CapBnd:	0000000000000000
CapAmb:	0000000000000000
NoNewPrivs:	1
Seccomp:	0
`

func TestCheckStatus(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, old, new, err string }{
		{name: "as it should be"},
		{"saved user", "Uid:\t65534\t65534\t65534", "Uid:\t65534\t65534\t0", `Uid "65534 65534 0 65534", not "65534 65534 65534 65534"`},
		{"group", "Gid:\t65534", "Gid:\t0", "Gid"},
		{"more groups", "Groups:\t ", "Groups:\t0 27", `Groups "0 27", not ""`},
		{"inheritable", "CapInh:\t0", "CapInh:\t1", "CapInh"},
		{"permitted", "CapPrm:\t0", "CapPrm:\t1", "CapPrm"},
		{"effective", "CapEff:\t0", "CapEff:\t1", "CapEff"},
		{"bounding", "CapBnd:\t0000000000000000", "CapBnd:\t0000000000000400", "CapBnd"},
		{"ambient", "CapAmb:\t0", "CapAmb:\t1", "CapAmb"},
		{"new privileges", "NoNewPrivs:\t1", "NoNewPrivs:\t0", `NoNewPrivs "0", not "1"`},
		{"old kernel", "CapAmb:", "CapXyz:", "does not tell CapAmb"},
		{"nothing", nobodyStatus, "", "does not tell Uid"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := checkStatus(strings.NewReader(strings.Replace(nobodyStatus, test.old, test.new, 1)), User{65534, 65534})
			if test.err == "" {
				if err != nil {
					t.Error(err)
				}
			} else if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("got error %v, want one with %q", err, test.err)
			}
		})
	}
}

func TestCheckProcess(t *testing.T) {
	t.Parallel()
	// Whoever runs this test is somebody else.
	if err := CheckProcess(os.Getpid(), User{2147483647, 2147483647}); err == nil || !strings.Contains(err.Error(), "the process has Uid") {
		t.Errorf("got error %v for this process", err)
	}
}
