"""The rules behind //images:published, //images:push and their like."""

load("@bazel_skylib//rules:common_settings.bzl", "BuildSettingInfo")
load(":index.bzl", "GoImageInfo")

visibility("//images/...")

GoImageSetInfo = provider(
    doc = "The images that commands work on.",
    fields = {
        "manifest": "File: the JSON file that lists them",
        "runfiles": "runfiles: that file and all that it names",
    },
)

def _image_set_impl(ctx):
    manifest = ctx.actions.declare_file(ctx.label.name + ".images.json")
    images = [image[GoImageInfo] for image in ctx.attr.images]
    ctx.actions.write(manifest, json.encode_indent({
        "digests": ctx.workspace_name + "/" + ctx.file.digests.short_path,
        "images": [
            {
                "label": image.label,
                "layout": ctx.workspace_name + "/" + image.layout.short_path,
                "repository": image.repository,
                "version": image.version,
            }
            for image in images
        ],
        "registry": ctx.attr._registry[BuildSettingInfo].value,
    }) + "\n")
    runfiles = ctx.runfiles([manifest, ctx.file.digests] + [image.layout for image in images])
    return [
        DefaultInfo(files = depset([manifest]), runfiles = runfiles),
        GoImageSetInfo(manifest = manifest, runfiles = runfiles),
    ]

image_set = rule(
    implementation = _image_set_impl,
    doc = "Lists images in a JSON file.",
    attrs = {
        "digests": attr.label(
            doc = "The file with the images' recorded digests.",
            mandatory = True,
            allow_single_file = [".json"],
        ),
        "images": attr.label_list(
            doc = "The images, as go_image makes them.",
            mandatory = True,
            providers = [GoImageInfo],
        ),
        "_registry": attr.label(default = "//images:registry"),
    },
    provides = [GoImageSetInfo],
)

def _image_command_impl(ctx):
    # Beside the program, under its name: so that it is found both by `bazel run`
    # and when it is started from bazel-bin.
    program = ctx.actions.declare_file(ctx.label.name)
    manifest = ctx.actions.declare_file(ctx.label.name + ".images.json")
    images = ctx.attr.images[GoImageSetInfo]
    ctx.actions.symlink(output = program, target_file = ctx.executable.tool, is_executable = True)
    ctx.actions.symlink(output = manifest, target_file = images.manifest)
    return [
        DefaultInfo(
            executable = program,
            runfiles = ctx.runfiles([manifest]).merge_all([
                images.runfiles,
                ctx.attr.tool[DefaultInfo].default_runfiles,
            ]),
        ),
        # What the go_binary's attribute env says.
        ctx.attr.tool[RunEnvironmentInfo],
    ]

_ATTRS = {
    "images": attr.label(
        doc = "The image_set.",
        mandatory = True,
        providers = [GoImageSetInfo],
    ),
    "tool": attr.label(
        doc = "The go_binary to run.",
        mandatory = True,
        executable = True,
        cfg = "target",
    ),
}

image_command = rule(
    implementation = _image_command_impl,
    doc = "Runs a Go program on a set of images, which it reads from PROGRAM.images.json.",
    attrs = _ATTRS,
    executable = True,
)

image_set_test = rule(
    implementation = _image_command_impl,
    doc = "Runs a Go program, in the same way, as a test of a set of images.",
    attrs = _ATTRS,
    test = True,
)
