"""The entry point of the web service: HTTP goes to Django, WebSockets to the Mizan channels."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = get_asgi_application()

from django.conf import settings  # noqa: E402  needs the line above

from mizan_django.channels import websocket_application  # noqa: E402  needs the app registry

settings.SECRET_KEY  # noqa: B018  raises if it is empty: better no start than a failure at the first sign-in


async def application(scope, receive, send):
    if scope["type"] == "http":
        await django_application(scope, receive, send)
    elif scope["type"] == "websocket":
        await websocket_application(scope, receive, send)
