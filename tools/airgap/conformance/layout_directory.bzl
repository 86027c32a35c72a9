"A directory of source files: what a base is that no rule of rules_oci makes."

def _layout_directory_impl(ctx):
    out = ctx.actions.declare_directory(ctx.label.name)
    args = ctx.actions.args()
    args.add_all([out], expand_directories = False)
    args.add(ctx.label.package + "/" + ctx.attr.path + "/")
    args.add_all(ctx.files.srcs)
    ctx.actions.run_shell(
        inputs = ctx.files.srcs,
        outputs = [out],
        arguments = [args],
        command = """
set -euo pipefail
out=$1 prefix=$2
shift 2
for file; do
  copy=$out/${file#"$prefix"}
  mkdir -p "${copy%/*}"
  cp "$file" "$copy"
done
""",
        mnemonic = "LayoutDirectory",
    )
    return [DefaultInfo(files = depset([out]))]

layout_directory = rule(
    implementation = _layout_directory_impl,
    doc = "Copies the source files below `path` of this package into a directory `name`.",
    attrs = {
        "path": attr.string(
            doc = "Folder, relative to the package.",
            mandatory = True,
        ),
        "srcs": attr.label_list(
            doc = "The files in it.",
            allow_files = True,
            mandatory = True,
        ),
    },
)
