"A layout made of source files: a base that no rule of rules_oci makes."

def _layout_directory_impl(ctx):
    out = ctx.actions.declare_directory(ctx.label.name)
    ctx.actions.run_shell(
        inputs = ctx.files.srcs,
        outputs = [out],
        arguments = [out.path, ctx.label.package + "/" + ctx.attr.path],
        command = 'cp -RL "$2/." "$1"',
        mnemonic = "LayoutDirectory",
    )
    return [DefaultInfo(files = depset([out]))]

layout_directory = rule(
    implementation = _layout_directory_impl,
    doc = "Copies the folder `path` of this package to a directory `name`.",
    attrs = {
        "path": attr.string(
            doc = "Folder, relative to the package.",
            mandatory = True,
        ),
        "srcs": attr.label_list(
            doc = "The files in the folder.",
            allow_files = True,
            mandatory = True,
        ),
    },
)
