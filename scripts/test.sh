#!/usr/bin/env bash
# Everything that must hold, step by step, the quick ones first; it stops at the first step that fails. With CI set it
# goes on to the end: the first failure rarely tells the whole story, and nobody waits for it there.
#
#   test.sh [STEP...]       all steps, or the named ones (`test.sh --list` names them)
#
# A step sets up what it needs. What it cannot have makes it fail with the reason: no step is skipped.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

lint_steps=(format shell licences templates clippy)
steps=("${lint_steps[@]}" workers load action cloudflare board rust traffic edge browser) # and `proofs` and `conformance`, which take long: only by name

about() {
  case $1 in
    format) echo "Rust is formatted" ;;
    shell) echo "shell scripts pass shellcheck" ;;
    licences) echo "dependencies: bans, licences, sources, collected licence texts" ;;
    templates) echo "JavaScript passes the linter, the Worker scripts also the type checker" ;;
    clippy) echo "Rust passes clippy without a warning" ;;
    workers) echo "Worker scripts run in workerd" ;;
    load) echo "the load for the zero-failure test sees every failure" ;;
    action) echo "the step for GitHub Actions, against a fake of GitHub and a real engine; workflows by GitHub's parser" ;;
    cloudflare) echo "the stand-in for Cloudflare, by itself and with wrangler" ;;
    board) echo "the example app: Python tests and server bundle" ;;
    rust) echo "unit and integration tests" ;;
    traffic) echo "releases under load: nobody sees a failure" ;;
    edge) echo "the board behind Workers on the stand-in for Cloudflare" ;;
    browser) echo "the deployed board in Chromium" ;;
    proofs) echo "races, isolation and hostile requests at the Edge, a hundred thousand each" ;;
    conformance) echo "a fault at every step of every target and at every call to AWS; the full load; the proofs" ;;
  esac
}

step_format() { cargo fmt --check; }

step_shell() {
  "$root/scripts/tools.sh" shellcheck
  shellcheck "$root"/scripts/*.sh "$root/.ci/run"
}

step_licences() {
  "$root/scripts/tools.sh" deny
  cargo deny check bans licenses sources
  "$root/scripts/licences.sh" check
}

step_templates() {
  "$root/scripts/tools.sh" templates action
  cd "$root/templates"
  npm run --silent check
  npx tsc --project ../.github/action/tsconfig.json
  npx biome check --config-path=. --error-on-warnings ../scripts ../tests/support ../tests/traffic ../tests/edge ../tests/browser ../tests/bench \
    ../.github/action ../tests/action
}

step_clippy() { cargo clippy --locked --all-targets --quiet -- -D warnings; }

step_workers() {
  "$root/scripts/tools.sh" templates
  cd "$root/templates"
  npm test --silent
}

step_load() { node --test --test-reporter=spec "$root"/tests/support/*.test.mjs; }

step_action() {
  "$root/scripts/tools.sh" action
  "$root/scripts/docker-engine.sh" ensure
  "$root/scripts/base-images.sh"
  cargo build --locked --quiet
  cd "$root/tests/action"
  MIZAN=${CARGO_TARGET_DIR:-$root/target}/debug/mizan npm test --silent
}

step_cloudflare() {
  "$root/scripts/tools.sh" templates cloudflare
  cd "$root/tests/support/cloudflare"
  npm test --silent
}

step_board() {
  "$root/scripts/tools.sh" board
  cd "$root/examples/board/backend"
  "$cache/board-venv/bin/python" manage.py test
  cd ../frontend
  npm test --silent
}

# What the Rust tests find around them.
prepare_rust() {
  "$root/scripts/docker-engine.sh" ensure
  "$root/scripts/base-images.sh"
  "$root/scripts/aws-emulators.sh" image >/dev/null
  "$root/scripts/tools.sh" nextest templates cloudflare azurite registry azure-sdk board
}

step_rust() {
  prepare_rust
  run_rust
}

# What all tests of a run share goes with it, however it ends.
run_rust() {
  local code=0
  cargo nextest run --locked "$@" || code=$?
  "$root/scripts/aws-emulators.sh" sweep
  return $code
}

step_conformance() {
  prepare_rust
  MIZAN_CONFORMANCE=full run_rust --profile conformance --run-ignored all -E 'test(/^conformance::/) + test(/conformance_/)'
  "$root/scripts/traffic-test.sh" 20000
  step_proofs
}

# The full forms of what `workers` samples; tests/workers/PROOFS.md says what they show.
step_proofs() {
  "$root/scripts/tools.sh" templates
  cd "$root/templates"
  MIZAN_RACES_READS=100000 MIZAN_ISOLATION_REQUESTS=100000 MIZAN_HOSTILE_REQUESTS=20000 \
    node --test --test-concurrency=1 --test-reporter=spec ../tests/workers/{random-races,isolation,hostile}.test.mjs
}

# Enough requests to meet every phase of a release; the figure that is promised takes `make conformance`.
step_traffic() { "$root/scripts/traffic-test.sh" 2000; }

step_edge() { "$root/scripts/edge-test.sh"; }

step_browser() { "$root/scripts/browser-test.sh"; }

# In a shell of its own: `set -e` does not reach into a function whose outcome is asked for.
run_step() {
  local begin=$SECONDS
  say "
== $1: $(about "$1")"
  if "$0" --one "$1"; then
    say "== $1: passed in $((SECONDS - begin)) s"
  else
    say "== $1: FAILED after $((SECONDS - begin)) s"
    return 1
  fi
}

run_steps() {
  local step failed=()
  for step in "$@"; do
    [ -n "$(about "$step")" ] || fail "unknown step: $step" "the steps are: ${steps[*]}"
  done
  # The one question there may be (may an engine be installed?) comes first, not after ten minutes.
  case " $* " in *" action "* | *" rust "* | *" traffic "* | *" edge "* | *" browser "* | *" conformance "*) "$root/scripts/docker-engine.sh" ensure ;; esac
  for step in "$@"; do
    run_step "$step" && continue
    failed+=("$step")
    [ -n "${CI:-}" ] || break
  done
  [ ${#failed[@]} = 0 ] || fail "these steps failed: ${failed[*]}" "to run one alone: scripts/test.sh ${failed[0]}"
  say "
$# steps passed in $SECONDS s: $*"
}

cd "$root"
case ${1:-} in
  --one) "step_$2" ;;
  --list) for step in "${steps[@]}"; do printf '%-10s %s\n' "$step" "$(about "$step")"; done ;;
  lint) run_steps "${lint_steps[@]}" ;;
  '') run_steps "${steps[@]}" ;;
  *) run_steps "$@" ;;
esac
