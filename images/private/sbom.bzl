"""The rules that write what is linked into the programs of an image."""

load(":layer.bzl", "ImageLayerInfo")
load(":transition.bzl", "image_transition")

visibility("//images/...")

ImageSbomsInfo = provider(
    doc = "The software bills of materials of an image.",
    fields = {
        "repository": "string: the image's repository",
        "sboms": "dict of string to File: the SPDX document of each platform",
    },
)

_SbomInfo = provider(
    doc = "A software bill of materials.",
    fields = {
        "file": "File: the SPDX 2.3 document in JSON",
        "platform": "string: OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT",
    },
)

def _linked_package(archive):
    # What is built here is in go.mod's own module, whatever its import path.
    return archive.importpath if archive.label.repo_name else "//" + archive.label.package

def _image_sbom_impl(ctx):
    layer = ctx.file.layer
    programs = ctx.attr.layer[ImageLayerInfo].programs
    image = ctx.actions.declare_file(ctx.label.name + ".image.json")
    ctx.actions.write(image, json.encode_indent({
        "go_mod": ctx.file._go_mod.path,
        "go_sum": ctx.file._go_sum.path,
        "layer": layer.path,
        "license_list": ctx.file._licenses.path,
        "module": ctx.file._module.path,
        "name": ctx.attr.repository,
        "platform": ctx.attr.platform,
        "programs": [
            {
                "file": program.file.path,
                "packages": [_linked_package(archive) for archive in program.archives.to_list()],
                "path": program.path,
            }
            for program in programs
        ],
        "version": ctx.attr.version,
    }) + "\n")

    out = ctx.actions.declare_file(ctx.label.name + ".spdx.json")
    args = ctx.actions.args()
    args.add(out)
    args.add(image)
    ctx.actions.run(
        executable = ctx.executable._sbom,
        arguments = [args],
        inputs = [image, layer, ctx.file._go_mod, ctx.file._go_sum, ctx.file._module, ctx.file._licenses] +
                 [program.file for program in programs],
        outputs = [out],
        mnemonic = "ImageSbom",
        progress_message = "Writing SBOM %{label}",
    )
    return [_SbomInfo(file = out, platform = ctx.attr.platform)]

image_sbom = rule(
    implementation = _image_sbom_impl,
    doc = "Writes an SPDX document of the Go modules in an image for one platform.",
    attrs = {
        "layer": attr.label(
            doc = "The image_layer.",
            mandatory = True,
            allow_single_file = True,
            providers = [ImageLayerInfo],
        ),
        "platform": attr.string(
            doc = "OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT.",
            mandatory = True,
        ),
        "repository": attr.string(mandatory = True),
        "version": attr.string(mandatory = True),
        "_go_mod": attr.label(
            default = "//:go.mod",
            allow_single_file = True,
        ),
        "_go_sum": attr.label(
            default = "//:go.sum",
            allow_single_file = True,
        ),
        "_licenses": attr.label(
            default = "//images:licenses.txt",
            allow_single_file = True,
        ),
        "_module": attr.label(
            default = "//:MODULE.bazel",
            allow_single_file = True,
        ),
        "_sbom": attr.label(
            default = "//tools/sbom",
            executable = True,
            cfg = "exec",
        ),
    },
    provides = [_SbomInfo],
)

def _image_sboms_impl(ctx):
    # Symbolic links, so that they are in bazel-bin whatever the flags.
    sboms = {}
    for target in ctx.attr.sboms:
        sbom = target[_SbomInfo]
        file = ctx.actions.declare_file("{}_{}.spdx.json".format(ctx.label.name.removesuffix("_sbom"), sbom.platform.replace("/", "_")))
        ctx.actions.symlink(output = file, target_file = sbom.file)
        sboms[sbom.platform] = file
    return [
        DefaultInfo(files = depset(sboms.values())),
        ImageSbomsInfo(repository = ctx.attr.repository, sboms = sboms),
    ]

image_sboms = rule(
    implementation = _image_sboms_impl,
    doc = "Builds the image_sbom of each platform in the configuration of images. The image does not depend on it: " +
          "for the program that writes SBOMs, Bazel has to fetch modules, which an image may not need.",
    attrs = {
        "platform": attr.string(
            doc = "As in the image, so that both use the same layers.",
            mandatory = True,
        ),
        "repository": attr.string(mandatory = True),
        "sboms": attr.label_list(
            doc = "The image_sbom of each platform.",
            mandatory = True,
            cfg = image_transition,
            providers = [_SbomInfo],
        ),
    },
    provides = [ImageSbomsInfo],
)
