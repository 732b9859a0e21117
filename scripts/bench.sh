#!/usr/bin/env bash
# The speeds the README states, measured in one run on this machine, with the yardsticks beside them.
#
#   bench.sh                    prints a table in Markdown; hyperfine's own output goes to stderr
#   bench.sh edit DIR           (a step of it) changes one line of the board in DIR
#   bench.sh start-container    (a step of it) starts the board's container by hand, until it is healthy
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

mizan=${CARGO_TARGET_DIR:-$root/target}/release/mizan
image="mizan-bench"
container="mizan-bench-start"

bench() {
  "$root/scripts/docker-engine.sh" ensure
  "$root/scripts/base-images.sh"
  "$root/scripts/tools.sh" measuring
  say "building mizan"
  cargo build --locked --release --quiet

  board=$(copy_of_board board-bench)
  results=$(mktemp -d)
  trap clean_up EXIT
  "$mizan" -C "$board" deploy --yes >&2

  measure_start_up
  measure_plans
  measure_deploys
  stat -c %s "$mizan" >"$results/binary-bytes"
  peak_memory "$mizan" -C "$board" deploy --yes >"$results/deploy-peak-kib"
  peak_memory "$mizan" -C "$results/app-100" deploy --plan --offline >"$results/plan-peak-kib"
  node "$root/scripts/bench-table.mjs" "$results"
}

clean_up() {
  "$mizan" -C "$board" destroy --yes --volumes >&2 || true
  docker rm --force --volumes "$container" >/dev/null 2>&1 || true
  docker image rm "$image" >/dev/null 2>&1 || true
  docker image prune --force --filter "label=$image" >/dev/null # each build leaves the one before without a tag
  rm -rf "$board" "$results"
}

# time_it NAME ARGUMENTS...: one hyperfine run, its figures kept as NAME.json.
time_it() {
  local name=$1
  shift
  hyperfine --style basic --export-json "$results/$name.json" "$@" >&2
}

measure_start_up() { time_it start-up -N --warmup 10 --runs 200 "$mizan --version"; }

# Four sizes, so that the table can show whether the time grows with the size or faster.
measure_plans() {
  local services
  time_it plan-board -N --warmup 3 --runs 50 "$mizan -C $board deploy --plan --offline"
  for services in 25 50 100; do
    node "$root/tests/support/large-app.mjs" "$results/app-$services" "$services" $((services * 10))
    time_it "plan-$services" -N --warmup 3 --runs 30 "$mizan -C $results/app-$services deploy --plan --offline"
  done
}

measure_deploys() {
  local edit="$0 edit $board" deploy="$mizan -C $board deploy --yes" docker
  docker=$(docker_with_buildkit)
  time_it no-change --warmup 1 --runs 10 "$deploy"
  time_it rollback --runs 5 --prepare "$edit && $deploy" "$mizan -C $board rollback --yes"
  time_it docker-build --warmup 1 --runs 8 --prepare "$edit" "DOCKER_BUILDKIT=1 $docker build --quiet --label $image --tag $image $board"
  time_it container-start --runs 5 --prepare "docker rm --force --volumes $container || true" "$0 start-container"
  time_it one-line --warmup 1 --runs 8 --prepare "$edit" "$deploy"
}

# Of two docker commands on a machine, the first may lack the plug-in that BuildKit needs.
docker_with_buildkit() {
  local docker
  for docker in $(type -ap docker); do
    if DOCKER_BUILDKIT=1 "$docker" build --quiet - >/dev/null 2>&1 <<<$'FROM scratch\nLABEL mizan.bench=probe'; then
      echo "$docker"
      return
    fi
  done
  fail "no docker command here can build with BuildKit, which is what the deploy is compared with"
}

# In KiB. The program, not the shell's keyword of that name.
peak_memory() { command time --format %M --output /dev/fd/3 "$@" 3>&1 >/dev/null; }

edit() { sed -i "s/^TAGLINE = .*/TAGLINE = \"Edited at $(date +%s%N).\"/" "$1/backend/board/api.py"; }

start_container() {
  docker run --detach --name "$container" --publish 127.0.0.1::8000 --env SECRET_KEY=bench "$image" >/dev/null
  local address
  address=$(docker port "$container" 8000/tcp)
  until answers "${address##*:}"; do sleep 0.02; done
}

# In a shell of its own: the port accepts before the server is up, and then breaks the pipe.
answers() (
  { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || exit 1
  printf 'GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
  head -n 1 <&3 | grep -q ' 200 '
)

cd "$root"
case ${1:-} in
  '') bench ;;
  edit) edit "$2" ;;
  start-container) start_container ;;
  *) fail "usage: bench.sh [edit DIR | start-container]" ;;
esac
