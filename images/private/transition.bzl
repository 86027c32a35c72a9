"""The one configuration that everything in an image is built in, whatever the flags.

Every target below a go_image is built with the settings below. Flags that a Starlark
transition cannot set are refused by name. A build setting of this repository's own is
not reset: what reads it in a select is asked to differ.
"""

load(":platforms.bzl", "parse_platform")

visibility("//images/...")

_GO = "@rules_go//go/"
_OPTION = "//command_line_option:"

# All flags of rules_go, whether they change the output or not: what is not fixed is one
# more configuration to build in. testing:rules_go_settings_test fails when rules_go has
# others.
GO_SETTINGS = {
    _GO + "config:cover_format": "lcov",
    _GO + "config:debug": False,
    _GO + "config:experimental_use_sh_toolchain": False,
    _GO + "config:export_stdlib": False,
    _GO + "config:gc_goopts": [],
    _GO + "config:gc_linkopts": [],
    _GO + "config:linkmode": "normal",
    _GO + "config:msan": False,
    _GO + "config:pgoprofile": Label("@rules_go//go/config:empty"),
    # Without cgo a binary is static, and independent of any C toolchain.
    _GO + "config:pure": True,
    _GO + "config:race": False,
    _GO + "config:static": True,
    _GO + "config:tags": [],
    # The Go SDK that go.mod names, which is the first that MODULE.bazel declares.
    _GO + "toolchain:sdk_name": "",
    _GO + "toolchain:sdk_version": "",
}

# Options of Bazel that reach a binary, a generated file or the toolchain.
_OPTIONS = {
    _OPTION + "action_env": [],
    _OPTION + "collect_code_coverage": False,
    _OPTION + "compilation_mode": "opt",
    _OPTION + "conlyopt": [],
    _OPTION + "copt": [],
    _OPTION + "cxxopt": [],
    _OPTION + "extra_toolchains": [],
    _OPTION + "features": [],
    _OPTION + "linkopt": [],
    _OPTION + "stamp": False,
    # Leaves out the symbol table and DWARF: -s -w for the Go linker.
    _OPTION + "strip": "always",
}

def image_settings(platform):
    """Returns the configuration of what is in an image.

    Args:
      platform: string, a platform of rules_go such as "linux_arm64".

    Returns:
      dict of string to value: build settings and options of Bazel.
    """
    parsed = parse_platform(platform)
    return GO_SETTINGS | _OPTIONS | {
        _OPTION + "cpu": parsed.cpu,
        _OPTION + "platforms": [parsed.label],
    }

def _image_transition_impl(_settings, attr):
    return image_settings(attr.platform)

# Reads the rule's attribute platform, a string.
image_transition = transition(
    implementation = _image_transition_impl,
    inputs = [],
    outputs = image_settings("linux_amd64").keys(),
)

# What ctx.var has without any --define.
_VARIABLES = ["BINDIR", "COMPILATION_MODE", "GENDIR", "TARGET_CPU"]

def flag_error(variables, environment):
    """Looks for flags that can change what ships, and that no transition can reset.

    --define: rules_go adds the values of --define=gotags to the build tags, and any
    other can be in a select, in the command of a genrule or in the flags of a
    go_binary. --noincompatible_strict_action_env: genrules see the PATH of whoever
    builds.

    Args:
      variables: dict of string to string, ctx.var.
      environment: dict of string to string, ctx.configuration.default_shell_env.

    Returns:
      string, or None if there are none.
    """
    flags = ["--define={}={}".format(name, variables[name]) for name in sorted(variables) if name not in _VARIABLES]
    if "PATH" not in environment:
        flags.append("--noincompatible_strict_action_env")
    if not flags:
        return None
    return "{}: not allowed in the build of an image, as it can change what ships and no transition can reset it; leave it out, and write what the image needs in its BUILD file".format(" ".join(flags))
