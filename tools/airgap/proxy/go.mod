// What the air-gapped build takes from the Go module proxy: Bazel modules, the Go SDK, and
// buildozer, which `bazel mod tidy` runs. go.sum has their hashes. MODULE.bazel and the
// toolchain line of the root's go.mod select the versions; setup refuses one that has no hash
// here.
module example.com/reproducible-images/tools/airgap/proxy

go 1.24.12

require (
	github.com/bazelbuild/bazel-gazelle v0.53.0
	github.com/bazelbuild/rules_go v0.63.0
)

require (
	github.com/bazel-contrib/bazel-gazelle/v2 v2.0.0-3 // indirect
	github.com/bazelbuild/buildtools v0.0.0-20250930140053-2eb4fccefb52 // indirect
	github.com/gogo/protobuf v1.3.2 // indirect
	github.com/golang/mock v1.7.0-rc.1 // indirect
	github.com/golang/protobuf v1.5.4 // indirect
	golang.org/toolchain v0.0.1-go1.27.4.linux-amd64 // indirect
	golang.org/x/crypto v0.39.0 // indirect
	golang.org/x/mod v0.25.0 // indirect
	golang.org/x/net v0.41.0 // indirect
	golang.org/x/sync v0.15.0 // indirect
	golang.org/x/sys v0.33.0 // indirect
	golang.org/x/text v0.26.0 // indirect
	golang.org/x/tools v0.34.0 // indirect
	google.golang.org/genproto v0.0.0-20250115164207-1a7da9e5054f // indirect
	google.golang.org/genproto/googleapis/bytestream v0.0.0-20251124214823-79d6a2a48846 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20250313205543-e70fdf4c4cb4 // indirect
	google.golang.org/grpc v1.71.0 // indirect
	google.golang.org/grpc/cmd/protoc-gen-go-grpc v1.5.1 // indirect
	google.golang.org/protobuf v1.36.10 // indirect
)

tool github.com/bazelbuild/buildtools/buildozer
