"""Tests of the images' configuration: that no flag reaches what ships."""

load("@bazel_skylib//rules:diff_test.bzl", "diff_test")
load("@bazel_skylib//rules:write_file.bzl", "write_file")
load("//images/private:index.bzl", "GoImageInfo")
load("//images/private:transition.bzl", "GO_SETTINGS", "image_settings")

_GO = "@rules_go//go/"
_OPTION = "//command_line_option:"

# For every setting that image_settings fixes, values that would change an image if
# they reached it, or stop its build.
_HOSTILE = {
    _GO + "config:cover_format": ["go_cover"],
    _GO + "config:debug": [True],
    _GO + "config:experimental_use_sh_toolchain": [True],
    _GO + "config:export_stdlib": [True],
    _GO + "config:gc_goopts": [["-N", "-l"]],
    _GO + "config:gc_linkopts": [["-X=main.Greeting=hostile"]],
    _GO + "config:linkmode": ["pie"],
    _GO + "config:msan": [True],
    _GO + "config:pgoprofile": [Label(":main.go")],
    _GO + "config:pure": [False],
    _GO + "config:race": [True],
    _GO + "config:static": [False],
    _GO + "config:tags": [["hostile"]],
    _GO + "toolchain:sdk_name": ["no_such_sdk"],
    _GO + "toolchain:sdk_version": ["1.2.3"],
    _OPTION + "action_env": [["GOFLAGS=-tags=hostile"]],
    _OPTION + "collect_code_coverage": [True],
    _OPTION + "compilation_mode": ["dbg", "fastbuild"],
    _OPTION + "conlyopt": [["-O0"]],
    _OPTION + "copt": [["-g"]],
    _OPTION + "cpu": ["riscv64"],
    _OPTION + "cxxopt": [["-O0"]],
    _OPTION + "extra_toolchains": [["//images/private/testing:broken_go_toolchain"]],
    _OPTION + "features": [["race", "static_linking_mode"]],
    _OPTION + "linkopt": [["-Wl,--build-id"]],
    _OPTION + "platforms": [[Label("@rules_go//go/toolchain:windows_arm64")]],
    _OPTION + "stamp": [True],
    _OPTION + "strip": ["never", "sometimes"],
}

_PLAIN = image_settings("linux_amd64")

def _hostile_transition_impl(_settings, _attr):
    changes = {"plain": {}}
    for setting in _PLAIN:
        for value in _HOSTILE[setting]:
            changes["{}={}".format(setting, value)] = {setting: value}
    changes["all of them"] = {setting: values[0] for setting, values in _HOSTILE.items()}
    return {name: _PLAIN | change for name, change in changes.items()}

_hostile_transition = transition(
    implementation = _hostile_transition_impl,
    inputs = [],
    outputs = _PLAIN.keys(),
)

_SCRIPT = """\
#!/usr/bin/env bash
set -euo pipefail

failed=0
want=$(<{plain})

# check NAME FILE
check() {{
  if [[ "$(<"$2")" != "$want" ]]; then
    echo "$1: the digest is $(<"$2"), without the flag it is $want"
    failed=1
  fi
}}
{checks}

if [[ "$(<{control})" == "$want" ]]; then
  echo "the image of another program has the same digest: this test finds nothing"
  failed=1
fi
exit "$failed"
"""

def _quote(s):
    return "'" + s.replace("'", "'\\''") + "'"

def _hostile_flags_test_impl(ctx):
    digests = {
        name: image[GoImageInfo].digest
        for name, image in ctx.split_attr.hostile.items()
    }
    for name, digest in digests.items():
        # In another configuration outputs have another path.
        if name != "plain" and digest.path == digests["plain"].path:
            fail("{} changes nothing".format(name))
    plain = ctx.attr.image[GoImageInfo].digest
    control = ctx.attr.control[GoImageInfo].digest
    script = ctx.actions.declare_file(ctx.label.name)

    # The runfiles of all configurations have the same path; their own one is below
    # bazel-out.
    files = {}
    for index, (name, digest) in enumerate(digests.items()):
        files["{}.{}.digest".format(ctx.label.name, index)] = digest
    ctx.actions.write(script, _SCRIPT.format(
        checks = "\n".join([
            "check {} {}".format(_quote(name), _quote(file))
            for name, file in zip(digests.keys(), files.keys())
        ]),
        control = control.short_path,
        plain = plain.short_path,
    ), is_executable = True)
    return [DefaultInfo(
        executable = script,
        runfiles = ctx.runfiles([plain, control], symlinks = files),
    )]

hostile_flags_test = rule(
    implementation = _hostile_flags_test_impl,
    doc = "Builds an image under flags that would change it, and compares digests.",
    attrs = {
        "control": attr.label(
            doc = "An image that must have another digest.",
            mandatory = True,
            providers = [GoImageInfo],
        ),
        "hostile": attr.label(
            doc = "The image.",
            mandatory = True,
            cfg = _hostile_transition,
            providers = [GoImageInfo],
        ),
        "image": attr.label(
            doc = "The image, once more: it is built under the flags of the command line.",
            mandatory = True,
            providers = [GoImageInfo],
        ),
    },
    test = True,
)

def rules_go_settings_test(name):
    """Tests that image_settings fixes every flag of rules_go.

    Args:
      name: string.
    """

    # Packages with flags, and what a go_binary reads. All build settings have the
    # attribute build_setting_default; a *_setting is not a flag.
    native.genquery(
        name = name + "_actual",
        testonly = True,
        expression = """
            let all = siblings(@rules_go//go/config:pure) +
                      siblings(@rules_go//go/toolchain:sdk_name) +
                      deps(@rules_go//:go_config) in
            attr(build_setting_default, "", $all) except kind(".*_setting rule", $all)
        """,
        scope = [
            "@rules_go//:go_config",
            "@rules_go//go/config:pure",
            "@rules_go//go/toolchain:sdk_name",
        ],
    )
    write_file(
        name = name + "_known",
        testonly = True,
        out = name + "_known.txt",
        content = sorted([str(Label(setting)) for setting in GO_SETTINGS]) + [""],
    )
    diff_test(
        name = name,
        size = "small",
        failure_message = "rules_go has other flags (+) than GO_SETTINGS in images/private/transition.bzl (-)",
        file1 = name + "_known",
        file2 = name + "_actual",
    )
