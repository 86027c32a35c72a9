"""The rule that writes an image's one layer."""

load("@rules_go//go:def.bzl", "GoArchive")
load(":transition.bzl", "flag_error", "image_transition")
load(":values.bzl", "label_text")

visibility("//images/...")

ImageLayerInfo = provider(
    doc = "What is in a layer.",
    fields = {
        "contents": "list of struct(path, mode, file): regular files. If file is a " +
                    "directory, path is that of the directory, and all files below it have the mode",
        "directories": "dict of string to string: the mode of each directory",
        "programs": "list of struct(path, file, archives): Go programs, and all that is linked " +
                    "into each but for the standard library, as depset of rules_go's GoArchiveData",
    },
)

_PROGRAM_MODE = "0755"

def _content(path, mode, file):
    return struct(file = file, mode = mode, path = path)

def _relative_path(file):
    """Returns a file's path relative to the package that it is in."""
    package = file.owner.package + "/" if file.owner.package else ""
    if file.owner.workspace_name:
        package = "../" + file.owner.workspace_name + "/" + package
    return file.short_path.removeprefix(package)

def _contents_of_target(ctx, target, path):
    """Returns what a target of `files` puts at the path."""
    files = target[DefaultInfo].files.to_list()
    names = ", ".join([file.basename for file in files])
    if path.endswith("/"):
        if not files:
            fail("{}: files: {} has no files to put below {}".format(ctx.attr.image, label_text(target.label), path))
        return [
            _content(path.removesuffix("/") if file.is_directory else path + _relative_path(file), "0644", file)
            for file in files
        ]
    if len(files) != 1:
        fail("{}: files: {} has {} files ({}) and {} is the path of one file; end the path with / to put them all below it".format(
            ctx.attr.image,
            label_text(target.label),
            len(files),
            names or "none",
            path,
        ))
    file = files[0]
    if file.is_directory:
        fail("{}: files: {} makes the directory {}; end the path {} with / to put its files below it".format(
            ctx.attr.image,
            label_text(target.label),
            names,
            path,
        ))

    # A file that is named by its own label counts as executable too, whatever it is.
    if file == target[DefaultInfo].files_to_run.executable and file.owner == target.label and not file.is_source:
        return _program_contents(ctx, target, file, path)
    return [_content(path, "0644", file)]

def _program_contents(ctx, target, program, path):
    """Returns a program and its runfiles, where runfiles libraries look for them."""
    info = target[DefaultInfo]
    runfiles = {}
    for file in info.default_runfiles.files.to_list():
        if file == program:
            continue
        if file.short_path.startswith("../"):
            runfiles[file.short_path.removeprefix("../")] = file
        else:
            runfiles[ctx.workspace_name + "/" + file.short_path] = file
    for link in info.default_runfiles.symlinks.to_list():
        runfiles[ctx.workspace_name + "/" + link.path] = link.target_file
    for link in info.default_runfiles.root_symlinks.to_list():
        runfiles[link.path] = link.target_file
    if runfiles and info.files_to_run.repo_mapping_manifest:
        runfiles["_repo_mapping"] = info.files_to_run.repo_mapping_manifest
    return [_content(path, _PROGRAM_MODE, program)] + [
        # Bazel makes every output executable, so any of them may be run.
        _content(path + ".runfiles/" + name, _PROGRAM_MODE, file)
        for name, file in runfiles.items()
    ]

def _programs(target, contents):
    """Returns the Go program that a target is, in a list, or an empty list."""
    if GoArchive not in target:
        return []
    executable = target[DefaultInfo].files_to_run.executable
    return [
        struct(archives = target[GoArchive].transitive, file = content.file, path = content.path)
        for content in contents
        if content.file == executable
    ]

def _with_modes(ctx, contents):
    """Returns the contents with the modes of the attribute `modes`."""
    unused = dict(ctx.attr.modes)
    result = []
    for content in contents:
        mode = unused.pop(content.path, content.mode)
        result.append(_content(content.path, mode, content.file))
    if unused:
        fail("{}: modes: no file has the path {}".format(ctx.attr.image, ", ".join(unused.keys())))
    return result

def _image_layer_impl(ctx):
    error = flag_error(ctx.var, ctx.configuration.default_shell_env)
    if error:
        fail("{}: {}".format(ctx.attr.image, error))
    contents = _program_contents(ctx, ctx.attr.binary[0], ctx.file.binary, ctx.attr.binary_path)
    programs = _programs(ctx.attr.binary[0], contents)
    if not programs:
        fail("{}: binary: {} is not a go_binary".format(ctx.attr.image, label_text(ctx.attr.binary[0].label)))
    for target, path in ctx.attr.files.items():
        added = _contents_of_target(ctx, target, path)
        programs += _programs(target, added)
        contents += added
    contents = _with_modes(ctx, contents)

    # In a file, as arguments of a program would go through the locale of Bazel's server.
    entries = ctx.actions.args()
    entries.set_param_file_format("multiline")
    entries.use_param_file("%s", use_always = True)
    for content in contents:
        entries.add_all([content.file], map_each = _list_entry(content), allow_closure = True)
    for path, mode in ctx.attr.directories.items():
        entries.add_all(["directory", path, mode])

    out = ctx.actions.declare_file(ctx.label.name + ".tar.gz")
    args = ctx.actions.args()
    args.add("layer")
    args.add(out)
    ctx.actions.run(
        executable = ctx.executable._layer,
        arguments = [args, entries],
        inputs = [content.file for content in contents],
        outputs = [out],
        mnemonic = "ImageLayer",
        progress_message = "Writing layer %{label}",
    )
    return [
        DefaultInfo(files = depset([out])),
        ImageLayerInfo(contents = contents, directories = ctx.attr.directories, programs = programs),
    ]

def path_in_layer(content, file):
    """Returns the path of a file of the contents.

    Args:
      content: struct(path, mode, file).
      file: File, content.file, or a file below it if it is a directory.

    Returns:
      string.
    """
    return content.path + "/" + file.tree_relative_path if content.file.is_directory else content.path

def _list_entry(content):
    return lambda file: ["file", path_in_layer(content, file), content.mode, file.path]

image_layer = rule(
    implementation = _image_layer_impl,
    doc = "Writes a binary and other files, all built in the configuration of images, into a layer.",
    attrs = {
        "binary": attr.label(
            doc = "The go_binary.",
            mandatory = True,
            allow_single_file = True,
            cfg = image_transition,
        ),
        "binary_path": attr.string(
            doc = "The binary's absolute path in the image; its mode is 0755.",
            mandatory = True,
        ),
        "directories": attr.string_dict(
            doc = "The mode of each directory, by its absolute path.",
        ),
        "files": attr.label_keyed_string_dict(
            doc = "Further files and their absolute paths in the image.",
            allow_files = True,
            cfg = image_transition,
        ),
        "image": attr.string(
            doc = "The go_image, for error messages.",
            mandatory = True,
        ),
        "modes": attr.string_dict(
            doc = "Modes of files, by their paths, where the default does not fit.",
        ),
        "platform": attr.string(
            doc = "The platform to build for, such as linux_amd64.",
            mandatory = True,
        ),
        "_layer": attr.label(
            default = "//tools/layer",
            executable = True,
            cfg = "exec",
        ),
    },
    provides = [ImageLayerInfo],
)
