package publish

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVersions(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"", "1.0.0", "v1.0", "v1", "v1.0.0-rc1", "v1.0.0+x", "v01.0.0", "v1.0.0.0", "v-1.0.0", "latest", "v1.0.0\n"} {
		if isVersion(tag) {
			t.Errorf("%q is a version", tag)
		}
	}
	want := []string{"v0.0.0", "v0.0.9", "v0.0.10", "v0.1.0", "v0.10.0", "v1.0.0", "v2.0.0", "v10.0.0", "v10.0.9223372036854775808", "v10.0.18446744073709551616"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, compareVersions)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}
