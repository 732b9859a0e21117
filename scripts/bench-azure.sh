#!/usr/bin/env bash
# mizan's deploys to Azure: the calls that they make, and the time that they take.
#
#   bench-azure.sh      prints a table in Markdown: medians of 3 rounds
#
# Nobody offers an emulator of Container Instances, so this is measured against the tests' own stand-in, in the test's
# process (docs/decisions/azure-standin.md). Its operations take no time, where Azure's take seconds to minutes: the times
# are those of mizan, of the engine that builds and pushes the image, and of containers that start here. mizan is the
# tests' build, which is not optimised. MIZAN_TEST_DATA names the test data.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

cd "$root"
"$root/scripts/tools.sh" azurite registry cloudflare templates
"$root/scripts/base-images.sh"
say "building the tests"
cargo test --locked --quiet --test it --no-run
say "measuring against the stand-in, whose operations take no time"
output=$(cargo test --locked --quiet --test it azure_attack::bench::bench_azure -- --ignored --nocapture 2>&1) || {
  printf '%s\n' "$output" >&2
  fail "a deploy failed"
}
grep '^|' <<<"$output"
