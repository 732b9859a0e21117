"""The HTTP half of the protocol: reading contexts, calling mutations."""

import json
from typing import Any

from django.db import transaction
from django.middleware.csrf import get_token
from django.utils.cache import set_response_etag
from django.views.decorators.csrf import csrf_exempt

from .auth import authenticate_bearer, authorize, enforce_csrf
from .registry import Function, Scope, contexts, functions, functions_of, params_of
from .responses import BadRequest, InvalidParams, MethodNotAllowed, NotFound, json_api, json_response
from .schema import export_schema, is_public

PUBLIC = "public, max-age=0, stale-while-revalidate=300"
PRIVATE = "private, no-cache"


@csrf_exempt  # it changes nothing, and refuses every method that could
@json_api
def context(request, name):
    """GET the answers of all functions of a context, as one object."""
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowed("GET", "HEAD")
    if name not in contexts:
        raise NotFound("unknown_context")
    authenticate_bearer(request)
    members = functions_of(name)
    for function in members:
        authorize(function, request)
    given = query_params(request, name)
    answers = {f.name: f.call(request, {k: given[k] for k in f.params.keys() & given.keys()})[1] for f in members}
    cache = PUBLIC if is_public(name) else PRIVATE
    response = json_response(answers, cache=cache, headers={"Vary": "Authorization, Cookie"})
    set_response_etag(response)
    return response


def query_params(request, context_name: str) -> dict[str, str]:
    known = {param.name: param for param in params_of(context_name)}
    given = dict(request.GET.lists())
    if unknown := sorted(given.keys() - known.keys()):
        raise InvalidParams("unknown_param", params=unknown)
    if repeated := sorted(name for name, values in given.items() if len(values) > 1):
        raise InvalidParams("repeated_param", params=repeated)
    if missing := sorted(p.name for p in known.values() if p.required and p.name not in given):
        raise InvalidParams("missing_param", params=missing)
    return {name: values[0] for name, values in given.items()}


@csrf_exempt  # enforce_csrf does it, except for bearer tokens
@json_api
def call(request):
    """POST a mutation; the answer says which contexts it made stale."""
    if request.method != "POST":
        raise MethodNotAllowed("POST")
    authenticate_bearer(request)
    enforce_csrf(request)
    function, params = parse_call(request.body)
    authorize(function, request)
    with transaction.atomic():
        args, result = function.call(request, params)
    return json_response({"result": result, "invalidate": [invalidation(s, args, result) for s in function.affects]})


def parse_call(body: bytes) -> tuple[Function, dict[str, Any]]:
    try:
        message = json.loads(body)
        function, params = functions[message["function"]], message.get("params", {})
    except (ValueError, TypeError, KeyError) as error:
        raise BadRequest from error
    if function.kind != "mutation" or not isinstance(params, dict):
        raise BadRequest
    return function, params


def invalidation(scope: Scope, args: dict[str, Any], result: Any) -> str | dict[str, Any]:
    """One entry of `invalidate`: a whole context by name, or the part of it that the parameters name."""
    if not scope.params:
        return scope.context
    return {"context": scope.context, "params": {k: look_up(path, args, result) for k, path in scope.params.items()}}


def look_up(path: str, args: dict[str, Any], result: Any) -> Any:
    value: Any = {"args": args, "result": result}
    for segment in path.split("."):
        value = value[segment]
    return value


@json_api
def csrf(request):
    """GET the token that `call` asks of browsers; cached pages never hold one."""
    return json_response({"csrfToken": get_token(request)})


@json_api
def schema(request):
    return json_response(export_schema(), cache="no-cache")
