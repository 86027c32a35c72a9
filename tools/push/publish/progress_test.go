package publish

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func report(live bool) string {
	var out bytes.Buffer
	r := NewReporter(&out, live)
	digest := v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("0123456789abcdef", 4)}
	r.Start(2, 3_000_000)
	r.Sent(1_000_000)
	r.Blob("localhost:5000/hello", digest, 2_000_000, false)
	r.Blob("localhost:5000/hello", digest, 1_000_000, true)
	r.Tagged("localhost:5000/hello:latest")
	r.Close()
	return out.String()
}

func TestReporterPlain(t *testing.T) {
	t.Parallel()
	want := `2 blobs, 3.0 MB
localhost:5000/hello  sha256:0123456789ab    2.0 MB  already in the registry
localhost:5000/hello  sha256:0123456789ab    1.0 MB  uploaded
localhost:5000/hello:latest  tagged
`
	if diff := cmp.Diff(want, report(false)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What a terminal shows in the end is the plain report.
func TestReporterLive(t *testing.T) {
	t.Parallel()
	live := report(true)
	if want := "1 of 2 blobs, 3.0 MB of 3.0 MB (2.0 MB already in the registry)"; !strings.Contains(live, want) {
		t.Errorf("%q does not contain %q", live, want)
	}
	var shown strings.Builder
	for line := range strings.Lines(live) {
		shown.WriteString(line[strings.LastIndex(line, eraseLine)+len(eraseLine):])
	}
	if diff := cmp.Diff(report(false), shown.String()); diff != "" {
		t.Errorf("(-plain +shown):\n%s", diff)
	}
}
