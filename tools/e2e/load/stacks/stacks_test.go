package stacks_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/e2e/load/stacks"
	"github.com/google/go-cmp/cmp"
)

var atRest = []string{
	"main goroutine in main.serve [select]",
	"goroutine of os/signal.Notify.func2.1 in os/signal.signal_recv [syscall]",
	"goroutine of main.main in main.main.func1 [chan receive]",
	"goroutine of main.serve in net.(*netFD).accept [IO wait]",
}

// The files are what hello wrote, at rest and with three heads half sent and one
// connection idle.
func TestDumps(t *testing.T) {
	t.Parallel()
	connection := "goroutine of net/http.(*Server).Serve in net.(*netFD).Read [IO wait]"
	connections := []string{connection, connection, connection, connection}
	for _, test := range []struct {
		file            string
		all, unexpected []string
	}{
		{file: "at_rest.txt", all: atRest},
		{file: "four_connections.txt", all: append(atRest[:len(atRest):len(atRest)], connections...), unexpected: connections},
	} {
		t.Run(test.file, func(t *testing.T) {
			t.Parallel()
			all, err := stacks.Parse(read(t, test.file))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.all, lines(all)); diff != "" {
				t.Errorf("all, -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(test.unexpected, lines(stacks.Unexpected(all))); diff != "" {
				t.Errorf("unexpected, -want +got:\n%s", diff)
			}
		})
	}
}

// A server may leak what is not of net/http.
func TestLeakOfItsOwn(t *testing.T) {
	t.Parallel()
	const leaked = "goroutine 51 [chan receive, 9 minutes]:\nmain.watch(0xc00001)\n\t/src/watch.go:7 +0x1\n" +
		"created by main.(*connections).Accept in goroutine 23\n\t/src/accept.go:12 +0x7\n\n"
	all, err := stacks.Parse("SIGQUIT: quit\nPC=0x1\n\n" + leaked + leaked + leaked +
		"goroutine 1 [select]:\nmain.main()\n\t/src/main.go:3\n\nrax 0x0\n")
	if err != nil {
		t.Fatal(err)
	}
	want := "goroutine of main.(*connections).Accept in main.watch [chan receive, 9 minutes]"
	if diff := cmp.Diff([]string{want, want}, lines(stacks.Unexpected(all))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	dump := read(t, "at_rest.txt")
	const cutOff = "the goroutine dump is cut off; was it read before the program had ended?"
	for name, test := range map[string]struct{ output, err string }{
		"no dump":        {`{"msg":"listening"}` + "\n", "there is no goroutine dump (a line SIGQUIT: quit) in the program's output of 20 bytes"},
		"only the start": {dump[:strings.Index(dump, "goroutine 1 ")], cutOff},
		"cut off":        {dump[:strings.Index(dump, "goroutine 269 ")], cutOff},
		"in a log":       {`{"msg":"SIGQUIT: quit"}`, "there is no goroutine dump (a line SIGQUIT: quit) in the program's output of 23 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all, err := stacks.Parse(test.output)
			if err == nil || err.Error() != test.err {
				t.Errorf("got %v and error %v, want %q", all, err, test.err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("SIGQUIT: quit\n\ngoroutine 1 [select]:\nmain.main()\n\t/src/main.go:3\n\nrax 0x0\n")
	f.Add("SIGQUIT: quit\n\ngoroutine 1 [\n)\ncreated by )")
	f.Fuzz(func(t *testing.T, output string) {
		all, err := stacks.Parse(output)
		if err == nil && len(all) == 0 {
			t.Error("neither goroutines nor an error")
		}
		if unexpected := stacks.Unexpected(all); len(unexpected) > len(all) {
			t.Errorf("%d of %d goroutines are unexpected", len(unexpected), len(all))
		}
	})
}

func lines(all []stacks.Goroutine) (lines []string) {
	for _, g := range all {
		lines = append(lines, g.String())
	}
	return lines
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
