"""Runs ministack, counting its calls and passing WebSockets; with HEALTH_CHECKS=true its load balancers and services
mind the health of their targets."""

import os

from ministack.app import main

import calls
import health
import listeners
import registry
import rollouts
import starts
import tasks
import web_sockets

if __name__ == "__main__":
    web_sockets.install()
    calls.install()
    listeners.install()
    registry.install()
    starts.install()
    tasks.install()
    rollouts.install()
    if os.environ.get("HEALTH_CHECKS") == "true":
        health.install(pace=float(os.environ.get("HEALTH_PACE", "1")))
    main()
