"Values of attributes given in a BUILD file, as files."

def _content_impl(ctx):
    out = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(out, ctx.attr.separator.join(ctx.attr.elements))
    return [DefaultInfo(files = depset([out]))]

_content = rule(
    implementation = _content_impl,
    doc = "A file of the elements with the separator between them, and nothing at the end.",
    attrs = {
        "elements": attr.string_list(),
        "separator": attr.string(),
    },
)

def inline_file(name, attribute, value, kind, separator, common):
    """Makes a file of an attribute's value, unless it is the label of one.

    Args:
        name: name of the target whose attribute it is.
        attribute: name of the attribute.
        value: a dict or list of strings as `kind` says, the label of a file, or None.
        kind: "dict" or "list".
        separator: what comes between two elements in the file. If it is a newline, one
            inside an element of a list is written as %5Cn.
        common: dict of the target's common attributes.

    Returns:
        A value for an attribute that takes a label.
    """
    if type(value) in ("NoneType", "string", "Label", "select"):
        return value
    if type(value) != kind:
        fail("oci_image %s: '%s' is a %s: give a %s of strings, or the label of a file" % (name, attribute, type(value), kind))
    if kind == "dict":
        elements = ["{}={}".format(k, v) for k, v in value.items()]
    else:
        for element in value:
            if type(element) != "string":
                fail("oci_image %s: element %r of '%s' is of type %s: give strings only" % (name, element, attribute, type(element)))
        elements = [e.replace("\n", "%5Cn") if separator == "\n" else e for e in value]

    target = "%s.%s.txt" % (name, attribute)
    attributes = {k: v for k, v in common.items() if k != "deprecation"}
    attributes["tags"] = (common.get("tags") or []) + ["manual"]
    attributes["visibility"] = ["//visibility:private"]
    _content(name = target, elements = elements, separator = separator, **attributes)
    return target
