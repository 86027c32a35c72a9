"""The tests of images."""

load(":command.bzl", "TOOL", "start_image_tool")
load(":facts.bzl", "config_facts", "file_facts", "manifest_facts")
load(":index.bzl", "GoImageInfo")
load(":layer.bzl", "ImageLayerInfo", "path_in_layer")
load(":record.bzl", "GoImageSetInfo")

visibility("//images/...")

def _digests_test_impl(ctx):
    images = ctx.attr.images[GoImageSetInfo]
    return start_image_tool(ctx, ctx.label.name + "_/digests_test", {".images.json": images.list}, images.runfiles)

digests_test = rule(
    implementation = _digests_test_impl,
    doc = "Compares images with their records.",
    attrs = TOOL | {
        "images": attr.label(
            doc = "The image_set.",
            mandatory = True,
            providers = [GoImageSetInfo],
        ),
    },
    test = True,
)

def _structure_test_impl(ctx):
    image = ctx.attr.image[GoImageInfo]
    layer = ctx.attr.layer[ImageLayerInfo]
    facts = manifest_facts(ctx.attr.platform, ctx.attr.annotations)
    facts += config_facts(ctx.attr.platform, json.decode(ctx.attr.config))
    for path, mode in layer.directories.items():
        facts += file_facts(ctx.attr.platform, path, "directory", mode)

    # Paths below a directory that an action makes are known when it has run, so the
    # facts of files are expanded when this file is written: one line for each.
    expected = ctx.actions.declare_file(ctx.label.name + ".json")
    content = ctx.actions.args()
    content.set_param_file_format("multiline")
    content.add('{"facts": [')
    content.add_joined(facts, join_with = ",\n", map_each = json.encode)
    for file in layer.contents:
        content.add_all([file.file], map_each = _fact_lines(ctx.attr.platform, file), allow_closure = True)
    members = {
        "binary": ctx.attr.binary_path,
        "label": image.label,
        "layout": ctx.workspace_name + "/" + image.layout.short_path,
        "max_compressed_bytes": ctx.attr.max_compressed_bytes,
        "max_unpacked_bytes": ctx.attr.max_unpacked_bytes,
        "platform": ctx.attr.platform,
    }
    runfiles = [image.layout]
    if ctx.attr.published:
        published = ctx.attr.published[GoImageSetInfo].list
        members["published"] = ctx.workspace_name + "/" + published.short_path
        runfiles.append(published)
    content.add("], " + json.encode(members).removeprefix("{"))
    ctx.actions.write(expected, content)
    return start_image_tool(
        ctx,
        ctx.label.name + "_/structure_test",
        {".json": expected},
        ctx.runfiles(runfiles),
    )

def _fact_lines(platform, content):
    return lambda file: [
        "," + json.encode(fact)
        for fact in file_facts(platform, path_in_layer(content, file), "file", content.mode)
    ]

structure_test = rule(
    implementation = _structure_test_impl,
    doc = "Compares an image for one platform with what its go_image says.",
    attrs = TOOL | {
        "annotations": attr.string_dict(
            doc = "Annotations of the manifest.",
        ),
        "binary_path": attr.string(
            doc = "The path of the go_binary in the image.",
            mandatory = True,
        ),
        "config": attr.string(
            doc = "JSON object: the image configuration without history and rootfs (image-spec, config.md).",
            mandatory = True,
        ),
        "image": attr.label(
            doc = "The go_image.",
            mandatory = True,
            providers = [GoImageInfo],
        ),
        "layer": attr.label(
            doc = "The image_layer of the platform.",
            mandatory = True,
            providers = [ImageLayerInfo],
        ),
        "max_compressed_bytes": attr.int(
            doc = "The most that the layers may have as stored; 0: no limit.",
        ),
        "max_unpacked_bytes": attr.int(
            doc = "The most that all files together may have; 0: no limit.",
        ),
        "platform": attr.string(
            doc = "OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT.",
            mandatory = True,
        ),
        "published": attr.label(
            doc = "The image_set that must have the image in it.",
            providers = [GoImageSetInfo],
        ),
    },
    test = True,
)
