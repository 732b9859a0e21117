#!/usr/bin/env bash
# The example app in Docker, behind Workers on the stand-in for Cloudflare: `mizan` deploys both, visitors come through the
# Edge that was uploaded.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

port=18273
public=https://board.example.com

# The board knows by which name it is visited, as every app behind an edge that somebody else runs; and the Edge under
# test is the uploaded one alone.
behind_the_edge() {
  local settings=$1/backend/config/settings.py
  sed -i "s|^PUBLIC_URL = .*|PUBLIC_URL = \"$public\"|; s|^ALLOWED_HOSTS = .*|ALLOWED_HOSTS = [\"*\"]|" "$settings"
  sed -i "/^    target: /d; s|^  local:\$|  cf: {target: {origin: 'http://127.0.0.1:$port'}, edge: {on: [cloudflare], domain: ${public#https://}}}\n  local:\n    target: local\n    local: {port: $port}\n    edge: {on: []}|" "$1/mizan.yaml"
}

"$root/scripts/tools.sh" templates cloudflare
"$root/scripts/docker-engine.sh" ensure
"$root/scripts/base-images.sh"
deploy_copy_of_board board-edge-test behind_the_edge
cd "$root/tests/edge"
node --test --test-reporter=spec ./*.test.mjs
