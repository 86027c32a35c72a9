"""A rule that makes a directory."""

def _tree_impl(ctx):
    tree = ctx.actions.declare_directory(ctx.label.name)

    # \303\251 is é: arguments go through the locale of Bazel's server.
    ctx.actions.run_shell(
        outputs = [tree],
        arguments = [tree.path],
        command = """
            mkdir -p "$1/sub directory"
            echo plain > "$1/plain.txt"
            echo odd > "$1/sub directory/50% = "$'\\303\\251'".txt"
        """,
    )
    return DefaultInfo(files = depset([tree]))

tree = rule(
    implementation = _tree_impl,
    doc = "Makes a directory with two files, one of them with an odd path.",
)
