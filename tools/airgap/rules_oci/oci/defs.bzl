"""OCI images and image indexes: the stand-in for rules_oci 2.3.0.

```starlark
load("@rules_oci//oci:defs.bzl", "oci_image", "oci_image_index")
```

The attributes are those of rules_oci 2.3.0, and so is, byte for byte, what is written.
The work is done by //tools/airgap/ocilayout of the main repository.
"""

load("//oci/private:digest.bzl", "oci_digest")
load("//oci/private:image.bzl", _oci_image_rule = "oci_image")
load("//oci/private:image_index.bzl", _oci_image_index_rule = "oci_image_index")
load("//oci/private:inline.bzl", "inline_file")

oci_image_rule = _oci_image_rule
oci_image_index_rule = _oci_image_index_rule

# https://bazel.build/reference/be/common-definitions#common-attributes
_COMMON_ATTRIBUTES = [
    "compatible_with",
    "deprecation",
    "exec_compatible_with",
    "exec_properties",
    "features",
    "restricted_to",
    "tags",
    "target_compatible_with",
    "testonly",
    "toolchains",
    "visibility",
]

def _common(attributes):
    return {a: attributes[a] for a in _COMMON_ATTRIBUTES if a in attributes}

def oci_image(
        name,
        created = None,
        labels = None,
        annotations = None,
        env = None,
        cmd = None,
        entrypoint = None,
        exposed_ports = None,
        volumes = None,
        **kwargs):
    """An image for one platform, as the directory of an OCI image layout.

    The output is a directory `name` (image-spec, image-layout.md). The blobs of its
    layers are symbolic links to where the layers are; oci_image_index copies them.

    Also makes `name.digest`, whose output `name.json.sha256` holds the digest of the
    image's manifest, as `sha256:` and 64 hexadecimal digits, and a newline.

    What an image sets is merged with what its base sets: labels, annotations,
    exposed_ports, volumes and env add to it, the others replace it.

    Attributes that take a dict or a list take the label of a file as well. Such a file
    is used as it is, so mind the newline at its end where a comma separates.

    Args:
        name: of the target.
        created: label of a file that holds the time of creation (RFC 3339), the
            `created` of the image configuration (config.md). Default: that of the
            base, 1970-01-01T00:00:00Z without one. A newline at the end is kept.
        labels: dict of strings, or label of a file with one KEY=VALUE a line: `Labels`.
        annotations: dict of strings, or label of a file with one KEY=VALUE a line:
            `annotations` of the manifest (annotations.md).
        env: dict of strings, or label of a file with one NAME=VALUE a line: `Env`. In a
            value, `$NAME` and `${NAME}` stand for the value in the base or in an
            earlier line, and for nothing when it has none.
        cmd: list of strings, or label of a file with one a line: `Cmd`. Empty strings
            are left out.
        entrypoint: list of strings, or label of a file with one a line: `Entrypoint`.
            Removes the `Cmd` of the base. Empty strings are left out.
        exposed_ports: list of strings (`8060/tcp`, `53/udp`, `80`), or label of a file
            with a comma between them: `ExposedPorts`.
        volumes: list of paths, or label of a file with a comma between them: `Volumes`.
        **kwargs: the attributes of [oci_image_rule](#oci_image_rule) that are not
            above: base, os, architecture, variant, tars, user, workdir, resource_set;
            and the [common attributes](https://bazel.build/reference/be/common-definitions#common-attributes).
    """
    common = _common(kwargs)
    if type(created) in ("dict", "list", "tuple"):
        fail("oci_image %s: 'created' is a %s: give the label of a file that holds the time" % (name, type(created)))

    def file(attribute, value, kind, separator = "\n"):
        return inline_file(name, attribute, value, kind, separator, common)

    oci_image_rule(
        name = name,
        created = created,
        labels = file("labels", labels, "dict"),
        annotations = file("annotations", annotations, "dict"),
        env = file("env", env, "dict"),
        cmd = file("cmd", cmd, "list"),
        entrypoint = file("entrypoint", entrypoint, "list"),
        exposed_ports = file("exposed_ports", exposed_ports, "list", ","),
        volumes = file("volumes", volumes, "list", ","),
        **kwargs
    )
    oci_digest(
        name = name + ".digest",
        out = name + ".json.sha256",
        image = name,
        **common
    )

def oci_image_index(name, **kwargs):
    """An image for several platforms: an image index, as the directory of an OCI image layout.

    The output is a directory `name` which holds all blobs itself, none of them a link
    (image-spec, image-index.md). The order of its manifests is that of `images`.

    Also makes `name.digest`, whose output `name.json.sha256` holds the digest of the
    index, as `sha256:` and 64 hexadecimal digits, and a newline.

    Args:
        name: of the target.
        **kwargs: the attributes of [oci_image_index_rule](#oci_image_index_rule): images
            and platforms; and the
            [common attributes](https://bazel.build/reference/be/common-definitions#common-attributes).
    """
    oci_image_index_rule(name = name, **kwargs)
    oci_digest(
        name = name + ".digest",
        out = name + ".json.sha256",
        image = name,
        **_common(kwargs)
    )
