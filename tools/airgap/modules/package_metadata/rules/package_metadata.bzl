"""What gazelle's generated BUILD files load: package metadata that says nothing."""

load("//providers:package_metadata_info.bzl", "PackageMetadataInfo")

def _package_metadata_impl(_ctx):
    return [PackageMetadataInfo(files = depset(), metadata = None)]

_package_metadata = rule(
    implementation = _package_metadata_impl,
    attrs = {
        "attributes": attr.label_list(),
        "purl": attr.string(),
    },
    provides = [PackageMetadataInfo],
)

def package_metadata(name, **kwargs):
    """Declares the metadata of a package.

    Args:
      name: name of the target.
      **kwargs: attributes of the rule, `purl` (string) and `attributes` (labels).
    """

    # The package's default_package_metadata names this very target: without an
    # empty list of its own, it would depend on itself.
    _package_metadata(name = name, applicable_licenses = [], **kwargs)
