"""The rules that make the published image index of that of rules_oci."""

load(":transition.bzl", "image_transition")
load(":values.bzl", "label_text")

visibility("//images/...")

GoImageInfo = provider(
    doc = "An image that can be pushed and loaded.",
    fields = {
        "digest": "File: the digest of the image index and a newline",
        "label": "string: the go_image's label, such as //images:hello",
        "layout": "File: the OCI image layout directory, whose index.json names one image index",
        "repository": "string: the repository's name in a registry, without the registry",
        "version": "string: the version tag, such as v1.0.0",
    },
)

_LayoutInfo = provider(
    doc = "The files of an annotated image index.",
    fields = {
        "digest": "File: the digest of the image index and a newline",
        "layout": "File: the OCI image layout directory",
    },
)

def _annotated_index_impl(ctx):
    layout = ctx.actions.declare_directory(ctx.label.name)
    digest = ctx.actions.declare_file(ctx.label.name + ".digest")

    # In a file, as arguments of a program would go through the locale of Bazel's server.
    annotations = ctx.actions.declare_file(ctx.label.name + ".annotations.json")
    ctx.actions.write(annotations, json.encode(ctx.attr.annotations))
    args = ctx.actions.args()
    args.add("index")
    args.add_all([ctx.file.index, layout], expand_directories = False)
    args.add_all([digest, annotations])
    ctx.actions.run(
        executable = ctx.executable._layer,
        arguments = [args],
        inputs = [ctx.file.index, annotations],
        outputs = [layout, digest],
        mnemonic = "ImageIndex",
        progress_message = "Annotating image index %{label}",
    )
    return [_LayoutInfo(digest = digest, layout = layout)]

annotated_index = rule(
    implementation = _annotated_index_impl,
    doc = "Adds annotations to an oci_image_index, which rules_oci 2.3.0 cannot do.",
    attrs = {
        "annotations": attr.string_dict(
            doc = "Annotations of the image index (image-spec, annotations.md).",
        ),
        "index": attr.label(
            doc = "The oci_image_index.",
            mandatory = True,
            allow_single_file = True,
        ),
        "_layer": attr.label(
            default = "//tools/layer",
            executable = True,
            cfg = "exec",
        ),
    },
    provides = [_LayoutInfo],
)

def _go_image_impl(ctx):
    # Symbolic links, so that the image is in bazel-bin whatever the flags, which are
    # part of the directory's name where the image itself is.
    source = ctx.attr.index[0][_LayoutInfo]
    layout = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.symlink(output = layout, target_file = source.layout)
    ctx.actions.symlink(output = ctx.outputs.digest, target_file = source.digest)
    return [
        DefaultInfo(files = depset([layout, ctx.outputs.digest])),
        GoImageInfo(
            digest = ctx.outputs.digest,
            label = label_text(ctx.label),
            layout = layout,
            repository = ctx.attr.repository,
            version = ctx.attr.version,
        ),
    ]

go_image = rule(
    implementation = _go_image_impl,
    doc = "Builds an annotated_index in the configuration of images.",
    attrs = {
        "digest": attr.output(
            doc = "The file for the digest of the image index.",
            mandatory = True,
        ),
        "index": attr.label(
            doc = "The annotated_index.",
            mandatory = True,
            cfg = image_transition,
            providers = [_LayoutInfo],
        ),
        "platform": attr.string(
            doc = "The platform of the configuration in which the image index is written. " +
                  "That of a layer keeps the number of configurations down.",
            mandatory = True,
        ),
        "repository": attr.string(mandatory = True),
        "version": attr.string(mandatory = True),
    },
    provides = [GoImageInfo],
)
