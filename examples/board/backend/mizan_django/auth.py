"""Who is asking, and may they: bearer tokens, CSRF for everyone else, and the `auth` of a function."""

from django.middleware.csrf import CsrfViewMiddleware

from . import tokens
from .registry import Auth, Function
from .responses import Forbidden, Unauthenticated

BEARER = "Bearer "


def has_authorization(request) -> bool:
    return "Authorization" in request.headers


def authenticate_bearer(request) -> None:
    """An Authorization header decides alone: a bad one is refused, whatever the session cookie says."""
    if not has_authorization(request):
        return
    header = request.headers["Authorization"]
    user = tokens.user_of(header.removeprefix(BEARER)) if header.startswith(BEARER) else None
    if user is None:
        raise Unauthenticated
    request.user = user


def enforce_csrf(request) -> None:
    """A browser adds cookies to anyone's request, but an Authorization header only to our own."""
    if not has_authorization(request) and CsrfCheck(lambda _: None).process_view(request, None, (), {}):
        raise Forbidden("csrf_failed")


class CsrfCheck(CsrfViewMiddleware):
    """Django's check, giving its reason instead of an HTML page."""

    def _reject(self, request, reason):
        return reason


def authorize(function: Function, request) -> None:
    if not function.auth:
        return
    if not request.user.is_authenticated:
        raise Unauthenticated
    if not passes(function.auth, request):
        raise Forbidden


def passes(auth: Auth, request) -> bool:
    match auth:
        case True:
            return True
        case "staff":
            return request.user.is_staff
        case "superuser":
            return request.user.is_superuser
        case guard:
            return guard(request)
