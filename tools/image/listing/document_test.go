package listing

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDocument(t *testing.T) {
	for _, test := range []struct{ in, want, err string }{
		{in: `{"b": {"c": [], "a": {}}, "a": 1.50, "z": null, "t": true}`, want: `
D .a: 1.50
D .b.a: {}
D .b.c: []
D .t: true
D .z: null
`},
		{in: `{"Env": ["A=<&>", "B=\u00fc\u0000"], "n": [[{"b": 1, "a": 12345678901234567890}]]}`, want: `
D .Env: ["A=<&>","B=ü\u0000"]
D .n: [[{"a":12345678901234567890,"b":1}]]
`},
		{in: `{"history": [{"by": "a"}, 5, {}]}`, want: `
D .history[0].by: "a"
D .history[1]: 5
D .history[2]: {}
`},
		{in: `{"a_1": 1, "1a": 2, "": 3, "a.b": 4, "x: \"y\n": 5, "ü": 6}`, want: `
D .a_1: 1
D [""]: 3
D ["1a"]: 2
D ["\u00fc"]: 6
D ["a.b"]: 4
D ["x: \"y\n"]: 5
`},
		{in: `"\u202e\u0085\udb40\udc01 \ud800"`, want: `
D .: "\u202e\u0085\udb40\udc01 ` + "\ufffd" + `"
`},
		{in: `[{"a": 1}]`, want: `
D [0].a: 1
`},
		{in: `{`, err: "unexpected EOF"},
		{in: `{"a": nul}`, err: "invalid character '}' in literal null (expecting 'l')"},
		{in: `{} x`, err: "there is something after the JSON document"},
		{in: strings.Repeat(`[`, 20_000), err: "exceeded max depth"},
	} {
		l := &lister{ctx: t.Context()}
		err := l.addDocument("D", []byte(test.in))
		if test.err == "" && err != nil || test.err != "" && !strings.HasSuffix(fmt.Sprint(err), test.err) {
			t.Errorf("%.50s: error %v, want %s", test.in, err, test.err)
		}
		got, err := l.finish()
		check(t, err)
		if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), textOf(got)); diff != "" {
			t.Errorf("%.50s (-want +got):\n%s", test.in, diff)
		}
		checkRoundTrip(t, got)
	}
}

// TestDocumentLimit has documents that are small, and whose listings are not.
func TestDocumentLimit(t *testing.T) {
	set(t, &maxText, 1<<20)
	key := strings.Repeat("k", 1<<20)
	var members strings.Builder
	for i := range 1 << 14 {
		fmt.Fprintf(&members, `"a%d": {"b": 1}, `, i)
	}
	for name, document := range map[string]string{
		"object": `{"` + key + `": {` + members.String() + `"z": 1}}`,
		"array":  `{"` + key + `": [{"a": 1}` + strings.Repeat(`, 1`, 1<<20) + `]}`,
	} {
		l := &lister{ctx: t.Context()}
		check(t, l.addDocument("D", []byte(document)))
		if _, err := l.finish(); !errors.Is(err, errTooLarge) {
			t.Errorf("%s: error %v, want %v", name, err, errTooLarge)
		}
		if l.text > 2*maxText+100 {
			t.Errorf("%s: went on to %d bytes", name, l.text)
		}
	}
}

func FuzzDocument(f *testing.F) {
	f.Add([]byte(`{"config": {"Labels": {"a.b: ": "c"}}, "history": [{"x": 1e3}, [], [{}]]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l := &lister{ctx: t.Context()}
		if l.addDocument("linux/amd64 config", raw) != nil {
			return
		}
		got, err := l.finish()
		check(t, err)
		checkRoundTrip(t, got)
		if len(got) == 0 {
			t.Errorf("%q has no facts", raw)
		}
	})
}
