"""The rule that lists images and their records."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load(":index.bzl", "GoImageInfo")
load(":sbom.bzl", "ImageSbomsInfo")

visibility("//images/...")

GoImageSetInfo = provider(
    doc = "The images that commands work on.",
    fields = {
        "list": "File: the JSON file that lists them",
        "runfiles": "runfiles: that file and all files that it names",
    },
)

def _image_set_impl(ctx):
    images_json = ctx.actions.declare_file(ctx.label.name + ".images.json")
    images = [image[GoImageInfo] for image in ctx.attr.images]
    error = duplicate_error([(image.label, image.repository) for image in images])
    if error:
        fail(error)

    digests = ctx.label.package + "/" + ctx.attr.digests
    sboms = {target[ImageSbomsInfo].repository: target[ImageSbomsInfo].sboms for target in ctx.attr.sboms}
    records = {file.short_path: ctx.workspace_name + "/" + file.short_path for file in ctx.files.records}

    def entry(image):
        record = records.get("{}/{}.txt".format(digests, image.repository))
        return {
            "label": image.label,
            "layout": ctx.workspace_name + "/" + image.layout.short_path,
            "repository": image.repository,
            "sboms": {platform: ctx.workspace_name + "/" + file.short_path for platform, file in sboms.get(image.repository, {}).items()},
            "version": image.version,
        } | ({"record": record} if record else {})

    ctx.actions.write(images_json, json.encode_indent({
        "digests": digests,
        "images": [entry(image) for image in images],
        "records": records.values(),
        "registry": ctx.attr._registry[BuildSettingInfo].value,
    }) + "\n")
    runfiles = ctx.runfiles([images_json] + ctx.files.records + ctx.files.sboms + [image.layout for image in images])
    return [
        DefaultInfo(files = depset([images_json]), runfiles = runfiles),
        GoImageSetInfo(list = images_json, runfiles = runfiles),
    ]

image_set = rule(
    implementation = _image_set_impl,
    doc = "Lists images and their records in a JSON file.",
    attrs = {
        "digests": attr.string(
            doc = "The directory of the records, relative to the package.",
            mandatory = True,
        ),
        "images": attr.label_list(
            doc = "The images, as go_image makes them.",
            mandatory = True,
            providers = [GoImageInfo],
        ),
        "records": attr.label_list(
            doc = "All files in the directory of the records.",
            allow_files = [".txt"],
        ),
        "sboms": attr.label_list(
            doc = "The image_sboms of each image.",
            providers = [ImageSbomsInfo],
        ),
        "_registry": attr.label(default = "//images:registry"),
    },
    provides = [GoImageSetInfo],
)

def duplicate_error(images):
    """Looks for two images in one repository, where each tag can name one only.

    Args:
      images: list of (string, string): names of images, and their repositories.

    Returns:
      string, or None if there are none.
    """
    seen = {}
    for name, repository in images:
        if repository in seen:
            return "{} and {} have the same repository {}; give each its own".format(seen[repository], name, repr(repository))
        seen[repository] = name
    return None
