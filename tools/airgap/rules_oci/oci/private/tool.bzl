"""The Go program that does the work."""

# A program of the main repository, where it is compiled, tested and linted like any
# other: this module has nothing but Starlark.
OCILAYOUT = attr.label(
    default = Label("@@//tools/airgap/ocilayout"),  # buildifier: disable=canonical-repository
    executable = True,
    cfg = "exec",
)
