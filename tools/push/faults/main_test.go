// Package faults_test tests pushes to a registry that fails in every way that its
// README.md lists.
package faults_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"example.com/reproducible-images/tools/imageset"
	"example.com/reproducible-images/tools/internal/remotes"
	"example.com/reproducible-images/tools/push/publish"
	"github.com/google/go-containerregistry/pkg/authn"
)

// With this variable the test's executable is a push, for the tests to kill:
// of the images that the first argument lists to the registry in the second.
const asPush = "FAULTS_TEST_AS_PUSH"

func TestMain(m *testing.M) {
	if os.Getenv(asPush) != "" {
		if err := pushProcess(os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	flag.Parse()
	// These tests wait for slow and broken registries most of the time.
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func pushProcess(file, registry string) error {
	set, err := imageset.Load(file)
	if err != nil {
		return err
	}
	target, err := remotes.ParseTarget(registry)
	if err != nil {
		return err
	}
	_, err = publish.Push(context.Background(), set.Images, publish.Options{Target: target, Keychain: authn.NewMultiKeychain()})
	return err
}
