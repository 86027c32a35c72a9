"""The rule that turns the image index of rules_oci into the one that is published."""

visibility("//images/...")

GoImageInfo = provider(
    doc = "An image that can be pushed and loaded.",
    fields = {
        "label": "string: the go_image's label, such as //images:hello",
        "layout": "File: the OCI image layout folder, whose index.json names one image index",
        "repository": "string: the repository's name in a registry, without the registry",
        "version": "string: the version tag, vX.Y.Z",
    },
)

def _image_index_impl(ctx):
    layout = ctx.actions.declare_directory(ctx.label.name)
    args = ctx.actions.args()
    args.add("--input", ctx.file.index.path)
    args.add("--output", layout.path)
    args.add("--digest", ctx.outputs.digest)
    for key, value in ctx.attr.annotations.items():
        args.add("{}={}".format(key, value))
    ctx.actions.run(
        executable = ctx.executable._index,
        arguments = [args],
        inputs = [ctx.file.index],
        outputs = [layout, ctx.outputs.digest],
        mnemonic = "ImageIndex",
        progress_message = "Annotating image index %{label}",
    )
    return [
        DefaultInfo(files = depset([layout])),
        GoImageInfo(
            label = "//{}:{}".format(ctx.label.package, ctx.label.name),
            layout = layout,
            repository = ctx.attr.repository,
            version = ctx.attr.version,
        ),
    ]

image_index = rule(
    implementation = _image_index_impl,
    doc = "Adds annotations to an oci_image_index, which rules_oci 2.3.0 cannot give it.",
    attrs = {
        "annotations": attr.string_dict(
            doc = "Annotations of the image index (image-spec, annotations.md).",
        ),
        "digest": attr.output(
            doc = "The file for the digest of the image index.",
            mandatory = True,
        ),
        "index": attr.label(
            doc = "The oci_image_index.",
            mandatory = True,
            allow_single_file = True,
        ),
        "repository": attr.string(mandatory = True),
        "version": attr.string(mandatory = True),
        "_index": attr.label(
            default = "//tools/index",
            executable = True,
            cfg = "exec",
        ),
    },
    provides = [GoImageInfo],
)
