#!/usr/bin/env bash
# The example app on this machine, from nothing: an engine, base images, mizan itself, one deploy.
#
#   demo.sh start     prints the URL to stdout, and how long it took to stderr
#   demo.sh stop      takes away everything the demo made
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

mizan=${CARGO_TARGET_DIR:-$root/target}/release/mizan
board=(-C "$root/examples/board")

start() {
  say "Docker engine"
  "$root/scripts/docker-engine.sh" ensure
  say "base images"
  "$root/scripts/base-images.sh"
  build
  say "mizan deploy"
  local url
  url=$("$mizan" "${board[@]}" deploy --yes)
  say "The board runs, $SECONDS s after \`make demo\`. Sign in as ada with pw-ada; \`make stop\` takes it away."
  echo "$url"
}

build() {
  say "building mizan (minutes the first time: some hundred crates, those of AWS are large)"
  local quiet=(--quiet)
  [ ! -t 2 ] || quiet=() # cargo's bar shows a person that it goes on
  cargo build --locked --release "${quiet[@]}"
}

# Without an engine there is nothing left to destroy, and none is started only to find that out.
stop() {
  if [ -x "$mizan" ] && docker version >/dev/null 2>&1; then
    "$mizan" "${board[@]}" destroy --yes --volumes
  fi
  "$root/scripts/docker-engine.sh" stop
}

cd "$root"
case ${1:-} in
  start | stop) "$1" ;;
  *) fail "usage: demo.sh start | stop" ;;
esac
