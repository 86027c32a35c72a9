"""The test that every image comes with, one for each platform."""

load(":command.bzl", "GoImageSetInfo")
load(":index.bzl", "GoImageInfo")

visibility("//images/...")

def _image_test_impl(ctx):
    program = ctx.actions.declare_file(ctx.label.name)
    expected = ctx.actions.declare_file(ctx.label.name + ".expected.json")
    ctx.actions.symlink(output = program, target_file = ctx.executable._tool, is_executable = True)
    image = ctx.attr.image[GoImageInfo]
    published = ctx.attr._published[GoImageSetInfo].manifest
    ctx.actions.write(expected, json.encode_indent(json.decode(ctx.attr.expected) | {
        "label": image.label,
        "layout": image.layout.short_path,
        "published": published.short_path,
    }) + "\n")
    return DefaultInfo(
        executable = program,
        runfiles = ctx.runfiles([expected, image.layout, published]),
    )

image_test = rule(
    implementation = _image_test_impl,
    doc = "Compares an image for one platform with what its go_image says, and looks for it in //images:published.",
    attrs = {
        "expected": attr.string(
            doc = "JSON object, as tools/structure documents it.",
            mandatory = True,
        ),
        "image": attr.label(
            mandatory = True,
            providers = [GoImageInfo],
        ),
        "_published": attr.label(default = "//images:published"),
        "_tool": attr.label(
            default = "//tools/structure",
            executable = True,
            cfg = "target",
        ),
    },
    test = True,
)
