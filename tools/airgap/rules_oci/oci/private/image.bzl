"The rule behind oci_image."

load(":ocilayout.bzl", "OCILAYOUT", "run_ocilayout")

def _check(ctx):
    attr = ctx.attr
    if attr.base and (attr.os or attr.architecture or attr.variant):
        fail("'os', 'architecture' and 'variant' come from the image in 'base' and cannot be set: remove them, or 'base'")
    if not attr.base and not (attr.os and attr.architecture):
        fail("'os' and 'architecture' are mandatory without 'base': set both, as in os = \"linux\", architecture = \"amd64\", or set 'base'")

    # Bazel does not always know that a source directory is one.
    if attr.base and not ctx.file.base.is_directory and not ctx.file.base.is_source:
        fail("'base' is %s, whose output %s is a file: use an oci_image" % (attr.base.label, ctx.file.base.basename))

def _oci_image_impl(ctx):
    _check(ctx)
    tars = ctx.files.tars
    files = {name: getattr(ctx.file, name) for name in _FILES if getattr(ctx.file, name)}

    # In a file: Bazel encodes arguments in the locale of its server.
    spec = ctx.actions.declare_file(ctx.label.name + ".image.json")
    ctx.actions.write(spec, json.encode(
        {name: file.path for name, file in files.items()} |
        {name: getattr(ctx.attr, name) for name in _STRINGS} |
        {
            "base": ctx.file.base.path if ctx.attr.base else "",
            "layers": [tar.path for tar in tars],
        },
    ))

    # The layout links to the layers, so all that use it need them, and those of the base.
    linked = [depset(tars)]
    if ctx.attr.base:
        base = ctx.attr.base[DefaultInfo]
        linked.append(base.files)
        if base.default_runfiles:
            linked.append(base.default_runfiles.files)

    directory = run_ocilayout(ctx, "image", [spec] + [tar.owner for tar in tars], depset([spec] + files.values(), transitive = linked))
    return [DefaultInfo(
        files = depset([directory]),
        runfiles = ctx.runfiles(transitive_files = depset(transitive = linked)),
    )]

_STRINGS = {
    "os": "Operating system, a value of GOOS: `os`. Mandatory without base, refused with it.",
    "architecture": "CPU architecture, a value of GOARCH: `architecture`. Mandatory without base, refused with it.",
    "variant": "Variant of the CPU architecture (`v7`, `v8`): `variant`. Refused with base.",
    "user": "User, and group after a colon, by name or number: `User`.",
    "workdir": "Working directory: `WorkingDir`.",
}

_FILES = {
    "created": "File with the creation time (RFC 3339): `created`. Default: that of the base, or 1970-01-01T00:00:00Z.",
    "entrypoint": "File with one argument a line: `Entrypoint`. Removes the `Cmd` of the base.",
    "cmd": "File with one argument a line: `Cmd`.",
    "exposed_ports": "File with ports (`8060/tcp`) separated by commas: `ExposedPorts`, added to those of the base.",
    "volumes": "File with paths separated by commas: `Volumes`, added to those of the base.",
    "env": "File with one NAME=VALUE a line: `Env`, added to that of the base. `$NAME` and `${NAME}` in a VALUE stand for the value so far.",
    "labels": "File with one KEY=VALUE a line: `Labels`, added to those of the base.",
    "annotations": "File with one KEY=VALUE a line: `annotations` of the manifest, added to those of the base (annotations.md).",
}

oci_image = rule(
    implementation = _oci_image_impl,
    doc = """An image for one platform.

Use the macro oci_image, which takes a dict or a list where this rule takes a file. Names
in `code` are members of the image configuration (image-spec, config.md).
""",
    attrs = {
        "base": attr.label(
            doc = "Image to start from: an oci_image, or a directory with the layout of one image. Docker's media types are kept; the layers on top then get Docker's.",
            allow_single_file = True,
        ),
        "digest": attr.output(doc = "File for the digest of the manifest, in place of NAME.json.sha256."),
        "resource_set": attr.string(doc = "Accepted for the sake of rules_oci. Not used: it changes no bytes."),
        "tars": attr.label_list(
            doc = "Layers, lowest first: tar archives, plain or compressed with gzip or zstd. The content decides which, not the name (layer.md).",
            allow_files = [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst"],
        ),
        "_ocilayout": OCILAYOUT,
    } | {
        name: attr.string(doc = doc)
        for name, doc in _STRINGS.items()
    } | {
        name: attr.label(doc = doc, allow_single_file = True)
        for name, doc in _FILES.items()
    },
)
