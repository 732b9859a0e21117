#!/usr/bin/env bash
# Deploys a copy of the example app on this machine, releases over it while visitors are there, takes it away again.
#
#   traffic-test.sh [REQUESTS]    each load sends at least so many (2000)
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

export MIZAN_TRAFFIC_REQUESTS=${1:-2000}
"$root/scripts/tools.sh" processes
deploy_copy_of_board board-traffic-test
say "at least $MIZAN_TRAFFIC_REQUESTS requests over each release"
node --test --test-reporter=spec "$root/tests/traffic/traffic.test.mjs"
