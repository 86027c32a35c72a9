"The rule behind oci_image."

load(":resource_set.bzl", "RESOURCE_SETS")
load(":tool.bzl", "OCILAYOUT")

def _layer(ctx, number, tar):
    """Computes what the image says of a layer; its own action, as it reads all of the layer."""
    out = ctx.actions.declare_file("%s.%d.descriptor.json" % (ctx.label.name, number))
    args = ctx.actions.args()
    args.add("layer")
    args.add("-label", tar.owner)
    args.add("-out", out)
    args.add(tar)
    ctx.actions.run(
        executable = ctx.executable._ocilayout,
        arguments = [args],
        inputs = [tar],
        outputs = [out],
        mnemonic = "OCIDescriptor",
        progress_message = "OCI Descriptor %{input}",
    )
    return out

def _check(ctx):
    attr = ctx.attr
    if attr.base and (attr.os or attr.architecture or attr.variant):
        fail("'os', 'architecture' and 'variant' come from the image in 'base' and cannot be set: leave them out, or 'base'")
    if not attr.base and not (attr.os and attr.architecture):
        fail("'os' and 'architecture' are mandatory without 'base': set both, as in os = \"linux\", architecture = \"amd64\", or give a 'base'")

    # Of a source directory Bazel does not always know that it is one.
    if attr.base and not ctx.file.base.is_directory and not ctx.file.base.is_source:
        fail("'base' is %s, which makes the file %s: give an oci_image, which makes a directory" % (attr.base.label, ctx.file.base.basename))

def _oci_image_impl(ctx):
    _check(ctx)
    tars = ctx.files.tars
    layers = [_layer(ctx, number, tar) for number, tar in enumerate(tars)]
    files = {name: getattr(ctx.file, name) for name in _FILES if getattr(ctx.file, name)}

    # In a file and not as arguments: these go through the locale of Bazel's server.
    spec = ctx.actions.declare_file(ctx.label.name + ".image.json")
    ctx.actions.write(spec, json.encode(
        {name: file.path for name, file in files.items()} |
        {name: getattr(ctx.attr, name) for name in _STRINGS} |
        {
            "base": ctx.file.base.path if ctx.attr.base else "",
            "layers": [
                {"tar": tar.path, "layer": layer.path}
                for tar, layer in zip(tars, layers)
            ],
        },
    ))

    # The layers stay where they are, with links to them, so whoever uses the image
    # needs them too, and those of the base.
    linked = [depset(tars)]
    if ctx.attr.base:
        base = ctx.attr.base[DefaultInfo]
        linked.append(base.files)
        if base.default_runfiles:
            linked.append(base.default_runfiles.files)

    output = ctx.actions.declare_directory(ctx.label.name)
    args = ctx.actions.args()
    args.add("image")
    args.add_all("-out", [output], expand_directories = False)
    args.add(spec)
    ctx.actions.run(
        executable = ctx.executable._ocilayout,
        arguments = [args],
        inputs = depset([spec] + layers + files.values(), transitive = linked),
        outputs = [output],
        mnemonic = "OCIImage",
        progress_message = "OCI Image %{label}",
        resource_set = RESOURCE_SETS[ctx.attr.resource_set],
    )
    return [DefaultInfo(
        files = depset([output]),
        runfiles = ctx.runfiles(transitive_files = depset(transitive = linked)),
    )]

_STRINGS = {
    "os": "Operating system, one of Go's GOOS: `os`. Mandatory without base, refused with it.",
    "architecture": "CPU architecture, one of Go's GOARCH: `architecture`. Mandatory without base, refused with it.",
    "variant": "Variant of the CPU architecture (`v7`, `v8`): `variant`. Refused with base.",
    "user": "User, and group after a colon, by name or number: `User`.",
    "workdir": "Working directory: `WorkingDir`.",
}

_FILES = {
    "created": "A file that holds the time of creation (RFC 3339): `created`. Default: that of the base, 1970-01-01T00:00:00Z without one.",
    "entrypoint": "A file with one argument a line: `Entrypoint`. Removes the `Cmd` of the base.",
    "cmd": "A file with one argument a line: `Cmd`.",
    "exposed_ports": "A file with ports (`8060/tcp`), a comma between them: `ExposedPorts`, added to those of the base.",
    "volumes": "A file with paths, a comma between them: `Volumes`, added to those of the base.",
    "env": "A file with one NAME=VALUE a line: `Env`, added to that of the base. In a VALUE, `$NAME` and `${NAME}` stand for the value so far.",
    "labels": "A file with one KEY=VALUE a line: `Labels`, added to those of the base.",
    "annotations": "A file with one KEY=VALUE a line: `annotations` of the manifest, added to those of the base (annotations.md).",
}

oci_image = rule(
    implementation = _oci_image_impl,
    doc = """An image for one platform, from a base or from nothing.

Use the macro [oci_image](#oci_image), which takes a dict or a list where this rule
wants a file. Names in `code` below are members of the image configuration
(image-spec, config.md).

```starlark
oci_image(
    name = "base",
    os = "linux",
    architecture = "amd64",
    tars = [":libraries"],
    env = {"PATH": "/usr/bin"},
)

oci_image(
    name = "app",
    base = ":base",
    tars = [":app_layer"],
    env = {"PATH": "/opt/app:$PATH"},
    entrypoint = ["/opt/app/main"],
)
```
""",
    attrs = {
        "base": attr.label(
            doc = "The image to start from: an oci_image, or another directory that is an OCI image layout of one image. Docker's media types are kept, layers are then added with Docker's.",
            allow_single_file = True,
        ),
        "tars": attr.label_list(
            doc = "The layers, lowest first: tar archives, plain or compressed with gzip or zstd. The content decides which, whatever the name says (layer.md).",
            allow_files = [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst"],
        ),
        "resource_set": attr.string(
            doc = "What Bazel reserves for writing the image: so many CPUs, or so much memory.",
            default = "default",
            values = RESOURCE_SETS.keys(),
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
