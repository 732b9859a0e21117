"""Counts the API calls that ministack gets, whoever makes them.

    GET /_mizan/calls       what was called since the count began, one call a line
    DELETE /_mizan/calls    begins anew
"""

import ministack.app

_PATH = "/_mizan/calls"
_calls: list[str] = []
_serve = None  # what was there before


def install():
    """Puts the count in front of ministack."""
    global _serve
    _serve, ministack.app.app = ministack.app.app, _count


async def _count(scope, receive, send):
    if scope["type"] == "http" and scope["path"] == _PATH:
        return await _tell(scope["method"], send)
    if scope["type"] == "http" and (call := _call(scope)):
        _calls.append(call)
    return await _serve(scope, receive, send)


def _call(scope):
    """Service and action (or, without one in the headers, method and path); None for images and visitors."""
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
    _, signed, credential = headers.get("authorization", "").partition("Credential=")
    if not signed:
        return None
    service = credential.split("/")[3]
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    return f"{service} {action or scope['method'] + ' ' + scope['path']}"


async def _tell(method, send):
    body = "".join(f"{call}\n" for call in _calls).encode()
    if method == "DELETE":
        _calls.clear()
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
