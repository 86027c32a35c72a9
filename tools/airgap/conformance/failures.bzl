"Tests that wrong attributes are refused, by rules_oci and by the stand-in."

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")
load("@rules_oci//oci:defs.bzl", "oci_image", "oci_image_index")

def _fails_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.message)
    return analysistest.end(env)

_fails_test = analysistest.make(
    _fails_impl,
    attrs = {"message": attr.string()},
    expect_failure = True,
)

# Case: what the error must contain, the macro and its arguments.
_CASES = {
    "no_platform": ("'os' and 'architecture' are mandatory", oci_image, {}),
    "no_architecture": ("'os' and 'architecture' are mandatory", oci_image, {"os": "linux"}),
    "base_and_os": ("'os', 'architecture' and 'variant' come from the image", oci_image, {"base": ":nothing", "os": "linux"}),
    "base_and_variant": ("'os', 'architecture' and 'variant' come from the image", oci_image, {"base": ":nothing", "variant": "v8"}),
    "tar_extension": ("testdata/README.md", oci_image, {"os": "linux", "architecture": "amd64", "tars": ["testdata/README.md"]}),
    "platforms_of_two": ("exactly one image", oci_image_index, {"images": [":nothing", ":empty"], "platforms": [":linux_amd64"]}),
}

def failure_tests(name):
    """Declares a test for each case.

    Args:
        name: name of the test suite.
    """
    for case, (message, macro, arguments) in _CASES.items():
        target = "%s_%s" % (name, case)
        macro(name = target, tags = ["manual"], **arguments)
        _fails_test(
            name = target + "_test",
            size = "small",
            message = message,
            target_under_test = target,
        )
    native.test_suite(
        name = name,
        tests = ["%s_%s_test" % (name, case) for case in _CASES],
    )
