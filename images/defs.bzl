"""Macros for reproducible container images of Go services.

    load("//images:defs.bzl", "digests_test", "go_image", "image_command", "image_set")

    go_image(
        name = "hello",
        binary = "//hello",
        exposed_ports = ["8060/tcp"],
    )

    image_set(name = "published")

    image_command(
        name = "push",
        images = ":published",
    )

    digests_test(
        name = "digests_test",
        images = ":published",
    )
"""

load("@bazel_skylib//rules:write_file.bzl", "write_file")
load("@rules_oci//oci:defs.bzl", "oci_image")
load("//images/private:command.bzl", _image_command = "image_command")
load("//images/private:index.bzl", "image_index", _go_image = "go_image")
load("//images/private:layer.bzl", "image_layer")
load("//images/private:platforms.bzl", "parse_platform")
load("//images/private:record.bzl", "duplicate_error", _image_set = "image_set")
load("//images/private:sbom.bzl", "image_sbom", "image_sboms")
load("//images/private:test.bzl", "structure_test", _digests_test = "digests_test")
load(
    "//images/private:values.bzl",
    "argument_error",
    "created_error",
    "env_error",
    "mode_error",
    "pair_error",
    "path_error",
    "port_error",
    "repository_error",
    "user_error",
    "version_error",
)

_ETC = {
    "//images/private:etc/group": "/etc/group",
    "//images/private:etc/passwd": "/etc/passwd",
}

_TITLE = "org.opencontainers.image.title"

# The default of rules_oci.
_EPOCH = "1970-01-01T00:00:00Z"

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
        created = _EPOCH,
        directories = {},
        env = {},
        exposed_ports = [],
        files = {},
        max_compressed_bytes = 0,
        max_unpacked_bytes = 0,
        modes = {},
        testonly = False,
        user = "65534:65534",
        visibility = None):
    """Makes a reproducible image of a go_binary, for several platforms.

    The base is empty. The one layer has the binary (/REPOSITORY, mode 0755), its
    runfiles, /etc/passwd, /etc/group, `files` and `directories`, and nothing else; all
    belong to 0:0 and are modified at the epoch. The binary runs as nobody, in /.

    Everything in the image is built for its platform, in one configuration, whatever
    the flags of the build: optimized, stripped, static, without cgo. Equal sources
    give an equal digest. Flags that a configuration cannot reset are errors: --define
    and --noincompatible_strict_action_env. A build setting of your own is not reset.

    All text is carried as it is written. The macro refuses what rules_oci would
    change: several lines, `=` in a key, `$` and a final `=` in a value of `env`, an
    empty argument. The message names the attribute and the value.

    ### What the image does not have

    A service in an empty base misses what a distribution has. For each there is a way
    that needs no file of the build machine:

    * Certificates of authorities, for HTTPS to other services. In Go: a blank import
      of golang.org/x/crypto/x509roots/fallback, which links Mozilla's list (150 KB)
      at the version in go.mod. Or a bundle in the repository:
      `files = {"ca.pem": "/etc/ssl/certs/ca-certificates.crt"}`.
    * Time zones, for time.LoadLocation. In Go: a blank import of time/tzdata (400 KB),
      or gotags = ["timetzdata"] in the go_binary.
    * A directory for temporary files, for os.CreateTemp and for uploaded forms:
      `directories = {"/tmp": "1777"}`. Under a read-only root file system, mount a
      tmpfs on it.
    * Users other than root and nobody. The user is a number and needs no entry:
      `user = "1000:1000"`. For os/user, put your own file in place of the image's:
      `files = {"passwd": "/etc/passwd"}`.
    * A shell and other programs. A helper is a go_binary in `files`, built for the
      platform and executable: `files = {"//probe": "/bin/probe"}`.
    * Host names. Go's own resolver reads the /etc/resolv.conf and /etc/hosts that the
      container engine mounts.

    ### Runfiles

    `data` of the binary, and of the libraries in it, is in /REPOSITORY.runfiles, where
    rules_go's runfiles library looks for it (//go/runfiles); that of a helper is
    beside the helper. Every file there has the mode 0755, as Bazel makes each output
    executable. Files of external repositories are below the canonical names of these,
    which differ between versions of Bazel.

    Args:
      name: string. The target is the image index, as a directory with an OCI image
        layout (image-spec, image-layout.md), and the file NAME.digest with its digest
        and a newline. Each platform gets a test, NAME_PLATFORM_test. The target NAME_sbom
        is the SBOMs (SPDX 2.3), the files NAME_OS_ARCHITECTURE.spdx.json.
      binary: label of the go_binary.
      platforms: list of string. Platforms of rules_go, GOOS_GOARCH, in the order of
        the image index (image-spec, image-index.md).
      repository: string. The repository's name in a registry, such as "team/hello"
        (distribution-spec, "Pulling manifests"); default: name. No two images have
        the same. The last component names the binary.
      version: string. The version tag, vMAJOR.MINOR.PATCH or a pre-release of it such
        as v1.1.0-rc.1 (Semantic Versioning 2.0.0, items 2 and 9); build metadata (+)
        cannot be in a tag. Default: the version of the module in MODULE.bazel, which
        changes the digests of all images that have it; services that are released on
        their own set it.
      title: string. Human-readable title (annotation
        org.opencontainers.image.title); default: repository.
      description: string, or None (org.opencontainers.image.description).
      licenses: string, SPDX expression, or None (org.opencontainers.image.licenses).
      source: string, URL of the sources, or None (org.opencontainers.image.source).
      annotations: dict of string to string. Further annotations (image-spec,
        annotations.md). All of them are set on the image index and on each
        manifest, and as labels in each config.
      cmd: list of string. Default arguments of the binary (image-spec, config.md, Cmd).
      created: string. The time in the config (config.md, created), RFC 3339 in UTC,
        such as "2026-01-31T12:00:00Z", for registries that sort or delete by age;
        default: the epoch. It is part of the digest.
      directories: dict of string to string. Directories by absolute path, and their
        modes, four octal digits: {"/tmp": "1777"}. A directory that holds files
        needs no entry; without one it gets the mode 0755 of the container engine.
      env: dict of string to string (config.md, Env).
      exposed_ports: list of string, such as "8060/tcp" (config.md, ExposedPorts).
      files: dict of label to string. Further files of the image, by absolute path. For
        a path that ends with "/", all files of the target go below that directory,
        under their paths relative to their package, or to the directory that the
        target makes. The mode is 0755 for the program of a binary rule, else 0644.
      max_compressed_bytes: int. The tests fail if the layer has more bytes as it is
        stored and pulled; 0: no limit.
      max_unpacked_bytes: int. The tests fail if all files of a platform together have
        more bytes; 0: no limit.
      modes: dict of string to string. Modes of files, by absolute path, four octal
        digits: {"/bin/run.sh": "0755"}. The path of a directory that a target makes
        is for all files in it.
      testonly: bool. The image is for tests and is never published: no image_set has
        it. The tests of other images fail if //images:published does not have them.
      user: string. UID:GID or UID, in numbers (config.md, User); default: nobody.
      visibility: visibility of the image and its digest.
    """
    repository = repository or name
    version = version or "v" + native.module_version()
    binary_path = "/" + repository.split("/")[-1]
    metadata = {
        _TITLE: title or repository,
        "org.opencontainers.image.description": description,
        "org.opencontainers.image.licenses": licenses,
        "org.opencontainers.image.source": source,
        "org.opencontainers.image.version": version,
    }
    metadata = {key: value for key, value in metadata.items() if value} | annotations

    # Attribute, value, what is wrong with it or None.
    checks = [
        ("repository", repository, repository_error(repository)),
        ("version", version, version_error(version)),
        ("created", created, created_error(created)),
        ("user", user, user_error(user)),
    ]
    checks += [(_attribute(key), value, pair_error(key, value)) for key, value in metadata.items()]
    checks += [("cmd", argument, argument_error(argument)) for argument in cmd]
    checks += [("env", key + "=" + value, env_error(key, value)) for key, value in env.items()]
    checks += [("exposed_ports", port, port_error(port)) for port in exposed_ports]
    checks += [("files", path, path_error(path.removesuffix("/"))) for path in files.values()]
    checks += [("directories", path, path_error(path)) for path in directories]
    checks += [("directories", mode, mode_error(mode)) for mode in directories.values()]
    checks += [("modes", path, path_error(path)) for path in modes]
    checks += [("modes", mode, mode_error(mode)) for mode in modes.values()]
    checks += [
        ("platforms", platform, None if parse_platform(platform) else "it is not a rules_go platform, GOOS_GOARCH, such as linux_amd64")
        for platform in platforms
    ]
    for attribute, value, error in checks:
        if error:
            fail("go_image {}: {}: {}: {}".format(repr(name), attribute, repr(value), error))
    if not platforms:
        fail("go_image {}: platforms: name at least one, such as linux_amd64".format(repr(name)))
    error = duplicate_error(_repositories() + [(name, repository)])
    if error:
        fail("go_image {}: repository: {}".format(repr(name), error))

    # Files of the caller are in place of those of the same path.
    layer_files = {label: path for label, path in _ETC.items() if path not in files.values()} | files
    if created != _EPOCH:
        # Without a newline: rules_oci takes the file as it is.
        write_file(
            name = "_{}_created".format(name),
            out = "_{}_created.txt".format(name),
            content = [created],
            tags = ["manual"],
            testonly = testonly,
            visibility = ["//visibility:private"],
        )

    images = []
    sboms = []
    for platform_name in platforms:
        platform = parse_platform(platform_name)
        platform_text = "/".join([part for part in [platform.os, platform.architecture, platform.variant] if part])
        inner = "_{}_{}".format(name, platform_name)

        # One layer, as every file in it changes with the binary or not at all.
        image_layer(
            name = inner + "_layer",
            binary = binary,
            binary_path = binary_path,
            directories = directories,
            files = layer_files,
            image = "go_image {}".format(repr(name)),
            modes = modes,
            platform = platform_name,
            tags = ["manual"],
            testonly = testonly,
            visibility = ["//visibility:private"],
        )
        oci_image(
            name = inner,
            annotations = metadata,
            architecture = platform.architecture,
            cmd = cmd or None,
            created = "_{}_created".format(name) if created != _EPOCH else None,
            entrypoint = [binary_path],
            env = env or None,
            exposed_ports = exposed_ports or None,
            labels = metadata,
            os = platform.os,
            tags = ["manual"],
            tars = [inner + "_layer"],
            testonly = testonly,
            user = user,
            variant = platform.variant or None,
            visibility = ["//visibility:private"],
            workdir = "/",
        )
        images.append(inner)
        image_sbom(
            name = inner + "_sbom",
            layer = inner + "_layer",
            platform = platform_text,
            repository = repository,
            tags = ["manual"],
            testonly = testonly,
            version = version,
            visibility = ["//visibility:private"],
        )
        sboms.append(inner + "_sbom")

        settings = {
            "Cmd": cmd,
            "Entrypoint": [binary_path],
            "Env": ["{}={}".format(key, value) for key, value in env.items()],
            "ExposedPorts": {port: {} for port in exposed_ports},
            "Labels": metadata,
            "User": user,
            "WorkingDir": "/",
        }
        structure_test(
            name = "{}_{}_test".format(name, platform_name),
            size = "small",
            annotations = metadata,
            binary_path = binary_path,
            config = json.encode({
                "architecture": platform.architecture,
                "config": {key: value for key, value in settings.items() if value},
                "created": created,
                "os": platform.os,
            } | ({"variant": platform.variant} if platform.variant else {})),
            image = name,
            layer = inner + "_layer",
            max_compressed_bytes = max_compressed_bytes,
            max_unpacked_bytes = max_unpacked_bytes,
            platform = platform_text,
            published = None if testonly else "//images:published",
        )

    image_index(
        name = "_{}_index".format(name),
        annotations = metadata,
        images = images,
        tags = ["manual"],
        testonly = testonly,
        visibility = ["//visibility:private"],
    )
    _go_image(
        name = name,
        digest = name + ".digest",
        index = "_{}_index".format(name),
        platform = platforms[0],
        repository = repository,
        testonly = testonly,
        version = version,
        visibility = visibility,
    )
    image_sboms(
        name = name + "_sbom",
        platform = platforms[0],
        repository = repository,
        sboms = sboms,
        testonly = testonly,
        visibility = visibility,
    )

def _attribute(annotation):
    """Returns the attribute of go_image that sets an annotation."""
    for attribute in ["title", "description", "licenses", "source", "version"]:
        if annotation == "org.opencontainers.image." + attribute:
            return attribute
    return "annotations"

def _repositories():
    """Returns the names and repositories of the images above in this BUILD file that can be published."""
    return [
        (rule["name"], rule["repository"])
        for rule in native.existing_rules().values()
        if rule["kind"] == "go_image" and not rule.get("testonly")
    ]

def image_set(name, *, digests = "digests", images = [], **kwargs):
    """Lists images, and their records, for commands and tests.

    The images are those that go_image makes above it in the same BUILD file, and
    those of other packages in `images`. No two have the same repository.

    Args:
      name: string.
      digests: string. The directory of the records, relative to the package. The record
        of an image is REPOSITORY.txt, which `bazel run //images:update_digests` writes.
      images: list of label. Images of other packages.
      **kwargs: common attributes of a rule.
    """
    labels = [
        native.package_relative_label(image)
        for image in sorted([image for image, _ in _repositories()]) + images
    ]
    _image_set(
        name = name,
        digests = digests,
        images = labels,
        sboms = [label.same_package_label(label.name + "_sbom") for label in labels],
        records = native.glob([digests + "/**/*.txt"], allow_empty = True),
        **kwargs
    )

def image_command(name, images = None, **kwargs):
    """Makes a command that works on images, for `bazel run`.

    Args:
      name: string. The command of //tools/image: push, verify, trusted, diff, load, demo
        or update_digests.
      images: label of the image_set; none for trusted, which builds no image.
      **kwargs: common attributes of a rule.
    """
    _image_command(
        name = name,
        images = images,
        **kwargs
    )

def digests_test(name, images, **kwargs):
    """Tests that images are, byte for byte, the recorded ones.

    Where one differs it prints what changed. `bazel run //images:update_digests`
    records the images as they are.

    Args:
      name: string.
      images: label of the image_set.
      **kwargs: common attributes of a test.
    """
    _digests_test(
        name = name,
        size = "small",
        images = images,
        **kwargs
    )
