package main

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPrintTable(t *testing.T) {
	t.Parallel()
	good := result{check: check{name: "page", runtime: docker}, seen: "two\nlines"}
	bad := result{check: check{name: "locked", runtime: podman}, err: errors.New("open\n")}
	for _, test := range []struct {
		results []result
		passed  bool
		want    string
	}{
		{[]result{good}, true, `
RUNTIME  CHECK  RESULT
docker   page   ok: two
                lines

1 checks, 0 failed
`},
		{[]result{good, bad}, false, `
RUNTIME  CHECK   RESULT
docker   page    ok: two
                 lines
podman   locked  FAILED: open

2 checks, 1 failed
`},
	} {
		var out bytes.Buffer
		passed, err := printTable(&out, test.results)
		if err != nil || passed != test.passed {
			t.Errorf("passed %t, %v; want %t", passed, err, test.passed)
		}
		if diff := cmp.Diff(test.want, out.String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
