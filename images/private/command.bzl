"""The rules that start the program //tools/image under a command's name."""

load(":record.bzl", "GoImageSetInfo")

visibility("//images/...")

def start_image_tool(ctx, program, files, runfiles):
    """Makes a target that runs the program //tools/image.

    The program looks at the name that it is started under, and for files of that name
    beside it: so it finds them both under `bazel run` and when started from bazel-bin.

    Args:
      ctx: of a rule with the attribute _tool.
      program: string, the program's path relative to the package.
      files: dict of string to File. Files to put beside the program, by what follows
        its path in their names.
      runfiles: runfiles that the files name.

    Returns:
      list of providers.
    """
    link = ctx.actions.declare_file(program)
    ctx.actions.symlink(output = link, target_file = ctx.executable._tool, is_executable = True)
    links = []
    for suffix, file in files.items():
        links.append(ctx.actions.declare_file(program + suffix))
        ctx.actions.symlink(output = links[-1], target_file = file)
    tool = ctx.attr._tool
    return [
        DefaultInfo(
            executable = link,
            runfiles = ctx.runfiles(links).merge_all([runfiles, tool[DefaultInfo].default_runfiles]),
        ),
        # What the go_binary's attribute env says.
        tool[RunEnvironmentInfo],
    ]

TOOL = {
    "_tool": attr.label(
        default = "//tools/image",
        executable = True,
        cfg = "target",
    ),
}

def _image_command_impl(ctx):
    if not ctx.attr.images:
        return start_image_tool(ctx, ctx.label.name, {}, ctx.runfiles())
    images = ctx.attr.images[GoImageSetInfo]
    return start_image_tool(ctx, ctx.label.name, {".images.json": images.list}, images.runfiles)

image_command = rule(
    implementation = _image_command_impl,
    doc = "Runs a command of //tools/image, the one that the target is called after, on a set of images.",
    attrs = TOOL | {
        "images": attr.label(
            doc = "The image_set; none for a command that needs no images, such as trusted.",
            providers = [GoImageSetInfo],
        ),
    },
    executable = True,
)
