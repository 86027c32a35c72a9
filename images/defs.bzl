"""Macros for container images of Go services.

    load("//images:defs.bzl", "digests_test", "go_image", "image_command", "image_set")

    go_image(
        name = "hello",
        binary = "//hello",
        exposed_ports = ["8060/tcp"],
    )

    image_set(
        name = "published",
        digests = "digests.json",
    )

    image_command(
        name = "push",
        images = ":published",
        tool = "//tools/push",
    )

    digests_test(
        name = "digests_test",
        images = ":published",
    )
"""

load("@rules_oci//oci:defs.bzl", "oci_image", "oci_image_index")
load("//images/private:command.bzl", "image_set_test", _image_command = "image_command", _image_set = "image_set")
load("//images/private:index.bzl", "image_index")
load("//images/private:layer.bzl", "image_layer")
load("//images/private:platforms.bzl", "parse_platform")
load("//images/private:test.bzl", "image_test")

# The user and group nobody of private/etc/passwd. By number, as Kubernetes'
# runAsNonRoot refuses a user that it knows by name only.
_USER = "65534:65534"

_ETC = {
    "//images/private:etc/group": "/etc/group",
    "//images/private:etc/passwd": "/etc/passwd",
}

_TITLE = "org.opencontainers.image.title"

def go_image(
        name,
        binary,
        *,
        platforms = ["linux_amd64", "linux_arm64"],
        repository = None,
        version = None,
        title = None,
        description = None,
        licenses = None,
        source = None,
        annotations = {},
        cmd = [],
        env = {},
        exposed_ports = [],
        files = {},
        visibility = None):
    """Makes a reproducible image of a go_binary, for several platforms.

    The base is empty. The one layer has the binary (/REPOSITORY, mode 0755),
    /etc/passwd, /etc/group and `files`, and nothing else; it runs as nobody, uid and
    gid 65534, in /. Whatever the flags of the build, the binary is pure, static,
    stripped and optimized: equal sources give an equal digest.

    Args:
      name: string. The image index, as an OCI image layout folder; NAME.digest is a
        file with its digest and a newline. Each platform gets a test,
        NAME_PLATFORM_test.
      binary: label of the go_binary.
      platforms: list of string. Platforms of rules_go, GOOS_GOARCH, in the order of
        the image index (image-spec, image-index.md).
      repository: string. The repository's name in a registry; default: name.
      version: string. The version tag, vMAJOR.MINOR.PATCH; default: the version of
        the module in MODULE.bazel.
      title: string. Human-readable title (annotation
        org.opencontainers.image.title); default: repository.
      description: string, or None (org.opencontainers.image.description).
      licenses: string, SPDX expression, or None (org.opencontainers.image.licenses).
      source: string, URL of the sources, or None (org.opencontainers.image.source).
      annotations: dict of string to string. Further annotations (image-spec,
        annotations.md). All of them are set on the image index and on each
        manifest, and as labels in each config.
      cmd: list of string. Default arguments of the binary (image-spec, config.md, Cmd).
      env: dict of string to string (config.md, Env).
      exposed_ports: list of string, such as "8060/tcp" (config.md, ExposedPorts).
      files: dict of label to absolute path. Further files of the image, mode 0644.
      visibility: visibility of the image and its digest.
    """
    repository = repository or name
    version = version or "v" + native.module_version()
    if not _is_version_tag(version):
        fail("go_image {}: version: {} is not vMAJOR.MINOR.PATCH".format(repr(name), repr(version)))
    if not platforms:
        fail("go_image {}: platforms: name at least one, such as linux_amd64".format(repr(name)))
    binary_path = "/" + repository.split("/")[-1]
    metadata = {
        _TITLE: title or repository,
        "org.opencontainers.image.description": description,
        "org.opencontainers.image.licenses": licenses,
        "org.opencontainers.image.source": source,
        "org.opencontainers.image.version": version,
    }
    metadata = {key: value for key, value in metadata.items() if value} | annotations
    layer_files = _ETC | files

    images = []
    for platform_name in platforms:
        platform = parse_platform(platform_name)
        image = "_{}_{}".format(name, platform_name)

        # One layer, as every file of it changes with the binary or not at all.
        image_layer(
            name = image + "_layer",
            binary = binary,
            binary_path = binary_path,
            files = layer_files,
            platform = platform.label,
            tags = ["manual"],
            visibility = ["//visibility:private"],
        )
        oci_image(
            name = image,
            annotations = metadata,
            architecture = platform.architecture,
            cmd = cmd or None,
            entrypoint = [binary_path],
            env = env or None,
            exposed_ports = exposed_ports or None,
            labels = metadata,
            os = platform.os,
            tags = ["manual"],
            tars = [image + "_layer"],
            user = _USER,
            variant = platform.variant or None,
            visibility = ["//visibility:private"],
            workdir = "/",
        )
        images.append(image)

        image_test(
            name = "{}_{}_test".format(name, platform_name),
            size = "small",
            expected = json.encode({
                "annotations": metadata,
                "config": {
                    "Cmd": cmd,
                    "Entrypoint": [binary_path],
                    "Env": ["{}={}".format(key, value) for key, value in env.items()],
                    "ExposedPorts": {port: {} for port in exposed_ports},
                    "Labels": metadata,
                    "User": _USER,
                    "WorkingDir": "/",
                },
                "files": {binary_path: "0755"} | {path: "0644" for path in layer_files.values()},
                "platform": {
                    "architecture": platform.architecture,
                    "os": platform.os,
                    "variant": platform.variant,
                },
            }),
            image = name,
        )

    # The index of rules_oci, which cannot carry annotations of its own.
    oci_image_index(
        name = "_{}_index".format(name),
        images = images,
        tags = ["manual"],
        visibility = ["//visibility:private"],
    )
    image_index(
        name = name,
        annotations = metadata,
        digest = name + ".digest",
        index = "_{}_index".format(name),
        repository = repository,
        version = version,
        visibility = visibility,
    )

def image_set(name, digests, images = [], **kwargs):
    """Lists images for commands and tests.

    They are those that go_image made above it in the same BUILD file, and the ones
    of other packages that `images` names.

    Args:
      name: string.
      digests: label of the file with the recorded digests, which
        `bazel run //images:update_digests` writes.
      images: list of label. Images of other packages.
      **kwargs: common attributes of a rule.
    """
    _image_set(
        name = name,
        digests = digests,
        images = sorted([
            rule["name"]
            for rule in native.existing_rules().values()
            if rule["kind"] == "image_index"
        ]) + images,
        **kwargs
    )

def image_command(name, images, tool, **kwargs):
    """Makes a command that works on images, to be run by `bazel run`.

    Args:
      name: string.
      images: label of the image_set.
      tool: label of the go_binary to run; it finds the list of images in the file
        NAME.images.json beside the program.
      **kwargs: common attributes of a rule.
    """
    _image_command(
        name = name,
        images = images,
        tool = tool,
        **kwargs
    )

def digests_test(name, images, **kwargs):
    """Tests that images are, byte for byte, the recorded ones.

    Where they differ it prints, for each image and platform, the old and the new
    digest and what changed. `bazel run //images:update_digests` records new ones.

    Args:
      name: string.
      images: label of the image_set, which names the recorded digests too.
      **kwargs: common attributes of a test.
    """
    image_set_test(
        name = name,
        size = "small",
        images = images,
        tool = "//tools/digests/check",
        **kwargs
    )

def _is_version_tag(version):
    parts = version.removeprefix("v").split(".")
    return version.startswith("v") and len(parts) == 3 and all([
        part.isdigit() and (part == "0" or not part.startswith("0"))
        for part in parts
    ])
