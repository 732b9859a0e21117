"""Runs ministack; with HEALTH_CHECKS=true its load balancers and services mind the health of their targets."""

import os

from ministack.app import main

import health

if __name__ == "__main__":
    if os.environ.get("HEALTH_CHECKS") == "true":
        health.install(pace=float(os.environ.get("HEALTH_PACE", "1")))
    main()
