package main

import (
	"runtime"
	"strings"
	"testing"

	"example.com/reproducible-images/tools/repro/variation"
)

// On a host that lacks everything, each row says what it needs and none is left out.
func TestCheckHost(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the program is for Linux")
	}
	t.Setenv("PATH", t.TempDir())
	rows := []row{
		{Row: variation.Row{Name: "plain"}},
		{Row: variation.Row{Name: "shuffled", Setting: variation.Setting{ShuffleFiles: true}}},
		{Row: variation.Row{Name: "abroad", Setting: variation.Setting{Locale: "et_EE.UTF-8"}}},
		{Row: variation.Row{Name: "other", Setting: variation.Setting{Go: variation.OtherGo}}},
	}
	err := checkHost(rows)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"cannot build the rows plain, shuffled, abroad, other: git is not on PATH (Debian: apt-get install git)",
		"cannot build the rows shuffled: disorderfs is not on PATH (Debian: apt-get install disorderfs)",
		"cannot build the rows abroad: localedef is not on PATH",
		"cannot build the rows other: go is not on PATH",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "root") {
		t.Errorf("root is not needed:\n%v", err)
	}
}
