#!/usr/bin/env bash
# THIRD-PARTY-LICENSES.md: the licences of what is linked into mizan.
#
#   licences.sh write     makes it anew, after a change of Cargo.lock
#   licences.sh check     fails if it is not what it would be made now
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

file=$root/THIRD-PARTY-LICENSES.md

collect() { (cd "$root" && node scripts/licences.mjs); }

check() {
  local fresh
  fresh=$(collect) # a failure here is not mistaken for a difference
  diff -u "$file" - <<<"$fresh" >&2 ||
    fail "THIRD-PARTY-LICENSES.md is out of date" "scripts/licences.sh write"
}

write() {
  local fresh
  fresh=$(collect)
  printf '%s\n' "$fresh" >"$file"
}

have node || fail "node is missing" "install Node.js 20 or later"
case ${1:-} in
  write | check) "$1" ;;
  *) fail "usage: licences.sh write | check" ;;
esac
