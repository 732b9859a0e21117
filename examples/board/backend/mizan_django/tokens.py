"""JSON Web Tokens that say who a user is, for a quarter of an hour."""

import time

import jwt
from django.conf import settings
from django.contrib.auth import get_user_model

LIFETIME = 15 * 60
ALGORITHM = "HS256"


def issue(user) -> str:
    claims = {"sub": str(user.pk), "exp": int(time.time()) + LIFETIME}
    return jwt.encode(claims, settings.SECRET_KEY, ALGORITHM)


def user_of(token: str):
    """The active user whom the token names; None if it is forged, too old, or its user is gone."""
    try:
        claims = jwt.decode(token, settings.SECRET_KEY, [ALGORITHM], options={"require": ["exp", "sub"]})
        return get_user_model().objects.get(pk=claims["sub"], is_active=True)
    except (jwt.InvalidTokenError, get_user_model().DoesNotExist, ValueError):
        return None
