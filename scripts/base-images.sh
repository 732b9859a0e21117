#!/usr/bin/env bash
# The public base images that the board's Dockerfile names, and the one that runs beside an app on Azure: pulled, or,
# where they cannot be pulled, built here as stand-ins from Debian, npm and PyPI packages. A tag that exists is never
# replaced.
#
#   base-images.sh            make sure that every image is there
#   base-images.sh remove     take the stand-ins away again (pulled images stay)
#
# MIZAN_STANDIN_IMAGES=1 skips the pull. The stand-ins are kept as one archive in the cache folder.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

node_version=22.23.3
npm_version=10.9.9
uv_version=0.13.9

pull_seconds=90
label=mizan.standin
recipes=$root/scripts/base-images
ca_bundle=/etc/ssl/certs/ca-certificates.crt

# public tag -> name of its stand-in
declare -A standin_of=(
  [debian:bookworm-slim]=debian
  [python:3.12-slim]=python
  [node:22-slim]=node
  [ghcr.io/astral-sh/uv:latest]=uv
  [caddy:2]=caddy
)

# What the images of python and node link to, beyond Debian's smallest system.
libraries=ca-certificates,netbase,tzdata,libsqlite3-0,libreadline8,libffi8,libncursesw6,libexpat1,libuuid1
libraries+=,libbz2-1.0,liblzma5,libssl3,zlib1g,libstdc++6,libatomic1

ensure() {
  [ -n "$(missing_tags)" ] || return 0
  lock base-images # two callers at once: the second finds the images of the first
  pull_missing
  [ -n "$(missing_tags)" ] || return 0
  load_or_build
  local tag
  for tag in $(missing_tags); do
    docker tag "$(standin "${standin_of[$tag]}")" "$tag"
    say "stand-in for $tag"
  done
}

has_image() { docker image inspect "$1" >/dev/null 2>&1; }

missing_tags() {
  local tag
  for tag in "${!standin_of[@]}"; do has_image "$tag" || echo "$tag"; done
}

# All at once: where no registry can be reached, the wait is that of one image.
pull_missing() {
  [ -z "${MIZAN_STANDIN_IMAGES:-}" ] || return 0
  local tag
  for tag in $(missing_tags); do
    say "pulling $tag (at most $pull_seconds s)"
    timeout "$pull_seconds" docker pull --quiet "$tag" >/dev/null 2>>"$cache/pull.log" &
  done
  wait
  [ -z "$(missing_tags)" ] || say "some images cannot be pulled ($cache/pull.log): stand-ins take their place"
}

# The key names everything the stand-ins are made of, so a stale archive is never loaded.
standin_key() {
  {
    cat "$0" "$recipes"/*.Dockerfile "$ca_bundle"
    uname -m
    python_prefix
  } | sha256sum | cut -c 1-16
}
standin() { echo "mizan-standin/$1:$key"; }

load_or_build() {
  key=$(standin_key)
  archive=$cache/standins-$key.tar.zst
  [ -n "$(python_prefix)" ] || say "warning: no CPython 3.12 on this machine: the stand-in for python:3.12-slim has Debian's 3.11"
  apt_install zstd
  if [ -f "$archive" ]; then
    zstd -qdc "$archive" | docker load -q >/dev/null
  else
    build_all
    save_all
  fi
}

save_all() {
  docker save "$(standin debian)" "$(standin python)" "$(standin node)" "$(standin uv)" "$(standin caddy)" |
    zstd -q -3 -T0 -f -o "$archive.part"
  rm -f "$cache"/standins-*.tar.zst
  mv "$archive.part" "$archive"
}

build_all() {
  say "building stand-ins for the base images (about a minute)"
  apt_install mmdebstrap
  python3 -m pip --version >/dev/null 2>&1 || apt_install python3-pip
  work=$(mktemp -d "$cache/standins.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  mkdir "$work"/{debian,python,node,uv,caddy}

  # The downloads go on while Debian's packages are unpacked.
  fetch_node & local node=$!
  fetch_uv & local uv=$!
  fetch_debian
  build debian
  build_python
  build caddy
  wait "$node" || fail "npm could not fetch node $node_version"
  build node
  wait "$uv" || fail "pip could not fetch uv $uv_version"
  build uv
}

# build NAME [RECIPE]: the context is $work/NAME. The classic builder, because the CLI may lack buildx.
build() {
  DOCKER_BUILDKIT=0 docker build --quiet --force-rm --label "$label=$1" --build-arg "BASE=$(standin debian)" \
    --tag "$(standin "$1")" --file "$recipes/${2:-$1}.Dockerfile" "$work/$1" >/dev/null 2>"$work/$1.log" ||
    { cat "$work/$1.log" >&2; return 1; }
}

# The host's apt settings (a proxy, a frozen mirror) are those that work here: the image gets them too.
fetch_debian() {
  cp "$ca_bundle" "$work/debian/"
  apt-config dump | grep -E '^Acquire::(https?|Check-[A-Za-z-]+|Retries)(::[A-Za-z:-]+)? ' >"$work/apt.conf" || true
  local sources
  mapfile -t sources < <(debian_sources)
  # shellcheck disable=SC2016 # "$1" is mmdebstrap's: the root of the new system
  retry as_root mmdebstrap --quiet --mode=root --variant=minbase --include="$libraries" --aptopt="$work/apt.conf" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/var/log/*.log "$1"/var/log/apt' \
    bookworm "$work/debian/debian.tar" "${sources[@]}" || fail "mmdebstrap could not make a Debian system"
}

# The mirrors of a bookworm host; elsewhere nothing, and mmdebstrap takes Debian's own.
debian_sources() {
  local file
  [ "$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" = bookworm ] || return 0
  for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
    [ -s "$file" ] && { echo "$file"; return; }
  done
}

# A 3.12 under a prefix of its own can be moved as it stands (pyenv's, for one); a distribution's
# below /usr cannot.
python_prefix() {
  local candidate prefix
  for candidate in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12.*/bin/python3.12 python3.12; do
    prefix=$("$candidate" -c 'import sys; print(sys.base_prefix)' 2>/dev/null) || continue
    [ "$prefix" = /usr ] || { echo "$prefix"; return; }
  done
}

build_python() {
  local prefix
  prefix=$(python_prefix)
  if [ -n "$prefix" ]; then
    pack_python "$prefix"
    build python && return
    say "warning: the CPython in $prefix does not run in bookworm: using Debian's 3.11"
    rm "$work/python/python.tar"
  fi
  build python python-debian
}

# Without tests, static libraries, caches and whatever was installed into it.
pack_python() {
  local lib=lib/python3.12 shared
  mapfile -t shared < <(cd "$1" && find lib -maxdepth 1 -name 'libpython3*.so*')
  tar -C "$1" --owner=0 --group=0 --exclude=__pycache__ \
    --exclude="$lib"/{test,idlelib,tkinter,turtledemo,lib2to3} --exclude="$lib/config-*" \
    --exclude="$lib/site-packages/*" --exclude='*/_tkinter*' --exclude='*/nis.*' --exclude='*/_test*.so' \
    -cf "$work/python/python.tar" bin/python3.12 include/python3.12 "$lib" "${shared[@]}"
}

fetch_node() {
  local into=$work/node.root arch=x64
  [ "$(uname -m)" = aarch64 ] && arch=arm64
  mkdir -p "$into/bin" "$into/lib/node_modules/npm"
  (cd "$work" && retry npm pack --silent "node-linux-$arch@$node_version" "npm@$npm_version") >/dev/null
  tar -xzf "$work"/node-linux-*.tgz -C "$into/bin" --strip-components=2 package/bin/node
  tar -xzf "$work/npm-$npm_version.tgz" -C "$into/lib/node_modules/npm" --strip-components=1
  chmod 755 "$into"/lib/node_modules/npm/bin/*.js
  tar -C "$into" --owner=0 --group=0 -cf "$work/node/node.tar" bin lib
}

fetch_uv() {
  retry python3 -m pip download --quiet --no-deps --only-binary=:all: --dest "$work" "uv==$uv_version"
  python3 -m zipfile -e "$work"/uv-*.whl "$work/uv.wheel"
  chmod 755 "$work"/uv.wheel/uv-*/scripts/uv*
  tar -C "$work"/uv.wheel/uv-*/scripts --owner=0 --group=0 -cf "$work/uv/uv.tar" uv uvx
}

remove() {
  local image
  docker image ls --filter "label=$label" --filter dangling=false --format '{{.Repository}}:{{.Tag}}' |
    while read -r image; do
      if docker image rm "$image" >/dev/null; then say "removed $image"; fi # what is in use says so itself
    done
  docker image prune --force --filter "label=$label" >/dev/null # the steps they were built in
}

case ${1:-ensure} in
  ensure | remove) "${1:-ensure}" ;;
  *) fail "usage: base-images.sh [ensure | remove]" ;;
esac
