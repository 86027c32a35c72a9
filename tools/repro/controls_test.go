package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestEarlierGo(t *testing.T) {
	t.Parallel()
	for goMod, want := range map[string]string{
		"module m\n\ngo 1.26.0\n\ntoolchain go1.27.4\n": "1.27.3",
		"toolchain go1.27.10\n":                         "1.27.9",
		"toolchain go1.27.0\n":                          "",
		"go 1.26.0\n":                                   "",
	} {
		file := filepath.Join(t.TempDir(), "go.mod")
		if err := os.WriteFile(file, []byte(goMod), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := earlierGo(file); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q (%v), want %q", goMod, got, err, want)
		}
	}
}
