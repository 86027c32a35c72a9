"""The module extension that `bazel mod tidy` takes buildozer from.

The real module downloads a binary. This one builds the Go module that proxy/go.mod pins.
"""

def _buildozer_repository_impl(repository_ctx):
    goroot = repository_ctx.getenv("AIRGAP_GOROOT")
    go_mod = repository_ctx.path(Label("@@//tools/airgap:proxy/go.mod"))  # buildifier: disable=canonical-repository
    result = repository_ctx.execute(
        [
            goroot + "/bin/go",
            "build",
            "-o",
            repository_ctx.path("buildozer.exe"),
            "github.com/bazelbuild/buildtools/buildozer",
        ],
        environment = {
            "CGO_ENABLED": "0",
            "GOCACHE": str(repository_ctx.path("gocache")),
            "GOFLAGS": "-modcacherw",
            "GOROOT": goroot,
        },
        working_directory = str(go_mod.dirname),
    )
    if result.return_code:
        fail("building buildozer: " + result.stderr)
    repository_ctx.delete("gocache")
    repository_ctx.file("BUILD.bazel", "exports_files([\"buildozer.exe\"])")

_buildozer_repository = repository_rule(
    implementation = _buildozer_repository_impl,
    environ = ["AIRGAP_GOROOT"],
)

def _buildozer_binary_impl(_module_ctx):
    _buildozer_repository(name = "buildozer_binary")

buildozer_binary = module_extension(implementation = _buildozer_binary_impl)
