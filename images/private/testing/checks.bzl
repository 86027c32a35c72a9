"""Tests of the checks that go_image makes of its attributes, and of what it says."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//images/private:facts.bzl", "config_facts", "file_facts", "manifest_facts", "quote", "quote_plain")
load("//images/private:platforms.bzl", "parse_platform")
load("//images/private:record.bzl", "duplicate_error")
load("//images/private:transition.bzl", "flag_error")
load(
    "//images/private:values.bzl",
    "argument_error",
    "created_error",
    "env_error",
    "mode_error",
    "pair_error",
    "path_error",
    "port_error",
    "repository_error",
    "user_error",
    "version_error",
)

def _expect(env, check, good, bad):
    """Checks which arguments a check accepts.

    Args:
      env: of the unit test.
      check: function that returns what is wrong, or None.
      good: list of lists of arguments that it accepts.
      bad: list of pairs: a list of arguments that it refuses, and a part of what it says.
    """
    for arguments in good:
        asserts.equals(env, None, check(*arguments), "{}".format(arguments))
    for arguments, message in bad:
        got = check(*arguments)
        asserts.true(env, got and message in got, "{}: got {}, want a message with {}".format(arguments, repr(got), repr(message)))

def _texts_impl(ctx):
    env = unittest.begin(ctx)
    _expect(
        env,
        pair_error,
        good = [["org.opencontainers.image.title", ""], ["é key", " a = 'b' \"c\" $HOME \\ % é "]],
        bad = [
            (["k", "line one\nline two"], "several lines"),
            (["k", "a\tb"], "control character"),
            (["", "v"], "key is empty"),
            (["a=b", "v"], "the key has ="),
            (["a\nb", "v"], "several lines"),
        ],
    )
    _expect(
        env,
        env_error,
        good = [["PRICE", ""], ["A", " a=b c "], ["É", "é %"]],
        bad = [
            (["PRICE", "5$USD"], "it has $"),
            (["PRICE", "${USD}"], "it has $"),
            (["$A", "1"], "it has $"),
            (["SECRET", "YWI="], "ends with ="),
            (["A=B", "1"], "the key has ="),
            (["", "1"], "key is empty"),
            (["A", "1\n2"], "several lines"),
        ],
    )
    _expect(
        env,
        argument_error,
        good = [["--verbose"], [" a,b = $HOME é "]],
        bad = [
            ([""], "it is empty"),
            (["a\nb"], "several lines"),
            (["a%5Cnb"], "takes for a new line"),
        ],
    )
    return unittest.end(env)

_texts_test = unittest.make(_texts_impl)

def _names_impl(ctx):
    env = unittest.begin(ctx)
    _expect(
        env,
        repository_error,
        good = [["hello"], ["a"], ["team/hello"], ["a.b_c__d-e--f/0"], ["a" * 255]],
        bad = [
            ([repository], "it is not lower-case letters")
            for repository in ["", "Hello", "a/", "/a", "a//b", "a..b", "a_.b", "a___b", "-a", "a-", "a.", "a:b", "a b", "é"]
        ] + [(["a" * 256], "more than 255")],
    )
    _expect(
        env,
        version_error,
        good = [["v1.0.0"], ["v0.10.200"], ["v1.1.0-rc.1"], ["v1.0.0-0.a-b.0a"], ["v1.0.0--"]],
        bad = [
            ([version], "it is not vMAJOR.MINOR.PATCH")
            for version in ["", "v", "1.0.0", "v1.0", "v1.0.0.0", "v01.0.0", "v1.x.0", "latest", "v1..0"]
        ] + [
            (["v1.0.0+build"], "build metadata"),
            (["v1.0.0-rc.1+build"], "build metadata"),
            (["v1.0.0-"], "identifiers of a pre-release"),
            (["v1.0.0-rc..1"], "identifiers of a pre-release"),
            (["v1.0.0-rc_1"], "identifiers of a pre-release"),
            (["v1.0.0-rc.01"], "no leading zero"),
            (["v1.0.0-" + "a" * 122], "at most 128"),
        ],
    )
    asserts.equals(env, None, duplicate_error([("hello", "hello"), ("api", "team/hello")]))
    asserts.equals(
        env,
        "//a:x and //b:y have the same repository \"hello\"; give each its own",
        duplicate_error([("//a:x", "hello"), ("//c:z", "other"), ("//b:y", "hello")]),
    )
    return unittest.end(env)

_names_test = unittest.make(_names_impl)

def _numbers_impl(ctx):
    env = unittest.begin(ctx)
    _expect(
        env,
        port_error,
        good = [["8060/tcp"], ["53/udp"], ["1/sctp"], ["65535"]],
        bad = [
            ([port], "not a number from 1 to 65535")
            for port in ["", "0", "65536", "http", "08060", "-1", "8060-8070", "999999999999999999999/tcp"]
        ] + [([port], "the protocol is not") for port in ["8060/", "8060/http", "8060/tcp,81"]],
    )
    _expect(
        env,
        user_error,
        good = [["0"], ["1000"], ["65534:65534"], ["4294967295:0"]],
        bad = [([user], "in numbers") for user in ["", "nobody", "1000:", ":1000", "1000:users", "1:2:3", "01", "4294967296", "-1"]],
    )
    _expect(
        env,
        mode_error,
        good = [["0755"], ["1777"], ["0000"]],
        bad = [([mode], "four octal digits") for mode in ["", "755", "0788", "00755", "u+x ", "0o75"]],
    )
    _expect(
        env,
        created_error,
        good = [["1970-01-01T00:00:00Z"], ["2024-02-29T23:59:59Z"], ["2000-02-29T00:00:00Z"]],
        bad = [
            ([created], "it is not YYYY-MM-DD")
            for created in ["", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31T12:00:00+01:00", "2026-01-31T12:00:00.5Z", "2026-01-31t12:00:00z"]
        ] + [
            ([created], "there is no such day")
            for created in ["2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-00T00:00:00Z"]
        ] + [
            ([created], "there is no such time")
            for created in ["2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z"]
        ],
    )
    return unittest.end(env)

_numbers_test = unittest.make(_numbers_impl)

def _paths_impl(ctx):
    env = unittest.begin(ctx)
    _expect(
        env,
        path_error,
        good = [["/tmp"], ["/etc/ssl/certs"], ["/100% = é b"], ["/" + "long/" * 100 + "x"], ["/..."]],
        bad = [
            ([path], "not a clean absolute path")
            for path in ["", "/", "tmp", "/tmp/", "//tmp", "/a//b", "/a/../b", "/./a", ".."]
        ] + [(["/a\nb"], "several lines"), (["/a\177b"], "control character")],
    )
    asserts.equals(env, ("linux", "arm64", "", "aarch64"), _platform("linux_arm64"))
    asserts.equals(env, ("linux", "arm", "v7", "arm"), _platform("linux_arm"))
    for name in ["", "linux", "linux_", "_amd64", "linux_amd64_cgo", "linux/amd64"]:
        asserts.equals(env, None, parse_platform(name), name)
    return unittest.end(env)

def _platform(name):
    platform = parse_platform(name)
    return (platform.os, platform.architecture, platform.variant, platform.cpu)

_paths_test = unittest.make(_paths_impl)

def _flags_impl(ctx):
    env = unittest.begin(ctx)
    variables = {"BINDIR": "bazel-out/bin", "COMPILATION_MODE": "opt", "GENDIR": "bazel-out/bin", "TARGET_CPU": "k8"}
    environment = {"PATH": "/bin"}
    asserts.equals(env, None, flag_error(variables, environment))
    for error, flags in [
        (flag_error(variables | {"gotags": "hostile", "a": ""}, environment), "--define=a= --define=gotags=hostile"),
        (flag_error(variables, {}), "--noincompatible_strict_action_env"),
    ]:
        asserts.true(env, error and error.startswith(flags + ": not allowed"), error)
    return unittest.end(env)

_flags_test = unittest.make(_flags_impl)

def _facts_impl(ctx):
    env = unittest.begin(ctx)

    # As Go's strconv.QuoteToASCII has it.
    for text, quoted in {
        "": "\"\"",
        "100% a": "\"100% a\"",
        "\"\\": "\"\\\"\\\\\"",
        "é": "\"\\u00e9\"",
        "߿ࠀ€": "\"\\u07ff\\u0800\\u20ac\"",
        "😀a": "\"\\U0001f600a\"",
    }.items():
        asserts.equals(env, quoted, quote(text))
    asserts.equals(env, "/etc/a:b\\c=~!", quote_plain("/etc/a:b\\c=~!"))
    asserts.equals(env, "\"/a\\\"b\"", quote_plain("/a\"b"))
    asserts.equals(env, "\"/a:\"", quote_plain("/a:"))
    asserts.equals(env, "\"/a b\"", quote_plain("/a b"))
    asserts.equals(env, "\"/\\u00e9\"", quote_plain("/é"))
    asserts.equals(env, "\"\"", quote_plain(""))

    asserts.equals(env, [
        "linux/amd64 annotation a.b: \"x \\\"y\\\" é\"",
        "linux/amd64 annotation \"c d\": \"\"",
    ], manifest_facts("linux/amd64", {"a.b": "x \"y\" é", "c d": ""}))
    asserts.equals(env, [
        "linux/amd64 config .config.Env: [\"A=b\"]",
        "linux/amd64 config .config.ExposedPorts[\"80/tcp\"]: {}",
        "linux/amd64 config .config.Labels.plain_1: \"v\"",
        "linux/amd64 config .config.Labels[\"1\"]: \"v\"",
        "linux/amd64 config .config.Labels[\"\\u00e9\"]: \"v\"",
        "linux/amd64 config .os: \"linux\"",
    ], config_facts("linux/amd64", {
        "config": {
            "Env": ["A=b"],
            "ExposedPorts": {"80/tcp": {}},
            "Labels": {"plain_1": "v", "1": "v", "é": "v"},
        },
        "os": "linux",
    }))
    asserts.equals(env, [
        "linux/amd64 layer 1 \"/a b\" type: directory",
        "linux/amd64 layer 1 \"/a b\" mode: 1777",
        "linux/amd64 layer 1 \"/a b\" owner: 0:0",
    ], file_facts("linux/amd64", "/a b", "directory", "1777"))
    return unittest.end(env)

_facts_test = unittest.make(_facts_impl)

def checks_test_suite(name):
    """Makes the tests.

    Args:
      name: string.
    """
    unittest.suite(
        name,
        _texts_test,
        _names_test,
        _numbers_test,
        _paths_test,
        _flags_test,
        _facts_test,
    )
