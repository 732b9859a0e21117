"""Passes WebSockets through ministack's load balancers, which it refuses itself.

The rules of the listener choose the target, as for every request; then both ends are joined, message by message.
"""

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass
from urllib.parse import parse_qs

import ministack.app
from ministack.services import alb
from wsproto import ConnectionType, WSConnection, events

# The opening handshake's own headers are written anew for the second connection.
_HANDSHAKE = {"host", "connection", "upgrade", "sec-websocket-key", "sec-websocket-version"}
_HANDSHAKE |= {"sec-websocket-extensions", "sec-websocket-protocol"}

_serve = None  # what was there before
_request = alb._proxy_http_target
_opening = ContextVar("a WebSocket is being opened", default=False)


@dataclass
class _Chosen:
    """Where the load balancer would have sent the request."""

    host: str
    port: int
    path: str
    headers: dict


def install():
    """Puts this in front of ministack."""
    global _serve
    _serve, ministack.app.app = ministack.app.app, _app
    alb._proxy_http_target = _proxy_http_target


async def _app(scope, receive, send):
    if scope["type"] == "websocket":
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if balancer := alb.find_lb_for_host(headers.get("host", "")):
            return await _pass(balancer, headers, scope, receive, send)
    await _serve(scope, receive, send)


async def _proxy_http_target(target, group, method, path, headers, body, query_params, raw_query_string=None):
    if not _opening.get():
        return await _request(target, group, method, path, headers, body, query_params, raw_query_string)
    query = f"?{raw_query_string}" if raw_query_string else ""
    return 101, {}, _Chosen(target["Id"], int(target.get("Port") or group["Port"]), path + query, headers)


async def _pass(balancer, headers, scope, receive, send):
    await receive()  # the request to connect
    chosen = await _choose(balancer, headers, scope)
    if not isinstance(chosen, _Chosen):
        return await send({"type": "websocket.close", "code": 1008})
    try:
        reader, writer = await asyncio.open_connection(chosen.host, chosen.port)
    except OSError:
        return await send({"type": "websocket.close", "code": 1011})
    try:
        await _join(chosen, scope["subprotocols"], reader, writer, receive, send)
    finally:
        writer.close()


async def _choose(balancer, headers, scope):
    query = scope["query_string"].decode()
    client = (scope.get("client") or ("127.0.0.1",))[0]
    token = _opening.set(True)
    try:
        _, _, chosen = await alb.dispatch_request(
            balancer, "GET", scope["path"], headers, b"", parse_qs(query), 80, client, raw_query_string=query
        )
    finally:
        _opening.reset(token)
    return chosen


async def _join(chosen, subprotocols, reader, writer, receive, send):
    target = WSConnection(ConnectionType.CLIENT)
    extra = [(name.encode(), value.encode()) for name, value in chosen.headers.items() if name not in _HANDSHAKE]
    opening = events.Request(
        host=chosen.headers["host"], target=chosen.path, subprotocols=subprotocols, extra_headers=extra
    )
    writer.write(target.send(opening))
    to_target, message = None, []
    try:
        while True:
            data = await reader.read(65536)
            target.receive_data(data or None)
            for event in target.events():
                match event:
                    case events.AcceptConnection():
                        await send({"type": "websocket.accept", "subprotocol": event.subprotocol})
                        to_target = asyncio.create_task(_send_on(target, writer, receive))
                    case events.RejectConnection():
                        return await send({"type": "websocket.close", "code": 1008})
                    case events.Ping():
                        writer.write(target.send(event.response()))
                    case events.TextMessage() | events.BytesMessage():
                        message.append(event.data)
                        if event.message_finished:
                            await send({"type": "websocket.send"} | _whole(message))
                            message = []
                    case events.CloseConnection():
                        return await send({"type": "websocket.close", "code": event.code, "reason": event.reason})
            if not data:
                return await send({"type": "websocket.close", "code": 1006})
    finally:
        if to_target:
            to_target.cancel()


def _whole(parts):
    if isinstance(parts[0], str):
        return {"text": "".join(parts)}
    return {"bytes": b"".join(parts)}


async def _send_on(target, writer, receive):
    while (message := await receive())["type"] == "websocket.receive":
        text = message.get("text")
        event = events.BytesMessage(message["bytes"]) if text is None else events.TextMessage(text)
        writer.write(target.send(event))
    writer.write(target.send(events.CloseConnection(code=message.get("code", 1000))))
