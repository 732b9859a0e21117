"""JSON answers, and the errors that views raise instead of building one."""

import json
import logging
from functools import wraps
from typing import Any

from django.http import HttpResponse
from pydantic import ValidationError

logger = logging.getLogger(__name__)


class ApiError(Exception):
    status = 500
    code = "internal"
    headers: dict[str, str] = {}

    def __init__(self, code: str | None = None, **details: Any):
        super().__init__(code or self.code)
        self.body = {"code": code or self.code, **details}


class BadRequest(ApiError):
    status, code = 400, "bad_request"


class Unauthenticated(ApiError):
    status, code = 401, "unauthenticated"
    headers = {"WWW-Authenticate": 'Bearer realm="mizan"'}


class Forbidden(ApiError):
    status, code = 403, "forbidden"


class NotFound(ApiError):
    status, code = 404, "not_found"


class MethodNotAllowed(ApiError):
    status, code = 405, "method_not_allowed"

    def __init__(self, *allowed: str):
        super().__init__()
        self.headers = {"Allow": ", ".join(allowed)}


class InvalidParams(ApiError):
    status, code = 422, "invalid_params"


def canonical_json(value: Any) -> bytes:
    """Sorted keys and no spaces: equal answers are equal bytes, whoever computed them."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def json_response(value: Any, status: int = 200, cache: str = "no-store", headers: dict | None = None) -> HttpResponse:
    return HttpResponse(
        canonical_json(value),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": cache, **(headers or {})},
    )


def error_response(error: ApiError) -> HttpResponse:
    return json_response({"error": error.body}, status=error.status, headers=error.headers)


def json_api(view):
    """Turn what the view raises into a JSON answer; what nobody expected is logged, and says nothing about itself."""

    @wraps(view)
    def answer(request, *args, **kwargs):
        try:
            return view(request, *args, **kwargs)
        except ApiError as error:
            return error_response(error)
        except ValidationError as error:
            problems = [{"param": ".".join(map(str, e["loc"])), "message": e["msg"]} for e in error.errors()]
            return error_response(InvalidParams(problems=problems))
        except Exception:
            logger.exception("%s %s", request.method, request.path)
            return error_response(ApiError())

    return answer
