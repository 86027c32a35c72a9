// What the air-gapped build takes from the Go module proxy: two Bazel modules and the Go
// SDK. go.sum has their hashes. MODULE.bazel and the toolchain line of the root's go.mod
// select the versions; setup refuses one that has no hash here.
module example.com/reproducible-images/tools/airgap/proxy

go 1.24.0

require (
	github.com/bazelbuild/bazel-gazelle v0.47.0
	github.com/bazelbuild/rules_go v0.60.0
)

require golang.org/toolchain v0.0.1-go1.27.4.linux-amd64 // indirect
