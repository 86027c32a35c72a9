"Wrong attributes: what a user reads is in both worlds about the same things."

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

# Case: what the error must contain, the rule and its attributes.
_CASES = {
    "no_platform": ("'os' and 'architecture' are mandatory", oci_image, {}),
    "no_architecture": ("'os' and 'architecture' are mandatory", oci_image, {"os": "linux"}),
    "base_and_os": ("'os', 'architecture' and 'variant' come from the image", oci_image, {"base": ":nothing", "os": "linux"}),
    "base_and_variant": ("'os', 'architecture' and 'variant' come from the image", oci_image, {"base": ":nothing", "variant": "v8"}),
    "tar_extension": ("testdata/cases.json", oci_image, {"os": "linux", "architecture": "amd64", "tars": ["testdata/cases.json"]}),
    "platforms_of_two": ("exactly one image", oci_image_index, {"images": [":nothing", ":empty"], "platforms": [":linux_amd64"]}),
}

def failure_tests(name):
    """Makes a test of each case.

    Args:
        name: of the test suite of them.
    """
    for case, (message, rule, attributes) in _CASES.items():
        target = "%s_%s" % (name, case)
        rule(name = target, tags = ["manual"], **attributes)
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
