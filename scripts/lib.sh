# shellcheck shell=bash
# What every set-up script shares: where things are kept, how to speak, how to become root, how to install a package.
# Sourced, never run.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${MIZAN_DEV_CACHE:-$HOME/.cache/mizan-dev}
tools=$cache/tools # what cargo installs for us
mkdir -p "$cache"
export root cache tools PATH="$PATH:$tools/bin"
# Registries are far away: their clients ask again, also those that mizan and the tests start.
export CARGO_NET_RETRY=10 npm_config_fetch_retries=5 PIP_RETRIES=10 PIP_DISABLE_PIP_VERSION_CHECK=1

# stdout belongs to results (a URL, a path); everything said to a person goes to stderr.
say() { printf '%s\n' "$*" >&2; }
fail() {
  printf 'error: %s\n' "$1" >&2
  shift
  for hint in "$@"; do printf '  hint: %s\n' "$hint" >&2; done
  exit 1
}

# retry COMMAND...: a download, up to four times. For what its client gave up on, such as a package list that
# changed meanwhile.
retry() {
  local wait
  for wait in 5 15 45; do
    "$@" && return
    say "failed, and tried again in $wait s: $*"
    sleep "$wait"
  done
  "$@"
}

have() { command -v "$1" >/dev/null 2>&1; }

# A person is there to answer only if both ends are a terminal and no CI drives us.
person_present() { [ -z "${CI:-}" ] && [ -t 0 ] && [ -t 2 ]; }

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    fail "this needs root: $*" "run it as root, or install sudo"
  fi
}

# One script at a time per name, for the rest of this shell's life. Whatever is started to outlive
# the script must close descriptor 9, or it would hold the lock for ever.
lock() {
  exec 9>"$cache/$1.lock"
  flock -n 9 && return
  say "waiting for another run ($cache/$1.lock)"
  flock 9
}

apt_packages_missing() {
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
  done
}

# Installs those of the named Debian packages that are missing. The package lists are fetched only
# where the install cannot do without: they are often fresh, and an update takes seconds.
apt_install() {
  local missing
  mapfile -t missing < <(apt_packages_missing "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  have apt-get || fail "missing: ${missing[*]}" "this machine has no apt-get: install them by hand"
  say "installing ${missing[*]} (apt)"
  apt_quietly install --no-install-recommends "${missing[@]}" || retry apt_update_and_install "${missing[@]}" ||
    fail "apt could not install ${missing[*]}" "see $cache/apt.log"
}

apt_update_and_install() { apt_quietly update && apt_quietly install --no-install-recommends "$@"; }

apt_quietly() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=5 "$@" \
    </dev/null >>"$cache/apt.log" 2>&1
}

# A copy of the example app under another name, without what builds left behind: it can be deployed
# beside the demo, and be edited. Prints its folder.
copy_of_board() {
  local copy
  copy=$(mktemp -d "${TMPDIR:-/tmp}/$1.XXXXXX")
  # Whoever owns the checkout: a build machine may have cloned it as somebody else.
  git -c safe.directory='*' -C "$root/examples/board" ls-files -z --cached --others --exclude-standard |
    tar -C "$root/examples/board" --null --files-from=- -cf - | tar -C "$copy" -xf -
  sed -i "s/^app: board\$/app: $1/" "$copy/mizan.yaml"
  echo "$copy"
}

# Builds mizan and deploys a copy of the example app. MIZAN, MIZAN_BOARD and MIZAN_BOARD_URL say what and where. It
# keeps its data apart from the user's, and goes when the script ends. A second name is that of a function which changes
# the copy before it is deployed.
deploy_copy_of_board() {
  "$root/scripts/docker-engine.sh" ensure
  "$root/scripts/base-images.sh"
  cargo build --locked --quiet
  MIZAN=${CARGO_TARGET_DIR:-$root/target}/debug/mizan
  MIZAN_BOARD=$(copy_of_board "$1")
  [ -z "${2:-}" ] || "$2" "$MIZAN_BOARD"
  XDG_DATA_HOME=$(mktemp -d "${TMPDIR:-/tmp}/mizan-data.XXXXXX")
  export MIZAN MIZAN_BOARD XDG_DATA_HOME MIZAN_BOARD_URL
  trap take_copy_of_board_away EXIT
  MIZAN_BOARD_URL=$("$MIZAN" -C "$MIZAN_BOARD" deploy --yes --env local)
  say "a copy of the board runs at $MIZAN_BOARD_URL"
}

take_copy_of_board_away() {
  local outcome=$?
  [ "$outcome" = 0 ] || "$MIZAN" -C "$MIZAN_BOARD" logs --env local >&2 || true
  "$MIZAN" -C "$MIZAN_BOARD" destroy --yes --volumes --env local >&2 || true
  rm -rf "$MIZAN_BOARD" "$XDG_DATA_HOME"
}
