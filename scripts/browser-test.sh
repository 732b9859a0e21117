#!/usr/bin/env bash
# Deploys a copy of the example app on this machine, looks at it with Chromium, takes it away again.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

"$root/scripts/docker-engine.sh" ensure
"$root/scripts/base-images.sh"
"$root/scripts/tools.sh" chromium browser
cargo build --locked --quiet

mizan=${CARGO_TARGET_DIR:-$root/target}/debug/mizan
board=$(copy_of_board board-browser-test)
take_away() {
  local outcome=$?
  [ "$outcome" = 0 ] || "$mizan" -C "$board" logs >&2 || true
  "$mizan" -C "$board" destroy --yes --volumes >&2 || true
  rm -rf "$board"
}
trap take_away EXIT

MIZAN_BOARD_URL=$("$mizan" -C "$board" deploy --yes)
export MIZAN_BOARD_URL
say "the board runs at $MIZAN_BOARD_URL"
cd "$root/tests/browser"
npm test --silent
