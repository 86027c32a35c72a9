package jsondoc

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for name, document := range map[string]string{
		"order":   "{\n  \"z\": 1,\n  \"a\": {\n    \"y\": true,\n    \"b\": null\n  }\n}",
		"arrays":  "{\n  \"a\": [\n    1,\n    \"x\",\n    []\n  ],\n  \"o\": {}\n}",
		"numbers": "{\n  \"a\": 9223372036854775808,\n  \"b\": -0,\n  \"c\": -17\n}",
		// Each escape as jq 1.7.1 wrote it.
		"escapes": "{\n  \"k\\\"\": \"\\\\ / \\b\\f\\n\\r\\t \\u0000\\u001f\\u007f <>& \u2028\u2029 é 😀\"\n}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := ParseObject([]byte(document))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(document, string(Marshal(o))); diff != "" {
				t.Errorf("not what was read (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseNormalizes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"space":     {` { "a" : [ 1 , 2 ] } ` + "\n", "{\n  \"a\": [\n    1,\n    2\n  ]\n}"},
		"escapes":   {`{"a":"\u0041\/\u00e9\ud83d\ude00\u003c"}`, "{\n  \"a\": \"A/é😀<\"\n}"},
		"duplicate": {`{"a":1,"b":2,"a":3}`, "{\n  \"a\": 3,\n  \"b\": 2\n}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := ParseObject([]byte(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(Marshal(o))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                 "unexpected",
		"[]":               "not a JSON object",
		`{"a":1.5}`:        "number 1.5 is not an integer",
		`{"a":1e3}`:        "number 1e3 is not an integer",
		"{} {}":            "more than one JSON value",
		"{}}":              "more than one JSON value",
		`{"a":[1`:          "unexpected",
		`{"a":`:            "unexpected",
		`{"a"`:             "unexpected",
		"{\"a\":\"\xff\"}": "not valid UTF-8",
		`{"a":` + strings.Repeat("[", 1001) + strings.Repeat("]", 1001) + "}": "nested deeper than 1000 levels",
	} {
		if _, err := ParseObject([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseObject(%.20q) gave error %v, want one with %q", in, err, want)
		}
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	a := NewObject("keep", "a", "both", NewObject("x", Int(1), "y", Int(2)), "replaced", Strings([]string{"old"}))
	a.Merge(NewObject("new", nil, "replaced", Strings([]string{"new"}), "both", NewObject("z", Int(3), "x", Int(0))))
	want, err := ParseObject([]byte(`{"keep":"a","both":{"x":0,"y":2,"z":3},"replaced":["new"],"new":null}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(Marshal(want)), string(Marshal(a))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is written is JSON of the same content, and reading it again changes nothing.
func FuzzParseObject(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"\u0000\u007f<"}],"c":null}`))
	f.Add([]byte(`{"":{"":[]},"x":-0}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := ParseObject(data)
		if err != nil {
			return
		}
		written := Marshal(o)
		var want, got any
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("encoding/json refuses what ParseObject took: %v", err)
		}
		if err := json.Unmarshal(written, &got); err != nil {
			t.Fatalf("wrote bad JSON: %v\n%s", err, written)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("content changed (-read +written):\n%s", diff)
		}
		again, err := ParseObject(written)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(written), string(Marshal(again))); diff != "" {
			t.Errorf("not stable (-first +second):\n%s", diff)
		}
	})
}
