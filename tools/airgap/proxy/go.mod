// What the air-gapped build takes from the Go module proxy: Bazel modules, the Go SDK, and
// buildozer, which `bazel mod tidy` runs. go.sum has their hashes. MODULE.bazel and the toolchain line of the root's go.mod
// select the versions; setup refuses one that has no hash here.
module example.com/reproducible-images/tools/airgap/proxy

go 1.24.0

require (
	github.com/bazelbuild/bazel-gazelle v0.47.0
	github.com/bazelbuild/rules_go v0.60.0
)

require (
	github.com/bazelbuild/buildtools v0.0.0-20250930140053-2eb4fccefb52 // indirect
	github.com/golang/protobuf v1.5.4 // indirect
	golang.org/toolchain v0.0.1-go1.27.4.linux-amd64 // indirect
	google.golang.org/protobuf v1.36.10 // indirect
)

tool github.com/bazelbuild/buildtools/buildozer
