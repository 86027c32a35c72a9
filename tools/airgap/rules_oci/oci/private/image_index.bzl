"The rule behind oci_image_index."

load(":ocilayout.bzl", "OCILAYOUT", "run_ocilayout")

def _each_platform_impl(_settings, attr):
    return [
        {"//command_line_option:platforms": str(platform)}
        for platform in attr.platforms
    ]

_each_platform = transition(
    implementation = _each_platform_impl,
    inputs = [],
    outputs = ["//command_line_option:platforms"],
)

def _oci_image_index_impl(ctx):
    # One image for n platforms comes as n images.
    if ctx.attr.platforms and len(ctx.attr.images) != len(ctx.attr.platforms):
        fail("'platforms' needs exactly one image in 'images'")
    if not ctx.files.images:
        fail("'images' is empty: name at least one oci_image")
    for image in ctx.files.images:
        # Bazel does not always know that a source directory is one.
        if not image.is_directory and not image.is_source:
            fail("'images' contains %s, whose output %s is a file: name oci_image targets" % (image.owner, image.basename))
    directory = run_ocilayout(ctx, "index", ctx.files.images, depset(ctx.files.images))
    return [DefaultInfo(files = depset([directory]))]

oci_image_index = rule(
    implementation = _oci_image_index_impl,
    doc = "An image index (image-spec, image-index.md). Use the macro oci_image_index.",
    attrs = {
        "digest": attr.output(doc = "File for the digest of the index, in place of NAME.json.sha256."),
        "images": attr.label_list(
            doc = "Labels of oci_image targets, in the order of the index.",
            mandatory = True,
            cfg = _each_platform,
        ),
        "platforms": attr.label_list(
            doc = "Labels of platforms to build the one image for. Experimental in rules_oci.",
            providers = [platform_common.PlatformInfo],
        ),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
        "_ocilayout": OCILAYOUT,
    },
)
