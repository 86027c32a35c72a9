package wrk_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/reproducible-images/tools/e2e/load/wrk"
	"github.com/google/go-cmp/cmp"
)

// The files are what wrk 4.1.0 printed.
func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		file        string
		connections int
		want        wrk.Result
		problem     string
	}{
		{
			file: "clean.txt", connections: 64,
			want: wrk.Result{Requests: 17640, PerSecond: 16082.04, Median: 3060 * time.Microsecond, P99: 104500 * time.Microsecond},
		},
		{
			file: "not_found.txt", connections: 64,
			want:    wrk.Result{Requests: 17194, PerSecond: 16723.68, Median: 3120 * time.Microsecond, P99: 24260 * time.Microsecond, Status: 17194},
			problem: "17194 answers neither 2xx nor 3xx",
		},
		{
			file: "server_ended.txt", connections: 16,
			want:    wrk.Result{Requests: 10696, PerSecond: 9626.04, Median: 198 * time.Microsecond, P99: 29440 * time.Microsecond, Read: 16, Write: 12072},
			problem: "12072 writes failed",
		},
		{
			file: "timeouts.txt", connections: 16,
			want:    wrk.Result{Requests: 2384, PerSecond: 582.53, Median: 159 * time.Microsecond, P99: 2300 * time.Microsecond, Timeout: 32},
			problem: "32 requests waited over 2s",
		},
		{
			file: "no_answer.txt", connections: 16,
			problem: "0 answers over 16 connections",
		},
	} {
		t.Run(test.file, func(t *testing.T) {
			t.Parallel()
			got, err := wrk.Parse(read(t, test.file))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got := got.Problem(test.connections); got != test.problem {
				t.Errorf("problem %q, want %q", got, test.problem)
			}
		})
	}
}

// TestClosedConnections: few requests may meet a connection that is being closed.
func TestClosedConnections(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		p99     time.Duration
		read    int
		problem string
	}{
		{100 * time.Millisecond, 50, ""},
		{100 * time.Millisecond, 51, "51 reads failed"},
		{time.Second, 500, ""},
		{time.Second, 501, "501 reads failed"},
	} {
		r := wrk.Result{Requests: 10_000, P99: test.p99, Read: test.read}
		if got := r.Problem(64); got != test.problem {
			t.Errorf("%d of 10,000, p99 %v: problem %q, want %q", test.read, test.p99, got, test.problem)
		}
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	clean := read(t, "clean.txt")
	for name, test := range map[string]struct{ output, err string }{
		"nothing":       {"", `there is no line "50%"`},
		"cut off":       {clean[:strings.Index(clean, "Requests/sec")], `there is no line "Requests/sec:"`},
		"no unit":       {strings.Replace(clean, "3.06ms", "3.06", 1), `missing unit`},
		"negative":      {strings.Replace(clean, "3.06ms", "-3.06ms", 1), `time is negative`},
		"other number":  {strings.Replace(clean, "17640 requests", "1.7k requests", 1), `invalid syntax`},
		"other errors":  {clean + "  Socket errors: connect 0, read 1\n", `Socket errors`},
		"other answers": {clean + "  Non-2xx or 3xx responses: many\n", `invalid syntax`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, err := wrk.Parse(test.output)
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("got %+v and error %v, want %q in it", result, err, test.err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatalf("%d files, error %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, output string) {
		result, err := wrk.Parse(output)
		if err != nil && result != (wrk.Result{}) {
			t.Errorf("error %v with a result: %+v", err, result)
		}
	})
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
