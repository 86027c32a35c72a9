"""OCI images and image indexes: the stand-in for rules_oci 2.3.0.

```starlark
load("@rules_oci//oci:defs.bzl", "oci_image", "oci_image_index")
```

The attributes are those of rules_oci 2.3.0, and so are the bytes of the outputs.
"""

load("//oci/private:image.bzl", _oci_image_rule = "oci_image")
load("//oci/private:image_index.bzl", _oci_image_index_rule = "oci_image_index")

oci_image_rule = _oci_image_rule
oci_image_index_rule = _oci_image_index_rule

# Attributes of oci_image that are files. The macro writes the file if the value is a dict
# or a list: the type, and the separator of its elements.
_FILES = {
    "annotations": ("dict", "\n"),
    "cmd": ("list", "\n"),
    "created": (None, None),
    "entrypoint": ("list", "\n"),
    "env": ("dict", "\n"),
    "exposed_ports": ("list", ","),
    "labels": ("dict", "\n"),
    "volumes": ("list", ","),
}

# https://bazel.build/reference/be/common-definitions#common-attributes
_COMMON_ATTRIBUTES = [
    "compatible_with",
    "exec_compatible_with",
    "exec_properties",
    "features",
    "restricted_to",
    "target_compatible_with",
    "testonly",
    "toolchains",
]

def _content_impl(ctx):
    out = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(out, ctx.attr.separator.join(ctx.attr.elements))
    return [DefaultInfo(files = depset([out]))]

_content = rule(
    implementation = _content_impl,
    doc = "A file of the elements, separated, without a newline at the end.",
    attrs = {
        "elements": attr.string_list(),
        "separator": attr.string(),
    },
)

def _file(name, attribute, value, common):
    """Returns a label of a file with the attribute's value, or None."""
    kind, separator = _FILES[attribute]
    if type(value) in ("NoneType", "string", "Label", "select"):
        return value
    if type(value) != kind:
        fail("oci_image %s: '%s' is a %s: use %sthe label of a file" % (name, attribute, type(value), "a %s of strings, or " % kind if kind else ""))
    if kind == "dict":
        elements = ["{}={}".format(k, v) for k, v in value.items()]
    else:
        for element in value:
            if type(element) != "string":
                fail("oci_image %s: element %r of '%s' is a %s: use strings only" % (name, element, attribute, type(element)))

        # A newline separates two arguments; one inside an argument is written as %5Cn.
        elements = [e.replace("\n", "%5Cn") if separator == "\n" else e for e in value]
    target = "%s.%s.txt" % (name, attribute)
    _content(
        name = target,
        elements = elements,
        separator = separator,
        tags = ["manual"],
        visibility = ["//visibility:private"],
        **common
    )
    return target

def _with_digest(rule, name, attributes):
    """Makes the target `name`, and `name.digest` with the file `name.json.sha256`."""
    rule(name = name, digest = name + ".json.sha256", **attributes)
    native.filegroup(
        name = name + ".digest",
        srcs = [name + ".json.sha256"],
        **{a: attributes[a] for a in ["tags", "testonly", "visibility"] if a in attributes}
    )

def oci_image(name, **kwargs):
    """An image for one platform, as the directory `name` of an OCI image layout.

    The blobs of its layers are symbolic links to the layers; oci_image_index copies them.
    The target `name.digest` has the file `name.json.sha256` with the digest of the
    manifest, `sha256:` and 64 hexadecimal digits, and a newline.

    labels, annotations, exposed_ports, volumes and env are added to those of the base;
    the other attributes replace what the base sets.

    Args:
        name: name of the target.
        **kwargs: the common attributes and those of oci_image_rule. These of them take a
            value in place of the label of a file. A file is used as it is, with the
            newline at its end where a comma separates.

            - env, labels, annotations: dict of strings.
            - entrypoint, cmd: list of strings. Empty strings are dropped.
            - exposed_ports (`8060/tcp`, `53/udp`, `80`), volumes: list of strings.
    """
    common = {a: kwargs[a] for a in _COMMON_ATTRIBUTES if a in kwargs}
    files = {a: _file(name, a, kwargs[a], common) for a in _FILES if a in kwargs}
    _with_digest(oci_image_rule, name, kwargs | files)

def oci_image_index(name, **kwargs):
    """An image index, as the directory `name` of an OCI image layout with all blobs.

    The target `name.digest` has the file `name.json.sha256` with the digest of the index,
    `sha256:` and 64 hexadecimal digits, and a newline.

    Args:
        name: name of the target.
        **kwargs: the common attributes and those of oci_image_index_rule: images, in the
            order of the index, and platforms.
    """
    _with_digest(oci_image_index_rule, name, kwargs)
