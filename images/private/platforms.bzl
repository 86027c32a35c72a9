"""The platforms that an image can be built for: those of rules_go."""

visibility("//images/...")

# Where GOARCH says less than the OCI platform wants: Go's default for GOOS=linux
# GOARCH=arm is GOARM=7 (image-spec, image-index.md, "Platform Variants").
_VARIANTS = {"arm": "v7"}

def parse_platform(name):
    """Splits the name of a rules_go platform.

    Args:
      name: string, GOOS_GOARCH, such as "linux_arm64".

    Returns:
      struct(os, architecture, variant, label): the platform properties of an OCI
      image index (image-spec, image-index.md) and the Bazel platform's label.
    """
    os, _, architecture = name.partition("_")
    if not os or not architecture or "_" in architecture:
        fail("go_image: platforms: {} is not a rules_go platform; write GOOS_GOARCH, such as linux_amd64".format(repr(name)))
    return struct(
        architecture = architecture,
        label = Label("@rules_go//go/toolchain:" + name),
        os = os,
        variant = _VARIANTS.get(architecture, ""),
    )
