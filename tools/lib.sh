# shellcheck shell=bash
# What scripts share. Sourced in the repository's root.

# install_packages PACKAGE... installs Debian packages, if one is missing.
install_packages() {
  if dpkg --status "$@" >/dev/null 2>&1; then return; fi
  echo "${0##*/}: installing $*" >&2
  export DEBIAN_FRONTEND=noninteractive
  # A broken third-party source must not stop an install from Debian's own.
  apt-get -qq update || echo "${0##*/}: apt-get update was incomplete" >&2
  apt-get -qq install --yes --no-install-recommends "$@" >/dev/null
}

bazel_quietly() { tools/bazel "$1" --noshow_progress --ui_event_filters=-info "${@:2}"; }

# image_labels prints the labels of the images that are published.
image_labels() { bazel_quietly query 'labels(images, //images:published)'; }

# layout LABEL prints the path of an image's OCI layout in a workspace.
layout() { sed 's,^//,bazel-bin/,; s,:,/,' <<<"$1"; }

# recorded_digests prints the digests of the image indexes in images/digests.
recorded_digests() { find images/digests -name '*.txt' -exec sed -n 's/^index digest: //p' {} +; }

# airgap_cache prints the cache of the air-gapped build, and nothing if tools/bazel is
# another one.
airgap_cache() {
  local install_base
  install_base=$(bazel_quietly info install_base)
  if [[ "$install_base" == */rootfs-*/usr/share/bazel ]]; then echo "${install_base%/rootfs-*}"; fi
}
