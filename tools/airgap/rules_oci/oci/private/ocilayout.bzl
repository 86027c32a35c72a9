"The program that writes the layouts, and the action that runs it."

# It belongs to the main repository, where it is compiled and tested like any other
# program: this module contains only Starlark.
OCILAYOUT = attr.label(
    default = Label("@@//tools/airgap/ocilayout"),  # buildifier: disable=canonical-repository
    executable = True,
    cfg = "exec",
)

def run_ocilayout(ctx, command, arguments, inputs):
    """Writes an OCI image layout to a directory named as the target.

    Args:
        ctx: the rule's context, with the attributes _ocilayout and digest.
        command: "image" or "index".
        arguments: list of File or Label, the command's own arguments.
        inputs: depset of File, all that it reads.

    Returns:
        File: the directory.
    """
    directory = ctx.actions.declare_directory(ctx.label.name)
    digest = ctx.outputs.digest or ctx.actions.declare_file(ctx.label.name + ".json.sha256")
    args = ctx.actions.args()
    args.add(command)
    args.add_all([directory, digest] + arguments, expand_directories = False)
    ctx.actions.run(
        executable = ctx.executable._ocilayout,
        arguments = [args],
        inputs = inputs,
        outputs = [directory, digest],
        env = {"PATH": "/usr/bin"},  # for zstd
        mnemonic = "OCILayout",
        progress_message = "OCI %s %%{label}" % command,
    )
    return directory
