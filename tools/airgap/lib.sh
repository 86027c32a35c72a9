# Sourced by the scripts beside it: the settings of the air-gapped build and the
# few functions that they share. README.md explains them.
# shellcheck shell=bash disable=SC2034 # the settings are used where this is sourced

airgap=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
workspace=$(cd "$airgap/../.." && pwd -P)
export airgap workspace

# Everything that the air-gapped build keeps is below this folder.
cache=${AIRGAP_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/bazel-airgap}

# The suite of Debian that has Bazel with Bzlmod; setup finds the archive.
debian_suite=${AIRGAP_DEBIAN_SUITE:-forky}
debian_keyring=${AIRGAP_DEBIAN_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}

say() { printf 'airgap: %s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# fingerprint FILE... [-- TEXT...] prints the first 12 hexadecimal digits of the
# SHA-256 of the files' bytes and the texts: the name of what is made from them,
# so that a change of any of them makes it anew.
fingerprint() {
  local files=()
  while (($#)) && [[ "$1" != -- ]]; do files+=("$1"); shift; done
  { cat -- "${files[@]}"; printf '%s\n' "$@"; } | sha256sum | cut -c1-12
}

# The finished parts, by what they were made from. bazel and clean use these names
# too: a folder that has its final name is complete.
packages=$airgap/packages.txt
rootfs=$cache/rootfs-$(fingerprint "$packages" "$airgap/setup" "$workspace/.bazelversion" -- "$debian_suite")
modules=$cache/modules-$(fingerprint "$airgap"/{setup,proxy/go.mod,proxy/go.sum,rules_go.patch})
go_version=$(sed -n 's/^toolchain go//p' "$workspace/go.mod")
sdk=$cache/go-$go_version
gomodcache=$cache/gomodcache
