"""A stand-in for mizan-django: see README.md."""

from .registry import ReactContext, client, route
from .responses import BadRequest, Forbidden, NotFound, Unauthenticated, json_api, json_response

__all__ = [
    "BadRequest",
    "Forbidden",
    "NotFound",
    "ReactContext",
    "Unauthenticated",
    "client",
    "json_api",
    "json_response",
    "route",
]
