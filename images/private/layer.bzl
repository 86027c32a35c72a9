"""The rule that writes an image's one layer."""

load(":transition.bzl", "image_transition")

visibility("//images/...")

def _image_layer_impl(ctx):
    out = ctx.actions.declare_file(ctx.label.name + ".tar.gz")
    contents = [(ctx.attr.binary_path, "0755", ctx.file.binary)] + [
        (path, "0644", target[DefaultInfo].files.to_list()[0])
        for target, path in ctx.attr.files.items()
    ]
    args = ctx.actions.args()
    args.add(out, format = "--output=%s")
    for path, mode, file in contents:
        args.add(file, format = "%s:%s=%%s" % (mode, path))
    ctx.actions.run(
        executable = ctx.executable._layer,
        arguments = [args],
        inputs = [file for _, _, file in contents],
        outputs = [out],
        mnemonic = "ImageLayer",
        progress_message = "Writing layer %{label}",
    )
    return DefaultInfo(files = depset([out]))

image_layer = rule(
    implementation = _image_layer_impl,
    doc = "Writes a binary, built in the configuration of what ships, and other files into a layer.",
    attrs = {
        "binary": attr.label(
            doc = "The go_binary.",
            mandatory = True,
            allow_single_file = True,
            cfg = image_transition,
        ),
        "binary_path": attr.string(
            doc = "The binary's absolute path in the image; its mode is 0755.",
            mandatory = True,
        ),
        "files": attr.label_keyed_string_dict(
            doc = "Further files and their absolute paths in the image; their mode is 0644.",
            allow_files = True,
        ),
        "platform": attr.label(
            doc = "The platform to build the binary for.",
            mandatory = True,
        ),
        "_layer": attr.label(
            default = "//tools/layer",
            executable = True,
            cfg = "exec",
        ),
    },
)
