"The rule behind oci_image_index."

load(":tool.bzl", "OCILAYOUT")

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
        fail("'platforms' is for exactly one image in 'images': name one image, or leave 'platforms' out and name an image for each platform")
    if not ctx.files.images:
        fail("'images' is empty: name one oci_image or more")
    for image in ctx.files.images:
        # Of a source directory Bazel does not always know that it is one.
        if not image.is_directory and not image.is_source:
            fail("'images' has %s, which makes the file %s: name oci_image targets, which make a directory" % (image.owner, image.basename))

    output = ctx.actions.declare_directory(ctx.label.name)
    args = ctx.actions.args()
    args.add("index")
    args.add_all("-out", [output], expand_directories = False)
    args.add_all(ctx.files.images, expand_directories = False)
    ctx.actions.run(
        executable = ctx.executable._ocilayout,
        arguments = [args],
        inputs = ctx.files.images,
        outputs = [output],
        mnemonic = "OCIIndex",
        progress_message = "OCI Index %{label}",
    )
    return [DefaultInfo(files = depset([output]))]

oci_image_index = rule(
    implementation = _oci_image_index_impl,
    doc = """An image index of several images (image-spec, image-index.md).

Use the macro [oci_image_index](#oci_image_index).

```starlark
oci_image_index(
    name = "app",
    images = [
        ":app_linux_amd64",
        ":app_linux_arm64",
    ],
)
```

With `platforms`, one image is built for each of them:

```starlark
oci_image_index(
    name = "app",
    images = [":app_image"],
    platforms = [
        "@rules_go//go/toolchain:linux_amd64",
        "@rules_go//go/toolchain:linux_arm64",
    ],
)
```
""",
    attrs = {
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
