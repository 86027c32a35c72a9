"""Checks of go_image's attributes, made when the BUILD file is loaded.

rules_oci hands most values over in text files with one value a line, which a shell
and jq read. Those that would not arrive as they were written are refused.
"""

visibility("//images/...")

_LOWER = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"
_ALPHANUMERIC = _DIGITS + _LOWER + _LOWER.upper()

def _only(s, characters):
    return all([character in characters for character in s.elems()])

def _is_number(s):
    """Whether s is a decimal number without leading zeros."""
    return s != "" and _only(s, _DIGITS) and (s == "0" or s[0] != "0")

def text_error(s):
    """Looks for characters that one line of text cannot carry.

    Args:
      s: string.

    Returns:
      string, what is wrong with s, or None.
    """
    if "\n" in s:
        return "it has several lines, and rules_oci carries one line"
    if any([character < " " or character == "\177" for character in s.elems()]):
        return "it has a control character"
    return None

def _key_error(key):
    if key == "":
        return "the key is empty"
    if "=" in key:
        return "the key has =, at which rules_oci ends it"
    return text_error(key)

def pair_error(key, value):
    """Checks an annotation, which is a label too.

    Args:
      key: string.
      value: string.

    Returns:
      string, what is wrong, or None.
    """
    return _key_error(key) or text_error(value)

def env_error(name, value):
    """Checks an environment variable.

    Args:
      name: string.
      value: string.

    Returns:
      string, what is wrong, or None.
    """
    if "$" in name + value:
        return "it has $, with which rules_oci names another variable"
    if value.endswith("="):
        return "it ends with =, which rules_oci leaves out"
    return _key_error(name) or text_error(value)

def argument_error(argument):
    """Checks an argument of the binary.

    Args:
      argument: string.

    Returns:
      string, what is wrong, or None.
    """
    if argument == "":
        return "it is empty, and rules_oci leaves empty arguments out"
    if "%5Cn" in argument:
        return "it has %5Cn, which rules_oci takes for a new line"
    return text_error(argument)

def port_error(port):
    """Checks a port (image-spec, config.md, ExposedPorts).

    Args:
      port: string, such as "8060/tcp".

    Returns:
      string, what is wrong, or None.
    """
    number, slash, protocol = port.partition("/")
    if not _is_number(number) or len(number) > 5 or int(number) < 1 or int(number) > 65535:
        return "the port is not a number from 1 to 65535"
    if slash and protocol not in ["tcp", "udp", "sctp"]:
        return "the protocol is not tcp, udp or sctp, as in 8060/tcp"
    return None

def user_error(user):
    """Checks a user (image-spec, config.md, User).

    Args:
      user: string, such as "65534:65534".

    Returns:
      string, what is wrong, or None.
    """
    for number in user.split(":", 1):
        if not _is_number(number) or len(number) > 10 or int(number) > 0xffffffff:
            return "it is not UID:GID or UID, in numbers; a name needs the image's /etc/passwd, and Kubernetes' runAsNonRoot refuses it"
    return None

def path_error(path):
    """Checks a path in the image.

    Args:
      path: string.

    Returns:
      string, what is wrong, or None.
    """
    if not path.startswith("/") or path == "/" or any([part in ["", ".", ".."] for part in path[1:].split("/")]):
        return "it is not a clean absolute path, such as /etc/passwd"
    return text_error(path)

def mode_error(mode):
    """Checks the mode of a file or a directory.

    Args:
      mode: string.

    Returns:
      string, what is wrong, or None.
    """
    return None if len(mode) == 4 and _only(mode, "01234567") else "it does not have four octal digits, as 0755 has"

def version_error(version):
    """Checks a version, which is a tag too (Semantic Versioning 2.0.0, items 2 and 9).

    Args:
      version: string.

    Returns:
      string, what is wrong, or None.
    """
    if "+" in version:
        return "it has build metadata, and a tag cannot have +"
    release, dash, prerelease = version.removeprefix("v").partition("-")
    numbers = release.split(".")
    if not version.startswith("v") or len(numbers) != 3 or not all([_is_number(number) for number in numbers]):
        return "it is not vMAJOR.MINOR.PATCH, such as v1.0.0, or a pre-release of it, such as v1.1.0-rc.1"
    for identifier in prerelease.split(".") if dash else []:
        if identifier == "" or not _only(identifier, _ALPHANUMERIC + "-"):
            return "the identifiers of a pre-release have letters, digits and hyphens, as in v1.1.0-rc.1"
        if _only(identifier, _DIGITS) and not _is_number(identifier):
            return "a number in a pre-release has no leading zero"
    if len(version) > 128:
        return "a tag has at most 128 characters"
    return None

def repository_error(repository):
    """Checks the name of a repository (distribution-spec, "Pulling manifests").

    Args:
      repository: string.

    Returns:
      string, what is wrong, or None.
    """
    if len(repository) > 255:
        return "it has more than 255 characters"
    for component in repository.split("/"):
        # Separators are one period, one or two underscores, or any number of hyphens.
        words = component.replace("__", "_").replace("_", ".").split(".")
        for word in words:
            if not _only(word, _LOWER + _DIGITS + "-") or word.strip("-") != word or word == "":
                return "it is not lower-case letters and digits with single separators (. _ __ -) between them, as in team/hello"
    return None

def created_error(created):
    """Checks a time (RFC 3339, in UTC, to the second).

    Args:
      created: string.

    Returns:
      string, what is wrong, or None.
    """
    shape = "".join(["0" if character in _DIGITS else character for character in created.elems()])
    if shape != "0000-00-00T00:00:00Z":
        return "it is not YYYY-MM-DDTHH:MM:SSZ, such as 2026-01-31T12:00:00Z"
    year, month, day = int(created[0:4]), int(created[5:7]), int(created[8:10])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    if month < 1 or month > 12 or day < 1 or day > days[month - 1]:
        return "there is no such day"
    if int(created[11:13]) > 23 or int(created[14:16]) > 59 or int(created[17:19]) > 59:
        return "there is no such time of day"
    return None

def label_text(label):
    """Returns a label as a BUILD file of this repository has it.

    Args:
      label: Label.

    Returns:
      string.
    """
    if label.workspace_name:
        return str(label)
    return "//{}:{}".format(label.package, label.name)
