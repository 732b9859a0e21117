#!/usr/bin/env bash
# mizan's deploys to AWS against those of others: the same app into the same emulator, one after the other.
#
#   bench-aws.sh [PEER...]      prints a table in Markdown; all peers, or the named ones
#
# Peers: floor (boto3 by hand, what no tool can beat), mizan, cdk, ecs-deploy, awscli. BENCH_RUNS (3) rounds are made,
# the table shows the median. Everybody begins with the source: an image is built, with the layers in the cache, and
# pushed to a registry that knows the layers already. With nothing to do, the peers are spared that.
# MIZAN names the program, else it is built. Ports: MIZAN_AWS_PORT, MIZAN_MOTO_PORT.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

here=$root/tests/bench/aws
export MIZAN_AWS_PORT=${MIZAN_AWS_PORT:-4577} MIZAN_MOTO_PORT=${MIZAN_MOTO_PORT:-5577}
python=$cache/aws-venv/bin
give_up=120 # seconds after which a deploy counts as one that never ends

bench() {
  local peers=("$@") round peer
  [ ${#peers[@]} -gt 0 ] || peers=(floor mizan cdk ecs-deploy awscli)
  "$root/scripts/tools.sh" measuring aws-peers
  results=$(mktemp -d)
  export BENCH_RESULTS=$results
  trap clean_up EXIT
  "$root/scripts/aws-emulators.sh" start
  eval "$("$root/scripts/aws-emulators.sh" env)"
  warm_up
  case " ${peers[*]} " in *" mizan "*) prepare_mizan ;; esac
  for ((round = 1; round <= ${BENCH_RUNS:-3}; round++)); do
    for peer in "${peers[@]}"; do run_peer "$peer" "$round"; done
  done
  node "$here/table.mjs" "$results/figures.ndjson"
}

clean_up() {
  "$root/scripts/aws-emulators.sh" stop
  local version
  for version in 1 2 crash; do
    docker image rm "mizan-bench-aws:$version" "$MIZAN_AWS_REGISTRY/bench:$version" >/dev/null 2>&1 || true
  done
  rm -rf "$results"
}

# So that nobody builds or pushes layers that the next one finds there: the emulator's registry keeps them for good.
warm_up() {
  local version
  make_repository
  for version in 1 2 crash; do
    with_version "$version" "$results/app"
    docker build --quiet --tag "mizan-bench-aws:$version" "$results/app" >/dev/null 2>&1 || fail "the bench's image could not be built"
    docker tag "mizan-bench-aws:$version" "$MIZAN_AWS_REGISTRY/bench:$version"
    docker push --quiet "$MIZAN_AWS_REGISTRY/bench:$version" >/dev/null
  done
}

# A copy of the app that says this version, in this folder.
with_version() {
  mkdir -p "$2"
  cp "$here/app/"* "$2"
  sed -i "s/^VERSION = .*/VERSION = \"$1\"/" "$2/app.py"
}

prepare_mizan() {
  if [ -z "${MIZAN:-}" ]; then
    say "building mizan"
    cargo build --locked --release --quiet
    MIZAN=${CARGO_TARGET_DIR:-$root/target}/release/mizan
  fi
  export MIZAN BENCH_APP=$results/mizan-app XDG_DATA_HOME=$results/data XDG_CACHE_HOME=$results/cache
}

# Each into an account of its own. A first deploy, another version, the same again, and one that crashes.
run_peer() {
  say "== $1, round $2"
  curl --silent --fail --request POST "$AWS_ENDPOINT_URL/_ministack/reset" >/dev/null
  rm -rf "$results/data" "$results/cache"
  # What mizan built in the round before, it would not build again.
  docker images --format '{{.Repository}}:{{.Tag}}' mizan/bench | xargs --no-run-if-empty docker image rm >/dev/null
  make_repository
  measure "$1" first 1
  measure "$1" update 2
  measure "$1" noop 2
  measure "$1" crash crash
}

# Where the peers push to; mizan makes its own.
make_repository() {
  ask ecr "$AWS_ENDPOINT_URL" --header 'X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.CreateRepository' \
    --data '{"repositoryName": "bench"}' >/dev/null
}

# The emulator believes an unsigned caller, and a start of the aws command would spoil what is measured.
ask() {
  local service=$1
  shift
  curl --silent --fail --header \
    "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/$AWS_REGION/$service/aws4_request, Signature=0" "$@"
}

balancer_domain() {
  ask elasticloadbalancing "$AWS_ENDPOINT_URL" --data 'Action=DescribeLoadBalancers&Version=2015-12-01' |
    grep --only-matching '<DNSName>[^<]*' | head -n 1 | cut -d '>' -f 2
}

# measure PEER STEP VERSION: one line of figures. An app that crashes must leave the version before in place.
measure() {
  local status=0 begin served expected=$3
  [ "$2" != crash ] || expected=2
  curl --silent --output /dev/null --request DELETE "$AWS_ENDPOINT_URL/_mizan/calls"
  begin=$(date +%s.%N)
  command time --format '%e %M' --output "$results/time" \
    timeout "$give_up" "$0" --deploy "$1" "$2" "$3" >"$results/output" 2>&1 || status=$?
  curl --silent "$AWS_ENDPOINT_URL/_mizan/calls" >"$results/calls"
  served=$(seconds_until_served "$begin" "$expected")
  if [ "$2" != crash ] && [ "$status" != 0 ]; then
    tail -n 20 "$results/output" >&2
    say "$1 $2 failed with $status"
  fi
  tail -n 1 "$results/time" | {
    read -r seconds kib
    printf '{"peer": "%s", "step": "%s", "seconds": %s, "kib": %s, "calls": %s, "status": %s, "served": %s}\n' \
      "$1" "$2" "$seconds" "$kib" "$(wc -l <"$results/calls")" "$status" "$served"
  } | tee -a "$results/figures.ndjson" >&2
}

# From the beginning until the load balancer answers with the version; null if it does not within 15 s of the end.
seconds_until_served() {
  local deadline=$((SECONDS + 15)) domain
  domain=$(balancer_domain)
  until [ "$(curl --silent --max-time 5 --header "Host: $domain" "$MIZAN_AWS_LOAD_BALANCER/")" = "$2" ]; do
    [ "$SECONDS" -lt "$deadline" ] || { echo null; return; }
    sleep 0.05
  done
  awk -v begin="$1" -v end="$(date +%s.%N)" 'BEGIN { printf "%.2f", end - begin }'
}

# deploy PEER STEP VERSION: what is timed.
deploy() {
  local image=$MIZAN_AWS_REGISTRY/bench:$3 source=$BENCH_RESULTS/source
  [ "$1" = mizan ] || with_version "$3" "$source"
  case $1:$2 in
    floor:* | mizan:* | *:noop) ;;
    *) docker build --quiet --tag "$image" "$source" && docker push --quiet "$image" ;;
  esac
  case $1 in
    floor) exec "$python/python" "$here/floor.py" "$2" "$image" "$source" ;;
    awscli) PATH=$python:$PATH exec "$here/awscli.sh" "$2" "$image" ;;
    ecs-deploy) deploy_by_ecs_deploy "$2" "$image" ;;
    cdk) deploy_by_cdk "$image" ;;
    mizan) deploy_by_mizan "$3" ;;
    *) fail "unknown peer: $1" ;;
  esac
}

# It only updates: what it updates is made by the script.
deploy_by_ecs_deploy() {
  case $1 in
    first) PATH=$python:$PATH exec "$here/awscli.sh" first "$2" ;;
    *) exec "$python/ecs" deploy bench web --image web "$2" --timeout "$give_up" --region "$AWS_REGION" ;;
  esac
}

deploy_by_cdk() {
  cd "$here/cdk"
  export BENCH_IMAGE=$1 CDK_DISABLE_CLI_TELEMETRY=true
  exec node_modules/.bin/cdk deploy --app 'node app.js' --output "$BENCH_RESULTS/cdk.out" \
    --require-approval never --method direct --no-notices --no-version-reporting
}

deploy_by_mizan() {
  with_version "$1" "$BENCH_APP"
  exec "$MIZAN" -C "$BENCH_APP" deploy --env aws --yes
}

cd "$root"
case ${1:-} in
  --deploy) deploy "$2" "$3" "$4" ;;
  *) bench "$@" ;;
esac
