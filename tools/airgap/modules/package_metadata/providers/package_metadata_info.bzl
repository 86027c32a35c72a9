"""The provider that package_metadata targets give."""

PackageMetadataInfo = provider(
    doc = "Metadata of a package.",
    fields = {
        "files": "depset of File: the files that metadata refers to",
        "metadata": "File: the metadata, or None",
    },
)
