#!/usr/bin/env bash
# AWS on this machine: ministack (ECS tasks as containers, a registry, load balancers that pass traffic) and moto
# (what ministack lacks: autoscaling).
#
#   aws-emulators.sh start       start both, or leave them if they run; wait until they answer
#   aws-emulators.sh stop        end them, with every container, network, volume and image tag that came of them
#   aws-emulators.sh sweep       end those whose owner is gone
#   aws-emulators.sh status      say what runs; fails unless both answer
#   aws-emulators.sh env         what to `eval` to use them
#   aws-emulators.sh database    start a PostgreSQL where the tasks are, and print its URL as they know it
#   aws-emulators.sh image       make sure that the images of all of them are there, and print the emulators' name
#
# MIZAN_AWS_PORT (4566) and MIZAN_MOTO_PORT (5566) choose the ports on 127.0.0.1, and thereby the instance: any number
# can run beside each other, each with its own network. MIZAN_AWS_OPTIONS is handed to `docker run` of ministack, for
# instance `--env AUTH=true --env HEALTH_CHECKS=true`. With MIZAN_AWS_OWNER, a process id, the instance goes at the next
# `start` of any instance, or at `sweep`, once that process is gone.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

recipe=$root/scripts/aws-emulators
database_recipe=$root/scripts/postgres
account=123456789012
region=${AWS_REGION:-eu-west-1}
port=${MIZAN_AWS_PORT:-4566}
moto_port=${MIZAN_MOTO_PORT:-5566}
name=mizan-aws-$port
label=mizan.aws-emulators
owner_label=mizan.aws-emulators.owner

image() {
  image_of mizan-postgres "$database_recipe" >/dev/null
  image_of mizan-aws-emulators "$recipe"
}

# image_of NAME RECIPE: prints the image's name; built once per state of its recipe.
image_of() {
  local image
  image=$1:$(cat "$2"/* | sha256sum | cut -c 1-16)
  if ! docker image inspect "$image" >/dev/null 2>&1; then
    "$root/scripts/base-images.sh"
    lock aws-emulators # two callers at once: the second finds the image of the first
    docker image inspect "$image" >/dev/null 2>&1 || build "$image" "$2"
  fi
  echo "$image"
}

build() {
  say "building $1 (once)"
  docker build --quiet --label "$label=${1%:*}" --tag "$1" "$2" >/dev/null 2>"$cache/aws-emulators.log" ||
    fail "the image $1 could not be built" "see $cache/aws-emulators.log"
  local older
  mapfile -t older < <(docker image ls --quiet --filter "label=$label=${1%:*}" --filter "before=$1")
  [ ${#older[@]} = 0 ] || docker image rm "${older[@]}" >/dev/null 2>&1 || true # in use: the next build takes it
}

start() {
  "$root/scripts/docker-engine.sh" ensure
  local image
  image=$(image_of mizan-aws-emulators "$recipe")
  if ! running_from "$image"; then
    take_away "$name" # of a run that was killed, or of another version
    sweep
    docker network create --label "$label" "$name" >/dev/null
    start_ministack "$image"
    start_moto "$image"
  fi
  wait_for "http://127.0.0.1:$port/_ministack/health" "$name"
  wait_for "http://127.0.0.1:$moto_port/moto-api/" "$name-moto"
  say "ministack at http://127.0.0.1:$port, moto at http://127.0.0.1:$moto_port"
}

# ministack marks its containers with its host's name and port, and sweeps only its own.
start_ministack() {
  # shellcheck disable=SC2086 # several options
  docker run --detach --name "$name" --hostname "$name" --network "$name" \
    --label "$label" --label "$owner_label=${MIZAN_AWS_OWNER:-}" \
    --publish "127.0.0.1:$port:4566" --volume "$(engine_socket):/var/run/docker.sock" \
    --env GATEWAY_PORT=4566 --env MINISTACK_HOSTNAME="$name" \
    --env MINISTACK_ACCOUNT_ID="$account" --env MINISTACK_REGION="$region" \
    --env IOT_MTLS_ENABLED=false --env SFTP_ENABLED=false ${MIZAN_AWS_OPTIONS:-} \
    "$1" python ministack_server.py >/dev/null || fail "ministack did not start"
}

start_moto() {
  docker run --detach --init --name "$name-moto" --network "$name" --label "$label" \
    --publish "127.0.0.1:$moto_port:5000" --env MOTO_ACCOUNT_ID="$account" \
    "$1" python moto_server.py -H 0.0.0.0 -p 5000 >/dev/null || fail "moto did not start"
}

# What RDS would be, empty each time. Only the tasks reach it; its password is no secret.
database() {
  local image
  docker network inspect "$name" >/dev/null 2>&1 || fail "no emulator runs at 127.0.0.1:$port" "$0 start"
  image=$(image_of mizan-postgres "$database_recipe")
  if [ "$(docker inspect --format '{{.State.Running}}' "$name-database" 2>/dev/null)" != true ]; then
    remove_containers "name=^$name-database\$"
    docker run --detach --name "$name-database" --network "$name" --network-alias database --label "$label" \
      "$image" >/dev/null || fail "PostgreSQL did not start"
  fi
  local deadline=$((SECONDS + 60))
  until docker exec "$name-database" pg_isready --quiet --host=127.0.0.1; do
    [ "$SECONDS" -lt "$deadline" ] || fail "PostgreSQL does not answer" "docker logs $name-database"
    sleep 0.1
  done
  echo "postgres://app:app@database:5432/app"
}

engine_socket() {
  case ${DOCKER_HOST:-} in
    unix://*) echo "${DOCKER_HOST#unix://}" ;;
    *) echo /var/run/docker.sock ;;
  esac
}

running_from() {
  local container
  for container in "$name" "$name-moto"; do
    [ "$(docker inspect --format '{{.State.Running}} {{.Config.Image}}' "$container" 2>/dev/null)" = "true $1" ] || return 1
  done
}

answers() { curl --silent --fail --max-time 5 --output /dev/null "$1"; }

wait_for() {
  local deadline=$((SECONDS + 120))
  until answers "$1"; do
    [ "$SECONDS" -lt "$deadline" ] || fail "$2 does not answer" "docker logs $2"
    sleep 0.1
  done
}

stop() {
  take_away "$name"
  say "the AWS emulators at 127.0.0.1:$port are gone"
}

sweep() {
  local instance owner
  docker ps --all --filter "label=$owner_label" --format "{{.Names}} {{.Label \"$owner_label\"}}" |
    while read -r instance owner; do
      [ -z "$owner" ] || kill -0 "$owner" 2>/dev/null || take_away "$instance"
    done
}

take_away() {
  remove_containers "name=^$1(-moto|-database)?\$"
  remove_containers "label=ministack.instance=$1:4566" # what it had started, if it was killed
  docker network rm "$1" >/dev/null 2>&1 || true
  remove_image_tags "127.0.0.1:${1##*-}/"
}

remove_containers() {
  local found
  mapfile -t found < <(docker ps --all --quiet --filter "$1")
  [ ${#found[@]} = 0 ] || docker rm --force --volumes "${found[@]}" >/dev/null 2>&1 || true
}

# Only the names: the images themselves go when no other name is left.
remove_image_tags() {
  local found
  mapfile -t found < <(docker image ls --format '{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}' --digests |
    tr ' ' '\n' | grep "^$1" | grep -v '<none>$')
  [ ${#found[@]} = 0 ] || docker image rm "${found[@]}" >/dev/null 2>&1 || true
}

status() {
  local fine=0
  report "ministack" "http://127.0.0.1:$port" /_ministack/health || fine=1
  report "moto" "http://127.0.0.1:$moto_port" /moto-api/ || fine=1
  return $fine
}

report() {
  if answers "$2$3"; then
    echo "$1 answers at $2"
  else
    echo "$1 does not answer at $2"
    return 1
  fi
}

# The keys are the emulators' root; nothing here reaches AWS.
print_env() {
  cat <<EOF
export MIZAN_TEST_MINISTACK=http://127.0.0.1:$port
export MIZAN_TEST_MOTO=http://127.0.0.1:$moto_port
export AWS_ENDPOINT_URL=http://127.0.0.1:$port
export AWS_ENDPOINT_URL_APPLICATION_AUTO_SCALING=http://127.0.0.1:$moto_port
export AWS_REGION=$region
export AWS_DEFAULT_REGION=$region
export AWS_ACCESS_KEY_ID=test
export AWS_SECRET_ACCESS_KEY=test
export AWS_EC2_METADATA_DISABLED=true
export MIZAN_AWS_REGISTRY=127.0.0.1:$port
export MIZAN_AWS_LOAD_BALANCER=http://127.0.0.1:$port
EOF
}

case ${1:-} in
  start | stop | sweep | status | database | image) "$1" ;;
  env) print_env ;;
  *) fail "usage: aws-emulators.sh start | stop | sweep | status | env | database | image" ;;
esac
