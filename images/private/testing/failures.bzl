"""Tests of what the rules refuse."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("//images/private:index.bzl", "go_image")
load("//images/private:layer.bzl", "image_layer")
load("//images/private:record.bzl", "image_set")

def _failure_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.message)
    return analysistest.end(env)

_failure_test = analysistest.make(
    _failure_impl,
    attrs = {"message": attr.string()},
    expect_failure = True,
)

_PACKAGE = "//images/private/testing:"

# Case: further attributes of an image_layer, and what it says.
_LAYERS = {
    "directory_as_file": (
        {"files": {":tree": "/tree"}},
        "go_image \"x\": files: {}tree makes the directory tree; end the path /tree with /",
    ),
    "mode_of_nothing": (
        {"modes": {"/b": "0755"}},
        "go_image \"x\": modes: no file has the path /b",
    ),
    "no_file": (
        {"files": {":nothing": "/a"}},
        "go_image \"x\": files: {}nothing has 0 files (none) and /a is the path of one file; end the path with /",
    ),
    "no_files": (
        {"files": {":nothing": "/a/"}},
        "go_image \"x\": files: {}nothing has no files to put below /a/",
    ),
    "several_files": (
        {"files": {":templates": "/a"}},
        "go_image \"x\": files: {}templates has 2 files (a.html, b.html) and /a is the path of one file; end the path with /",
    ),
}

def failures_test_suite(name):
    """Makes the tests.

    Args:
      name: string.
    """
    native.filegroup(name = "nothing")
    messages = {}
    for case, (attributes, message) in _LAYERS.items():
        image_layer(
            name = "{}_{}".format(name, case),
            testonly = True,
            binary = "//images/private/testing/program",
            binary_path = "/program",
            image = "go_image \"x\"",
            platform = "linux_amd64",
            tags = ["manual"],
            **attributes
        )
        messages[case] = message.format(_PACKAGE)

    # Of two packages: go_image itself looks at the images of its own.
    go_image(
        name = name + "_other_hello",
        testonly = True,
        digest = name + "_other_hello.digest",
        index = "_other_image_index",
        platform = "linux_amd64",
        repository = "team/program",
        tags = ["manual"],
        version = "v1.0.0",
    )
    image_set(
        name = name + "_same_repository",
        testonly = True,
        digests = "digests",
        images = [":image", name + "_other_hello"],
        tags = ["manual"],
    )
    messages["same_repository"] = "{package}image and {package}{name}_other_hello have the same repository \"team/program\"; give each its own".format(
        name = name,
        package = _PACKAGE,
    )

    for case, message in messages.items():
        _failure_test(
            name = "{}_{}_test".format(name, case),
            size = "small",
            message = message,
            target_under_test = "{}_{}".format(name, case),
        )
    native.test_suite(
        name = name,
        tests = ["{}_{}_test".format(name, case) for case in messages],
    )
