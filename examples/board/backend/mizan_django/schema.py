"""Exports what the app declares: OpenAPI 3.1 with the x-mizan extensions, format version 1."""

import hashlib
import inspect
from typing import Any

from django.conf import settings
from pydantic import TypeAdapter

from .registry import (
    Auth,
    ContextParam,
    Function,
    Route,
    Scope,
    contexts,
    functions,
    functions_of,
    is_required,
    params_of,
    routes,
)
from .responses import canonical_json

BASE = "/api/mizan/"
WEBSOCKET_PATH = "/ws/mizan/"

Json = dict[str, Any]


def export_schema() -> Json:
    results, components = result_schemas()
    document = {
        "openapi": "3.1.0",
        "info": {"title": settings.MIZAN["APP"], "version": ""},
        "paths": paths(results),
        "components": {"schemas": components},
        "x-mizan": about(),
        "x-mizan-functions": [describe_function(f, results[f.name]) for _, f in sorted(functions.items())],
        "x-mizan-contexts": [describe_context(name) for name in sorted(contexts)],
        "x-mizan-routes": [describe_route(r) for r in routes],
    }
    document["info"]["version"] = hashlib.sha256(canonical_json(document)).hexdigest()[:16]
    return document


def result_schemas() -> tuple[dict[str, Json], Json]:
    """The schema of every function's result, and the components they refer to."""
    inputs = [(f.name, "serialization", f.result) for f in functions.values()]
    by_name, shared = TypeAdapter.json_schemas(inputs, ref_template="#/components/schemas/{model}")
    return {name: schema for (name, _), schema in by_name.items()}, shared.get("$defs", {})


def about() -> Json:
    return {
        "schemaVersion": 1,
        "protocol": "1.0",
        "base": BASE,
        "websocketPath": WEBSOCKET_PATH,
        "health": settings.MIZAN["HEALTH_PATH"],
        "credentials": {
            "headers": ["Authorization"],
            "cookies": [settings.SESSION_COOKIE_NAME],
            "csrfCookie": settings.CSRF_COOKIE_NAME,
            "csrfHeader": "X-CSRFToken",
            "csrfPath": f"{BASE}csrf/",
        },
    }


def paths(results: dict[str, Json]) -> Json:
    described = {context_path(name): {"get": context_operation(name, results)} for name in sorted(contexts)}
    described[f"{BASE}call/"] = {"post": {"operationId": "call", "responses": {"200": {"description": "ok"}}}}
    return described


def context_operation(name: str, results: dict[str, Json]) -> Json:
    members = [function.name for function in functions_of(name)]
    answer = {"type": "object", "required": members, "properties": {member: results[member] for member in members}}
    return {
        "operationId": f"ctx_{name}",
        "parameters": [
            {"name": p.name, "in": "query", "required": p.required, "schema": param_schema(p.declaration)}
            for p in params_of(name)
        ],
        "responses": {"200": {"description": "ok", "content": {"application/json": {"schema": answer}}}},
    }


def describe_function(function: Function, result: Json) -> Json:
    return {
        "name": function.name,
        "kind": function.kind,
        "context": function.context,
        "websocket": function.kind == "channel",
        "auth": describe_auth(function.auth),
        "affects": [describe_scope(scope, key="context") for scope in function.affects],
        "params": [
            {"name": name, "required": is_required(param), "schema": param_schema(param)}
            for name, param in function.params.items()
        ],
        "result": result,
    }


def describe_context(name: str) -> Json:
    members = functions_of(name)
    return {
        "name": name,
        "path": context_path(name),
        "functions": [function.name for function in members],
        "auth": sorted({describe_auth(function.auth)["level"] for function in members}),
        "params": [describe_param(param) for param in params_of(name)],
        "cache": {
            "scope": "public" if is_public(name) else "private",
            "maxAge": 0,
            "staleWhileRevalidate": 300,
            "vary": ["Authorization", "Cookie"],
        },
    }


def describe_param(param: ContextParam) -> Json:
    return {
        "name": param.name,
        "required": param.required,
        "elevated": param.elevated,
        "functions": param.functions,
        "schema": param_schema(param.declaration),
    }


def describe_route(route: Route) -> Json:
    return {
        "path": route.path,
        "component": route.component,
        "contexts": [describe_scope(scope, key="name") for scope in route.contexts],
        "render": "edge",
    }


def describe_scope(scope: Scope, key: str) -> Json:
    return {key: scope.context, "params": scope.params}


def describe_auth(auth: Auth) -> Json:
    match auth:
        case False:
            return {"level": "none"}
        case True:
            return {"level": "user"}
        case str():
            return {"level": auth}
        case guard:
            return {"level": "custom", "guard": f"{guard.__module__}.{guard.__qualname__}"}


def param_schema(param: inspect.Parameter) -> Json:
    schema = TypeAdapter(param.annotation).json_schema()
    return schema if is_required(param) else {**schema, "default": param.default}


def is_public(context: str) -> bool:
    """Promised by the author, and no function of it asks who you are."""
    return contexts[context].public and not any(function.auth for function in functions_of(context))


def context_path(name: str) -> str:
    return f"{BASE}ctx/{name}/"
