#!/usr/bin/env bash
# Deploys a copy of the example app on this machine, looks at it with Chromium, takes it away again.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

"$root/scripts/tools.sh" chromium browser
deploy_copy_of_board board-browser-test
cd "$root/tests/browser"
npm test --silent
