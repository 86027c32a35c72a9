"""The lines of an image's listing that its go_image implies.

The format is that of //tools/image/listing, `SUBJECT FIELD: VALUE`.
"""

visibility("//images/...")

def manifest_facts(platform, annotations):
    """Returns the lines of an image manifest.

    Args:
      platform: string, OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT.
      annotations: dict of string to string.

    Returns:
      list of string.
    """
    return [
        "{} annotation {}: {}".format(platform, quote_plain(key), json.encode(value))
        for key, value in annotations.items()
    ]

def config_facts(platform, config):
    """Returns the lines of an image configuration (image-spec, config.md).

    Args:
      platform: string, OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT.
      config: dict of JSON values, without lists of dicts.

    Returns:
      list of string.
    """
    facts = []
    for key, value in config.items():
        for path, leaf in _leaves([("." + key, value)]):
            facts.append("{} config {}: {}".format(platform, path, json.encode(leaf)))
    return facts

def _leaves(pairs):
    """Returns the paths of values, as jq writes them, and the values.

    Dicts that are not empty are replaced by their members, three levels deep: those of
    .config.Labels.
    """
    for _ in range(3):
        members = []
        for path, value in pairs:
            if type(value) == "dict" and value:
                members += [(path + _member(key), value[key]) for key in value]
            else:
                members.append((path, value))
        pairs = members
    return pairs

def _member(key):
    is_name = key.replace("_", "a").isalnum() and not key[0].isdigit() and _is_ascii(key)
    return "." + key if is_name else "[{}]".format(quote(key))

def file_facts(platform, path, type, mode):
    """Returns the lines of a file or a directory of the layer.

    Args:
      platform: string, OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT.
      path: string, absolute.
      type: "file" or "directory".
      mode: string, four octal digits.

    Returns:
      list of string.
    """
    subject = "{} layer 1 {} ".format(platform, quote_plain(path))
    return [
        subject + "type: " + type,
        subject + "mode: " + mode,
        subject + "owner: 0:0",
    ]

def _code(byte):
    """Returns the number of a byte: Bazel's strings have one character for each byte of UTF-8."""

    # Documented to be that of Java: for one character, its number.
    return hash(byte)

def _is_ascii(s):
    return all([_code(byte) < 0x80 for byte in s.elems()])

def quote_plain(s):
    """Quotes a string unless it is printable ASCII without blanks and quotes, and no colon is last.

    Args:
      s: string without control characters.

    Returns:
      string.
    """
    plain = s and "\"" not in s and s[-1] != ":" and all([byte > " " and byte <= "~" for byte in s.elems()])
    return s if plain else quote(s)

def quote(s):
    """Quotes a string as Go's strconv.QuoteToASCII does.

    Args:
      s: string of valid UTF-8, without control characters.

    Returns:
      string.
    """
    quoted = ""
    code_point, missing = 0, 0
    for byte in s.replace("\\", "\\\\").replace("\"", "\\\"").elems():
        code = _code(byte)
        if code < 0x80:
            quoted += byte
            continue
        if code < 0xc0:
            code_point, missing = code_point * 64 + code - 0x80, missing - 1
        elif code < 0xe0:
            code_point, missing = code - 0xc0, 1
        elif code < 0xf0:
            code_point, missing = code - 0xe0, 2
        else:
            code_point, missing = code - 0xf0, 3
        if missing == 0:
            quoted += "\\u" + _hex(code_point, 4) if code_point < 0x10000 else "\\U" + _hex(code_point, 8)
    return "\"" + quoted + "\""

def _hex(number, digits):
    text = ""
    for _ in range(digits):
        text = "0123456789abcdef"[number % 16] + text
        number //= 16
    return text
