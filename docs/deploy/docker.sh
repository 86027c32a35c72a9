#!/usr/bin/env bash
# Runs the image behind every lock that docker has, in the background. README.md
# says what each is for. Further options go to docker run. From the environment:
#   IMAGE    default registry.example.com/team/hello:v1.0.0
#   PUBLISH  [ADDRESS:]PORT of the host, default 8060
set -euo pipefail

# docker run --health-cmd hands its text to /bin/sh, and the image has none. A check
# without a shell can only come from an image: this one adds no layer, nothing but
# the check.
image=$(docker build --quiet - <<EOF
FROM ${IMAGE:-registry.example.com/team/hello:v1.0.0}
HEALTHCHECK --interval=10s --timeout=5s --retries=3 CMD ["/hello", "-healthcheck"]
EOF
)

exec docker run \
  --detach \
  --name=hello \
  --publish="${PUBLISH:-8060}:8060" \
  --restart=unless-stopped \
  --stop-timeout=15 \
  --user=65534:65534 \
  --read-only \
  --ipc=none \
  --cap-drop=ALL \
  --security-opt=no-new-privileges \
  --cpus=1 \
  --memory=32m \
  --memory-swap=32m \
  --pids-limit=64 \
  "$@" "$image"
