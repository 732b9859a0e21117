#!/usr/bin/env bash
# The speeds of Edge and Render in workerd: hits, pages, rendering, and reads among which some write, with yardsticks in the
# same process, one after the other.
#
#   bench-edge.sh      prints a table in Markdown: medians, and ratios within this run
#
# BENCH_ROUNDS (9) rounds are made; all of it takes a minute and a half.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

"$root/scripts/tools.sh" templates board
say "building the board's server bundle, which is what is rendered"
(cd "$root/examples/board/frontend" && npm run --silent build -- --logLevel warn >&2)
node "$root/tests/bench/edge/bench.mjs" "${BENCH_ROUNDS:-9}"
