package cli

import (
	"bytes"
	"flag"
	"fmt"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/imageset"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args           []string
		code           int
		ok             bool
		stdout, stderr string
	}{
		{args: []string{"--n", "3"}, code: OK, ok: true},
		{args: []string{"-h"}, code: OK, stdout: "how to use it\n"},
		{args: []string{"--x"}, code: Usage, stderr: "flag provided but not defined: -x (-h shows all flags)"},
		{args: []string{"--n", "many"}, code: Usage, stderr: `invalid value "many" for flag -n`},
		{args: []string{"--n", "3", "more"}, code: Usage, stderr: `unexpected argument "more"`},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			t.Parallel()
			fs := flag.NewFlagSet("tool", flag.ContinueOnError)
			fs.Int("n", 0, "")
			fs.Usage = func() { fmt.Fprintln(fs.Output(), "how to use it") }
			var stdout, stderr bytes.Buffer
			code, ok := Parse(fs, test.args, &stdout, &stderr)
			if code != test.code || ok != test.ok {
				t.Errorf("Parse() = %d, %t; want %d, %t", code, ok, test.code, test.ok)
			}
			if stdout.String() != test.stdout {
				t.Errorf("stdout %q, want %q", stdout.String(), test.stdout)
			}
			if !strings.Contains(stderr.String(), test.stderr) || (test.stderr == "") != (stderr.Len() == 0) {
				t.Errorf("stderr %q, want %q", stderr.String(), test.stderr)
			}
			if n := strings.Count(stderr.String(), "\n"); n > 1 {
				t.Errorf("stderr has %d lines, want one at most", n)
			}
		})
	}
}

func TestParseArgs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args   []string
		values string
		code   int
		stderr string
	}{
		{args: []string{"a", "b"}, values: "a b"},
		{args: []string{"a", "--n", "3", "b", "--n=4"}, values: "a b"},
		{args: []string{"a"}, code: Usage, stderr: "the argument B is missing"},
		{args: nil, code: Usage, stderr: "the argument A is missing"},
		{args: []string{"a", "b", "c"}, code: Usage, stderr: `unexpected argument "c"`},
		{args: []string{"a", "b", "--x"}, code: Usage, stderr: "flag provided but not defined: -x"},
		{args: []string{"a", "-h"}},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			t.Parallel()
			fs := flag.NewFlagSet("tool", flag.ContinueOnError)
			fs.Int("n", 0, "")
			var stdout, stderr bytes.Buffer
			values, code, ok := ParseArgs(fs, test.args, &stdout, &stderr, "A", "B")
			if got := strings.Join(values, " "); got != test.values || code != test.code || ok != (test.values != "") {
				t.Errorf("ParseArgs() = %q, %d, %t; want %q, %d", got, code, ok, test.values, test.code)
			}
			if !strings.Contains(stderr.String(), test.stderr) || (test.stderr == "") != (stderr.Len() == 0) {
				t.Errorf("stderr %q, want %q", stderr.String(), test.stderr)
			}
		})
	}
}

func TestBytes(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0:                 "0 B",
		999:               "999 B",
		1000:              "1.0 kB",
		2_430_919:         "2.4 MB",
		999_949:           "999.9 kB",
		999_950:           "1.0 MB",
		12_345_678_901:    "12.3 GB",
		5_000_000_000_000: "5.0 TB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestUserPath(t *testing.T) {
	t.Parallel()
	bazelRun := func(k string) string { return map[string]string{"BUILD_WORKING_DIRECTORY": "/home/me"}[k] }
	plain := func(string) string { return "" }
	for _, test := range []struct {
		getenv     func(string) string
		path, want string
	}{
		{bazelRun, "a/b", "/home/me/a/b"},
		{bazelRun, "/a/b", "/a/b"},
		{plain, "a/b", "a/b"},
	} {
		if got := UserPath(test.getenv, test.path); got != test.want {
			t.Errorf("UserPath(%q) = %q, want %q", test.path, got, test.want)
		}
	}
}

func TestIsTerminal(t *testing.T) {
	t.Parallel()
	if IsTerminal(&bytes.Buffer{}) {
		t.Error("a buffer is no terminal")
	}
}

func TestImagesFlag(t *testing.T) {
	t.Parallel()
	getenv := func(string) string { return "/home/user" }
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, imageset.DefaultFile()},
		{[]string{"--images="}, imageset.DefaultFile()},
		{[]string{"--images", "images.json"}, "/home/user/images.json"},
		{[]string{"--images", "/images.json"}, "/images.json"},
	} {
		fs := flag.NewFlagSet("test", flag.ContinueOnError)
		got := ImagesFlag(fs, getenv)
		if err := fs.Parse(test.args); err != nil {
			t.Fatal(err)
		}
		if *got != test.want {
			t.Errorf("%q: %q, want %q", test.args, *got, test.want)
		}
	}
}
