"The digest of an image or an image index, in a file."

load(":tool.bzl", "OCILAYOUT")

def _oci_digest_impl(ctx):
    args = ctx.actions.args()
    args.add("digest")
    args.add("-out", ctx.outputs.out)
    args.add_all([ctx.file.image], expand_directories = False)
    ctx.actions.run(
        executable = ctx.executable._ocilayout,
        arguments = [args],
        inputs = [ctx.file.image],
        outputs = [ctx.outputs.out],
        mnemonic = "OCIDigest",
        progress_message = "OCI Digest %{label}",
    )
    return [DefaultInfo(files = depset([ctx.outputs.out]))]

oci_digest = rule(
    implementation = _oci_digest_impl,
    doc = "Writes the digest of what the layout's index.json names, and a newline.",
    attrs = {
        "image": attr.label(
            doc = "Label of an oci_image or an oci_image_index.",
            mandatory = True,
            allow_single_file = True,
        ),
        "out": attr.output(
            doc = "The file.",
            mandatory = True,
        ),
        "_ocilayout": OCILAYOUT,
    },
)
