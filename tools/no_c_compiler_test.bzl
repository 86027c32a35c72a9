"A test that no C compiler is used, whether the machine has one or not."

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("@rules_cc//cc:find_cc_toolchain.bzl", "find_cc_toolchain", "use_cc_toolchain")

def _no_c_compiler_test_impl(ctx):
    env = unittest.begin(ctx)

    # The empty toolchain says "compiler", the one for a real compiler "gcc" or "clang".
    asserts.equals(env, "compiler", find_cc_toolchain(ctx).compiler)
    return unittest.end(env)

no_c_compiler_test = unittest.make(
    _no_c_compiler_test_impl,
    toolchains = use_cc_toolchain(),
)
