"""The rules that make the published image index."""

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
    doc = "The files of an image index.",
    fields = {
        "digest": "File: the digest of the image index and a newline",
        "layout": "File: the OCI image layout directory",
    },
)

def _image_index_impl(ctx):
    layout = ctx.actions.declare_directory(ctx.label.name)
    digest = ctx.actions.declare_file(ctx.label.name + ".digest")

    # In a file, as arguments of a program would go through the locale of Bazel's server.
    annotations = ctx.actions.declare_file(ctx.label.name + ".annotations.json")
    ctx.actions.write(annotations, json.encode(ctx.attr.annotations))
    args = ctx.actions.args()
    args.add("index")
    args.add_all([layout, digest, annotations] + ctx.files.images, expand_directories = False)
    ctx.actions.run(
        executable = ctx.executable._layer,
        arguments = [args],
        # An oci_image links to its layers, which are runfiles of it.
        inputs = depset(
            ctx.files.images + [annotations],
            transitive = [image[DefaultInfo].default_runfiles.files for image in ctx.attr.images],
        ),
        outputs = [layout, digest],
        mnemonic = "ImageIndex",
        progress_message = "Writing image index %{label}",
    )
    return [_LayoutInfo(digest = digest, layout = layout)]

image_index = rule(
    implementation = _image_index_impl,
    doc = "An image index with annotations, which oci_image_index of rules_oci 2.3.0 does not set.",
    attrs = {
        "annotations": attr.string_dict(
            doc = "Annotations of the image index (image-spec, annotations.md).",
        ),
        "images": attr.label_list(
            doc = "Each an oci_image, in the order of the index.",
            mandatory = True,
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
    doc = "Builds an image_index in the configuration of images.",
    attrs = {
        "digest": attr.output(
            doc = "The file for the digest of the image index.",
            mandatory = True,
        ),
        "index": attr.label(
            doc = "The image_index.",
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
