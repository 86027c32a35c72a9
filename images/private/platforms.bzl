"""The platforms that an image can be built for: those of rules_go."""

visibility("//images/...")

# Where GOARCH says less than an OCI platform: Go's default for GOOS=linux
# GOARCH=arm is GOARM=7 (image-spec, image-index.md, "Platform Variants").
_VARIANTS = {"arm": "v7"}

# Bazel's names of CPUs, where they are not Go's.
_CPUS = {
    "amd64": "k8",
    "arm64": "aarch64",
}

def parse_platform(name):
    """Splits the name of a rules_go platform.

    Args:
      name: string, GOOS_GOARCH, such as "linux_arm64".

    Returns:
      struct(os, architecture, variant, cpu, label), or None if the name has another
      form. os, architecture and variant are the platform properties of an OCI image
      index (image-spec, image-index.md), cpu is for --cpu, and label is the Bazel
      platform.
    """
    os, _, architecture = name.partition("_")
    if not os or not architecture or "_" in architecture:
        return None
    return struct(
        architecture = architecture,
        cpu = _CPUS.get(architecture, architecture),
        label = Label("@rules_go//go/toolchain:" + name),
        os = os,
        variant = _VARIANTS.get(architecture, ""),
    )
