package listing

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func checkRoundTrip(t testing.TB, l Listing) {
	t.Helper()
	text := textOf(l)
	parsed, err := Parse(strings.NewReader(text))
	if err != nil {
		t.Fatalf("Parse of what WriteTo wrote: %v\n%s", err, text)
	}
	if diff := cmp.Diff(l, parsed, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("Parse of what WriteTo wrote (-want +got):\n%s", diff)
	}
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		in   string
		want Listing
		err  string
	}{
		{in: ""},
		{in: "b: 2\na: 1\nb: 1\n", want: Listing{{"a", "1"}, {"b", "1"}, {"b", "2"}}},
		{in: "a: 1\r\n", want: Listing{{"a", "1"}}},
		{in: "a: b: c", want: Listing{{"a", "b: c"}}},
		{in: "a: ", want: Listing{{"a", ""}}},
		{in: `x ["a: \" b"]: "c: d"`, want: Listing{{`x ["a: \" b"]`, `"c: d"`}}},
		{in: "/a:b type: file", want: Listing{{"/a:b type", "file"}}},
		{in: "a: \u202e\t", want: Listing{{"a", `\u202e\u0009`}}},
		{in: "a: 1\n\nb: 2", err: `line 2: "" is not KEY: VALUE`},
		{in: ": 1", err: `line 1: ": 1" is not KEY: VALUE`},
		{in: "a", err: `line 1: "a" is not KEY: VALUE`},
		{in: `a" b: 1`, err: `line 1: "a\" b: 1" is not KEY: VALUE`},
		{in: "\u202ea: 1", err: `line 1: "\u202ea: 1" is not KEY: VALUE`},
		{in: strings.Repeat("x", 200), err: `line 1: "` + strings.Repeat("x", 100) + `…" is not KEY: VALUE`},
		{in: "a: 1\n" + strings.Repeat("x", maxLine+1), err: "line 2: bufio.Scanner: token too long"},
	} {
		got, err := Parse(strings.NewReader(test.in))
		if text := fmt.Sprint(err); test.err != "" && text != test.err || test.err == "" && err != nil {
			t.Errorf("Parse(%.50q): error %s, want %s", test.in, text, test.err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("Parse(%.50q) (-want +got):\n%s", test.in, diff)
		}
	}
}

func TestListing(t *testing.T) {
	l := Listing{{"index digest", "1"}, {"linux/amd64 digest", "2"}, {"linux/amd64 digest", "3"}, {"linux/arm64 digest", "4"}}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, l.Platforms()); diff != "" {
		t.Errorf("Platforms (-want +got):\n%s", diff)
	}
	if got := l.Value("linux/amd64 digest"); got != "2" {
		t.Errorf("Value = %q, want 2", got)
	}
	if got := l.Value("digest"); got != "" {
		t.Errorf("Value of what is not there = %q", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("a: b\n")
	f.Add("b \"\\\": \" x: \u0085\r\r\na: \xff")
	f.Fuzz(func(t *testing.T, text string) {
		if l, err := Parse(strings.NewReader(text)); err == nil {
			checkRoundTrip(t, l)
		}
	})
}
