"""What an app declares: contexts, functions and routes. Everything else in this package reads it from here."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, TypeAdapter, create_model

contexts: dict[str, "type[ReactContext]"] = {}
functions: dict[str, "Function"] = {}
routes: list["Route"] = []


@dataclass(frozen=True)
class Scope:
    """A context, narrowed to the entries whose parameters have these values.

    A value is a path into what is at hand: `args.…` and `result.…` of a mutation, `path.…` of a route.
    """

    context: str
    params: dict[str, str]


class ReactContext:
    """Subclass it to declare a context: `class PostContext(ReactContext, name="post", public=True)`.

    `public` promises that the answer depends on the parameters alone, not on who asks.
    """

    name: str
    public: bool

    def __init_subclass__(cls, name: str, public: bool = False):
        cls.name, cls.public = name, public
        contexts[name] = cls

    @classmethod
    def only(cls, **params: str) -> Scope:
        return Scope(cls.name, params)


# What `auth` may be: False for everyone, True for users, "staff", "superuser", or a guard of the app's own.
Auth = bool | str | Callable[[Any], bool]


@dataclass(frozen=True)
class Function:
    handler: Callable
    kind: str  # query, mutation or channel
    context: str | None
    affects: list[Scope]
    auth: Auth

    @property
    def name(self) -> str:
        return self.handler.__name__

    @cached_property
    def signature(self) -> inspect.Signature:
        return inspect.signature(self.handler, eval_str=True)

    @cached_property
    def params(self) -> dict[str, inspect.Parameter]:
        return {name: param for name, param in self.signature.parameters.items() if name != "request"}

    @cached_property
    def arguments(self) -> type[BaseModel]:
        fields = {name: (p.annotation, ... if is_required(p) else p.default) for name, p in self.params.items()}
        return create_model(self.name, __config__=ConfigDict(extra="forbid"), **fields)

    @cached_property
    def result(self) -> TypeAdapter:
        returned = self.signature.return_annotation
        return TypeAdapter(get_args(returned)[0] if self.kind == "channel" else returned)

    def call(self, request, given: dict[str, Any]) -> tuple[dict[str, Any], Any]:
        """Validate, call, and make the result JSON: returns the arguments and the result."""
        valid = self.arguments(**given)
        args = {name: getattr(valid, name) for name in self.params}
        return args, self.result.dump_python(self.handler(request, **args), mode="json")


@dataclass(frozen=True)
class ContextParam:
    """A parameter of a context: the union of what its functions take."""

    name: str
    declaration: inspect.Parameter
    functions: list[str]
    elevated: bool  # every function of the context takes it
    required: bool


@dataclass(frozen=True)
class Route:
    path: str
    component: str
    contexts: list[Scope]


def client(*, context: type[ReactContext] | None = None, affects: Iterable = (), auth: Auth = False, websocket=False):
    """Open a function to the React side: a query of a context, a mutation, or (websocket) a channel."""
    kind = "query" if context else "channel" if websocket else "mutation"
    if kind == "channel" and auth:
        raise TypeError("this stand-in has public channels only")

    def register(handler: Callable) -> Callable:
        scopes = [as_scope(affected) for affected in affects]
        functions[handler.__name__] = Function(handler, kind, context and context.name, scopes, auth)
        return handler

    return register


def route(path: str, component: str, contexts: Iterable = ()) -> None:
    """Declare a page: Render answers `path` with `component`, the data of `contexts` in hand."""
    routes.append(Route(path, component, [as_scope(context) for context in contexts]))


def as_scope(context: type[ReactContext] | Scope) -> Scope:
    return context if isinstance(context, Scope) else context.only()


def functions_of(context: str) -> list[Function]:
    return [function for _, function in sorted(functions.items()) if function.context == context]


def params_of(context: str) -> list[ContextParam]:
    members = functions_of(context)
    return [param_of(members, name) for name in sorted({name for member in members for name in member.params})]


def param_of(members: list[Function], name: str) -> ContextParam:
    takers = [member for member in members if name in member.params]
    return ContextParam(
        name=name,
        declaration=takers[0].params[name],
        functions=[taker.name for taker in takers],
        elevated=len(takers) == len(members),
        required=any(is_required(taker.params[name]) for taker in takers),
    )


def is_required(param: inspect.Parameter) -> bool:
    return param.default is inspect.Parameter.empty
