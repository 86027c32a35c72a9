# shellcheck shell=bash
# What the benchmarks share. Sourced in the repository's root.
set -euo pipefail
shopt -s inherit_errexit
# shellcheck source-path=SCRIPTDIR/.. source=lib.sh
source tools/lib.sh
export LC_ALL=C # decimal points

fail() { echo "${0##*/}: $*" >&2; exit 1; }
say() { echo "${0##*/}: $*" >&2; }

# need PROGRAM... ends with $packages, Debian's names, if a program is missing.
need() {
  local program
  [[ "$(uname -sm)" == "Linux x86_64" ]] || fail "needs Linux on x86-64, this is $(uname -sm)"
  for program in "$@"; do
    # shellcheck disable=SC2154 # The caller sets it.
    command -v "$program" >/dev/null || fail "$program is missing: apt-get install $packages"
  done
}

# median of the numbers on stdin, the lower one of two.
median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# ratios FILE1 FILE2 prints the quotient of each round's numbers.
ratios() { paste "$1" "$2" | awk '{ print $1 / $2 }'; }

# thousands writes 1234567 as 1,234,567.
thousands() { sed -E ':a; s/([0-9])([0-9]{3})($|,)/\1,\2\3/; ta' <<<"$1"; }

go_version() { sed -n 's/^toolchain //p' go.mod; }

machine() { echo "Linux $(uname -r | cut -d. -f1,2), $(nproc) CPUs ($(sed -n 's/^model name\t*: //p;T;q' /proc/cpuinfo))"; }

# check_page PAGE NAME fails if write_page would.
check_page() {
  local markers="<!-- tools/bench/$2: begin -->"$'\n'"<!-- tools/bench/$2: end -->"
  [[ "$(grep -E "^<!-- tools/bench/$2: (begin|end) -->\$" "$1")" == "$markers" ]] ||
    fail "$1 needs these two lines, in this order: ${markers/$'\n'/ and }"
}

# write_page PAGE NAME FILE puts FILE between the page's two markers of that name.
write_page() {
  awk -v name="tools/bench/$2" -v file="$3" '
    $0 == "<!-- " name ": end -->" { inside = 0 }
    !inside { print }
    $0 == "<!-- " name ": begin -->" { inside = 1; while ((getline line < file) > 0) print line }
  ' "$1" >"$3.page"
  cp "$3.page" "$1"
}

# draw NAME DATA writes docs/NAME.svg, by tools/bench/NAME.gnuplot.
draw() {
  gnuplot -e "data='$2'" "tools/bench/$1.gnuplot" |
    # Text in the colors of the page that shows the picture.
    sed '0,/<desc>/s||<style>text { fill: #1f2328 } @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }</style>\n<desc>|' >"$2.svg"
  cp "$2.svg" "docs/$1.svg"
}

# eventually COMMAND [ARGS] waits, ten seconds at most, until the command succeeds.
eventually() {
  local end=$((SECONDS + 10))
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || fail "not within 10 s: $*"
    sleep 0.1
  done
}

# set_up makes the temporary folder $dir with a clone of the commit that is checked out, Go
# with this repository's patches, and ko with an empty base image like the one here. It starts
# a registry at $registry.
set_up() {
  local platform
  # Not below /tmp, which Bazel's sandbox hides, and without capitals, which ko refuses.
  export dir=/var/tmp/bench-$$ registry=127.0.0.1:5051
  mkdir "$dir"
  trap clean_up EXIT
  say "copying and patching the SDK, installing ko"
  tools/sdk/copy "$dir/go"
  mkdir "$dir/bin" "$dir/empty"
  GOBIN=$dir/bin go install github.com/google/ko@v0.19.1 2>/dev/null
  GOBIN=$dir/bin go install github.com/google/go-containerregistry/cmd/crane@v0.22.1 2>/dev/null
  git clone --quiet . "$dir/clone"
  echo "common --disk_cache=" >"$dir/clone/user.bazelrc"
  export PATH=$dir/go/bin:$dir/bin:$PATH GOTOOLCHAIN=local CGO_ENABLED=0 GOCACHE=$dir/gocache

  cat >"$dir/registry.yaml" <<END
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $dir/registry}}
http: {addr: "$registry"}
END
  docker-registry serve "$dir/registry.yaml" >"$dir/registry.log" 2>&1 &
  eventually crane catalog "$registry"
  tar --create --file "$dir/empty.tar" --directory "$dir/empty" .
  for platform in amd64 arm64; do
    crane append --new_layer "$dir/empty.tar" --new_tag "$registry/base:$platform"
    crane mutate --set-platform "linux/$platform" --tag "$registry/base:$platform" "$registry/base:$platform"
  done >/dev/null 2>&1
  crane index append --manifest "$registry/base:amd64" --manifest "$registry/base:arm64" --tag "$registry/base" >/dev/null 2>&1
  cat >"$dir/ko.yaml" <<END
defaultBaseImage: $registry/base
defaultLdflags: [-s, -w]
END
  export KO_CONFIG_PATH=$dir/ko.yaml
}

clean_up() {
  if [[ -d "$dir/clone" ]]; then (cd "$dir/clone" && tools/bazel clean --expunge) >/dev/null 2>&1 || true; fi
  # shellcheck disable=SC2046 # Each is the number of a process.
  kill $(jobs -p) 2>/dev/null || true
  wait
  find "$dir" -type d ! -perm -u+w -exec chmod u+w {} + || true # Go's cache of modules
  rm -rf "$dir"
}
