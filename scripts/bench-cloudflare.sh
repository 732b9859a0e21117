#!/usr/bin/env bash
# mizan's deploys to Cloudflare against wrangler's: the same Workers to the same stand-in, one after the other.
#
#   bench-cloudflare.sh      prints a table in Markdown: medians, and ratios within this run
#
# BENCH_RUNS (5) rounds are made. MIZAN names the program, else it is built. MIZAN_TEST_DATA names the test data.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

cd "$root"
"$root/scripts/tools.sh" measuring templates cloudflare
if [ -z "${MIZAN:-}" ]; then
  say "building mizan"
  cargo build --locked --release --quiet
  MIZAN=${CARGO_TARGET_DIR:-$root/target}/release/mizan
fi
export MIZAN
node "$root/tests/bench/cloudflare/bench.mjs" "${BENCH_RUNS:-5}"
