"""Answers the probes: /healthz says that the process lives, /readyz that it can do its work."""

import logging

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpResponse
from django.utils.deprecation import MiddlewareMixin

logger = logging.getLogger(__name__)


class HealthMiddleware(MiddlewareMixin):
    """A middleware, not a view: load balancers probe by IP address, which the Host check would refuse."""

    def process_request(self, request):
        if request.path == settings.MIZAN["HEALTH_PATH"]:
            return answer(200, "ok")
        if request.path == "/readyz":
            reason = why_not_ready()
            return answer(503, reason) if reason else answer(200, "ready")
        return None


def why_not_ready() -> str | None:
    try:
        executor = MigrationExecutor(connection)
    except DatabaseError:
        logger.exception("the database cannot be read")
        return "database"
    return "migrations" if executor.migration_plan(executor.loader.graph.leaf_nodes()) else None


def answer(status: int, text: str) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain", headers={"Cache-Control": "no-store"})
