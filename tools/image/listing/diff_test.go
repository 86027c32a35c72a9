package listing

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parse(t testing.TB, lines ...string) Listing {
	t.Helper()
	l, err := Parse(strings.NewReader(strings.Join(lines, "\n")))
	check(t, err)
	return l
}

func TestDiff(t *testing.T) {
	long := strings.Repeat("é", 400)
	before := parse(t,
		"index digest: 1",
		"p config .rootfs.diff_ids: []",
		"p config .User: 0",
		"p config .Env: a"+long+"b",
		"p config digest: 1",
		"p layer 1 /a digest: 1",
		"p layer 1 /a size: 1",
		"p layer 1 /b type: file",
		"p layer 1 /c mode: 0644",
		"p layer 1 /c mode: 0755",
		"p layer 1 digest: 1",
		"p unpacked size: 1",
		"same digest: 1")
	after := parse(t,
		"index digest: 2",
		"p config .rootfs.diff_ids: [1]",
		"p config .User: 1",
		"p config .Env: a"+long+"c",
		"p config digest: 2",
		"p annotation damage: 1",
		"p layer 1 /a digest: 2",
		"p layer 1 /a size: 2",
		"p layer 1 /c mode: 0755",
		"p layer 1 /d type: "+strings.Repeat("é", 400),
		"p layer 1 damage: 1",
		"p layer 1 digest: 2",
		"p unpacked size: 2",
		"same digest: 1")
	end := strings.Repeat("é", 15)
	want := `  + p layer 1 damage: 1
  + p annotation damage: 1
    p config .Env: …` + end + `b → …` + end + `c
    p config .User: 0 → 1
    p layer 1 /a digest: 1 → 2
    p layer 1 /a size: 1 → 2
  - p layer 1 /b type: file
    p layer 1 /c mode: 0644 → 0755
  - p layer 1 /c mode: 0755
  + p layer 1 /d type: ` + strings.Repeat("é", 150) + `…
    index digest: 1 → 2
    p config .rootfs.diff_ids: [] → [1]
    p config digest: 1 → 2
    p layer 1 digest: 1 → 2
    p unpacked size: 1 → 2
`
	var got strings.Builder
	Print(&got, Diff(before, after))
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("Print(Diff) (-want +got):\n%s", diff)
	}
	if d := Diff(after, after); d != nil {
		t.Errorf("Diff of equal listings: %v", d)
	}
	var many Listing
	for i := range 150 {
		many = append(many, Fact{fmt.Sprintf("k%03d", i), ""})
	}
	got.Reset()
	Print(&got, Diff(many, nil))
	if lines := strings.Split(got.String(), "\n"); len(lines) != 102 || lines[100] != "  … and 50 more" {
		t.Errorf("Print of 150 differences: %d lines, %q", len(lines), lines[min(100, len(lines)-1)])
	}
}

func TestOverlap(t *testing.T) {
	index := []string{"index annotation a: 1", "index digest: 1", "index manifest linux/arm64 annotation a: 1"}
	stored := func(platform string) []string {
		return []string{
			platform + ` annotation "x layer 1 /y": 1`, platform + " digest: 1", platform + " compressed size: 1", platform + " config media type: 1",
			platform + " layer 1 annotation x: 1", platform + " layer 1 digest: 1", platform + " layer 1 media type: 1", platform + " layer 1 size: 1",
		}
	}
	both := func(platform string) []string {
		return []string{
			platform + " config .os: 1", platform + ` config ["a"]: 1`, platform + " config digest: 1", platform + " unpacked size: 1",
			platform + " layer 1 diff ID: 1", platform + " layer 1 /digest digest: 1", platform + ` layer 1 "/a b" size: 1`,
		}
	}
	join := func(parts ...[]string) Listing {
		var lines []string
		for _, part := range parts {
			lines = append(lines, part...)
		}
		return parse(t, lines...)
	}
	const amd64, arm64 = "linux/amd64", "linux/arm64"
	all := join(index, stored(amd64), both(amd64), stored(arm64), both(arm64))
	damage := []string{arm64 + " layer 1 damage: x"}
	const noManifests = "index, manifests and compressed layers"
	for _, test := range []struct {
		name, missing string
		other         Listing
		wantAll       Listing
		wantOther     Listing
	}{
		{"equal", "", all, all, all},
		{"docker archive", amd64 + ", " + noManifests, join(both(arm64)), join(both(arm64)), join(both(arm64))},
		{"two docker archives", noManifests, join(both(amd64), both(arm64)), join(both(amd64), both(arm64)), join(both(amd64), both(arm64))},
		{"damaged docker archive", amd64 + ", " + noManifests, join(both(arm64), damage), join(both(arm64)), join(both(arm64), damage)},
		{"fewer platforms", arm64, join(index, stored(amd64), both(amd64)), join(stored(amd64), both(amd64)), join(stored(amd64), both(amd64))},
		{"one image", amd64 + ", index", join(stored(arm64), both(arm64)), join(stored(arm64), both(arm64)), join(stored(arm64), both(arm64))},
		{"damage only", amd64, join(index, damage), join(stored(arm64), both(arm64)), join(damage)},
		{"SBOMs on one side", "", join(index, stored(amd64), both(amd64), stored(arm64), both(arm64), []string{amd64 + SBOMField + ": 1"}), all, all},
		{"nothing", amd64 + ", " + arm64 + ", index", nil, nil, nil},
	} {
		a, b, missing := Overlap(all, test.other)
		got := [...]string{textOf(a), textOf(b), strings.Join(missing, ", ")}
		if diff := cmp.Diff([...]string{textOf(test.wantAll), textOf(test.wantOther), test.missing}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		b, a, missing = Overlap(test.other, all)
		if diff := cmp.Diff(got, [...]string{textOf(a), textOf(b), strings.Join(missing, ", ")}); diff != "" {
			t.Errorf("%s, the other way round (-first +second):\n%s", test.name, diff)
		}
	}
}
