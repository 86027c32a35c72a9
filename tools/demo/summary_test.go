package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSummary(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	err := writeSummary(&got, []imageRow{
		{image: "hello", platform: "index", digest: "sha256:11"},
		{image: "hello", platform: "linux/amd64", compressed: 2_300_000, uncompressed: 5_400_000, digest: "sha256:22"},
		{image: "team/goodbye", platform: "linux/arm64", compressed: 999, uncompressed: 1_200_000_000, digest: "sha256:33"},
	}, []stepRow{
		{"push", 1234 * time.Millisecond, "hello:v1.0.0 hello:latest"},
		{"start", 4 * time.Millisecond, "200 OK"},
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `IMAGE         PLATFORM     COMPRESSED  UNCOMPRESSED  DIGEST
hello         index        -           -             sha256:11
hello         linux/amd64  2.3 MB      5.4 MB        sha256:22
team/goodbye  linux/arm64  999 B       1.2 GB        sha256:33

STEP   TIME    RESULT
push   1.23 s  hello:v1.0.0 hello:latest
start  0.00 s  200 OK
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
