#!/usr/bin/env bash
# Runs the image in the background. README.md explains the options; further options
# are passed to docker run. From the environment:
#   IMAGE    default registry.example.com/team/hello:v1.0.0
#   PUBLISH  [ADDRESS:]PORT of the host, default 8060
set -euo pipefail

exec docker run \
  --detach \
  --name=hello \
  --publish="${PUBLISH:-8060}:8060" \
  --restart=unless-stopped \
  --stop-timeout=15 \
  --read-only \
  --ipc=none \
  --cap-drop=ALL \
  --security-opt=no-new-privileges \
  --cpus=1 \
  --memory=64m \
  --memory-swap=64m \
  --env=GOMEMLIMIT=40MiB \
  --pids-limit=64 \
  "$@" "${IMAGE:-registry.example.com/team/hello:v1.0.0}"
