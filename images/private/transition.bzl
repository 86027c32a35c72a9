"""The one configuration that a shipped binary is built in, whatever the user's flags."""

visibility("//images/...")

_GO = "@rules_go//go/config:"
_OPTION = "//command_line_option:"

# Every setting that can change what the Go toolchain writes. A new rules_go may
# bring new ones: go/config/BUILD.bazel there has them all.
_FIXED = {
    # A pure binary, without cgo, is what makes it static and independent of any C toolchain.
    _GO + "pure": True,
    _GO + "static": True,
    _GO + "race": False,
    _GO + "msan": False,
    _GO + "debug": False,
    _GO + "linkmode": "normal",
    _GO + "gc_goopts": [],
    _GO + "gc_linkopts": [],
    _GO + "tags": [],
    _GO + "pgoprofile": Label("@rules_go//go/config:empty"),
    _OPTION + "compilation_mode": "opt",
    # Leaves out the symbol table and DWARF: -s -w for the Go linker.
    _OPTION + "strip": "always",
    _OPTION + "stamp": False,
    _OPTION + "features": [],
    _OPTION + "collect_code_coverage": False,
}

def _image_transition_impl(_settings, attr):
    return _FIXED | {_OPTION + "platforms": [attr.platform]}

image_transition = transition(
    implementation = _image_transition_impl,
    inputs = [],
    outputs = _FIXED.keys() + [_OPTION + "platforms"],
)
