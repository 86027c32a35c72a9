# Sourced by the scripts beside it: settings and shared functions. See docs/airgap.md.
# shellcheck shell=bash disable=SC2034 # the settings are used where this is sourced

airgap=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
workspace=$(cd "$airgap/../.." && pwd -P)
cache=${AIRGAP_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/bazel-airgap}

# The suite of Debian that has Bazel with modules.
debian_suite=${AIRGAP_DEBIAN_SUITE:-forky}
debian_keyring=${AIRGAP_DEBIAN_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}

say() { printf 'airgap: %s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# fingerprint FILE... prints 12 hexadecimal digits of the SHA-256 of the files' contents and
# of the suite's name. They name what is made from the files, so a change makes it anew.
fingerprint() { { cat -- "$@"; echo "$debian_suite"; } | sha256sum | cut -c1-12; }

# count_changes FILE prints how many packages in FILE, a list as packages.lock is one, have
# another version or hash in packages.lock, or are not in it.
lock=$airgap/packages.lock
count_changes() { grep '\.deb ' "$1" | grep -cvxFf "$lock" || true; }

# The parts of the air-gapped build. A folder with its final name is complete.
rootfs=$cache/rootfs-$(fingerprint "$airgap"/{setup,packages.txt} "$lock" "$workspace/.bazelversion")
modules=$cache/modules-$(fingerprint "$airgap"/{setup,proxy/go.mod,proxy/go.sum,rules_go.patch})
go_version=$(sed -n 's/^toolchain go//p' "$workspace/go.mod")
sdk=$cache/go-$go_version
gomodcache=$cache/gomodcache
