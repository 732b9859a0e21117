#!/usr/bin/env bash
# A Docker engine for the demo and the tests: the one that answers, else Debian's, installed and started here.
#
#   docker-engine.sh ensure [--yes]   use or start an engine; --yes installs without asking
#   docker-engine.sh stop             end the engine that `ensure` started, and no other, unless containers run on it
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"

started_by_us=$cache/engine.pid
log=$cache/dockerd.log
dockerd_pidfile=/var/run/docker.pid

# `docker version` honours DOCKER_HOST and contexts as every later command will.
engine_version() { timeout 20 docker version --format '{{.Server.Version}}' 2>"$cache/engine.err"; }
engine_answers() { have docker && engine_version >/dev/null; }

wait_for_engine() {
  local deadline=$((SECONDS + $1))
  until engine_answers; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.3
  done
}

systemd_runs() { [ -d /run/systemd/system ]; }
dockerd_pid() { grep -slx dockerd /proc/[0-9]*/comm | head -n 1 | cut -d / -f 3; }

ensure() {
  if ! engine_answers; then
    lock engine # two callers at once: the second finds the engine of the first
    engine_answers || provide
  fi
  say "Docker engine $(engine_version)"
}

provide() {
  refuse_foreign_host
  if [ -n "$(dockerd_pid)" ]; then
    wait_for_running_engine
    return
  fi
  have dockerd || install_engine
  if systemd_runs; then
    start_service
  elif [ -n "$(dockerd_pid)" ]; then # the package has started it
    wait_for_running_engine
  else
    start_daemon
  fi
}

refuse_foreign_host() {
  [ -z "${DOCKER_HOST:-}" ] && return
  fail "no engine answers at DOCKER_HOST=$DOCKER_HOST" "start it, or unset DOCKER_HOST to use one on this machine" \
    "$(tail -n 1 "$cache/engine.err")"
}

# It may only just have been started. Never a second one beside it: two engines on one machine take
# each other's bridge and iptables rules away.
wait_for_running_engine() {
  wait_for_engine 120 && return
  refuse_without_permission
  fail "dockerd runs (pid $(dockerd_pid)) but does not answer; a second one is never started" "$(tail -n 1 "$cache/engine.err")"
}

refuse_without_permission() {
  ! grep -qi 'permission denied' "$cache/engine.err" ||
    fail "a Docker engine runs, but this user may not use it" "sudo usermod -aG docker $(id -un), then log in again"
}

install_engine() {
  consent
  apt_install docker.io iptables
  have docker || apt_install docker-cli # a package of its own since Debian 13
}

consent() {
  have apt-get || fail "no Docker engine answers, and this is no Debian machine to install one on" \
    "install Docker Engine or Docker Desktop, then run this again"
  [ "$assume_yes" = no ] && person_present || return 0
  local answer
  read -r -p "No Docker engine answers. Install Debian's docker.io and iptables, and start it? [y/N] " answer
  case $answer in
    [yY] | [yY][eE][sS]) ;;
    *) fail "no Docker engine" "start one yourself, or run this again and answer y" ;;
  esac
}

start_service() {
  as_root systemctl start docker || fail "systemd could not start docker" "journalctl -u docker"
  echo systemd >"$started_by_us"
  wait_for_engine 120 && return
  refuse_without_permission
  fail "the engine was started, but does not answer" "journalctl -u docker"
}

# In a session of its own, so that it outlives this script and its terminal. The socket goes to the
# caller's own group: membership of `docker` would only count after the next login.
start_daemon() {
  say "starting dockerd (log: $log)"
  # Published ports go by the kernel: an engine of Debian's age lets its own proxy processes die with whichever of its
  # threads started them, and then a port is dead although its container is well.
  as_root setsid --fork nohup dockerd --userland-proxy=false --group "$(id -gn)" </dev/null >>"$log" 2>&1 9>&-
  if ! wait_for_engine 120; then
    fail "dockerd did not come up within 120 s: $(tail -n 1 "$log")" "the whole log: $log"
  fi
  cat "$dockerd_pidfile" >"$started_by_us"
}

stop() {
  lock engine
  local pid
  pid=$(cat "$started_by_us" 2>/dev/null) || { say "no Docker engine of ours to stop"; return 0; }
  if [ -n "$(docker ps --quiet 2>/dev/null)" ]; then
    say "the Docker engine goes on: other containers run on it (docker ps)"
    return 0
  fi
  if [ "$pid" = systemd ]; then
    as_root systemctl stop docker.service docker.socket
  elif [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ]; then # a pid can have been given to another
    end_daemon "$pid"
  fi
  rm -f "$started_by_us"
  say "Docker engine stopped"
}

# The engine stops its containers first, each with its own grace time.
end_daemon() {
  as_root kill "$1"
  local deadline=$((SECONDS + 90))
  while [ -d "/proc/$1" ]; do
    [ "$SECONDS" -lt "$deadline" ] || fail "dockerd (pid $1) has not ended within 90 s" "see $log"
    sleep 0.2
  done
}

assume_yes=no
[ "${2:-}" = --yes ] && assume_yes=yes
case ${1:-} in
  ensure | stop) "$1" ;;
  *) fail "usage: docker-engine.sh ensure [--yes] | stop" ;;
esac
