"""Two ways to sign in: a session cookie for browsers, a JSON Web Token for programs."""

import json

from django.contrib.auth import authenticate, login, logout
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from mizan_django import BadRequest, Unauthenticated, json_api, json_response, tokens


@require_http_methods(["POST", "DELETE"])
@json_api
def session(request):
    """POST credentials to sign in, DELETE to sign out. Django's middleware has checked the CSRF token."""
    if request.method == "DELETE":
        logout(request)
        return json_response({"username": None})
    user = user_of_credentials(request)
    login(request, user)
    return json_response({"username": user.username})


@csrf_exempt  # cookies play no part in it
@require_http_methods(["POST"])
@json_api
def token(request):
    """POST credentials, get a token for `Authorization: Bearer`."""
    user = user_of_credentials(request)
    return json_response({"token": tokens.issue(user), "expires_in": tokens.LIFETIME})


def user_of_credentials(request):
    try:
        given = json.loads(request.body)
        username, password = str(given["username"]), str(given["password"])
    except (ValueError, TypeError, KeyError) as error:
        raise BadRequest from error
    user = authenticate(request, username=username, password=password)
    if user is None:
        raise Unauthenticated("bad_credentials")
    return user
