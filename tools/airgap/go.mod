// The Bazel modules that the air-gapped build takes from the Go module proxy, and
// the Go SDK. go.sum beside it pins their content. Their versions are those of
// MODULE.bazel and of the toolchain line of the root's go.mod: setup checks that.
module example.com/reproducible-images/tools/airgap

go 1.21

require (
	github.com/bazelbuild/bazel-gazelle v0.47.0
	github.com/bazelbuild/rules_go v0.60.0
)
