"""The WebSocket half of the protocol: one connection, any number of subscriptions. README.md has the messages."""

import asyncio
import json
import logging
from contextlib import aclosing
from typing import Any

from .registry import Function, functions
from .schema import WEBSOCKET_PATH

logger = logging.getLogger(__name__)

NO_SUCH_PATH = 4404


async def websocket_application(scope, receive, send):
    """An ASGI application for one WebSocket connection."""
    await receive()  # websocket.connect
    if scope["path"] != WEBSOCKET_PATH:
        await send({"type": "websocket.close", "code": NO_SUCH_PATH})
        return
    await send({"type": "websocket.accept"})
    await Connection(receive, send).serve()


class Connection:
    def __init__(self, receive, send):
        self._receive, self._send = receive, send
        self._subscriptions: dict[str, asyncio.Task] = {}

    async def serve(self) -> None:
        try:
            while (message := await self._receive())["type"] == "websocket.receive":
                await self._handle(message.get("text") or "")
        finally:
            await self._unsubscribe_all()

    async def _handle(self, text: str) -> None:
        match parse(text):
            case {"ping": token}:
                await self._tell({"pong": token})
            case {"subscribe": str(name)}:
                await self._subscribe(name)
            case _:
                await self._tell({"error": {"code": "bad_message"}})

    async def _subscribe(self, name: str) -> None:
        channel = functions.get(name)
        if channel is None or channel.kind != "channel":
            await self._tell({"error": {"code": "unknown_channel"}})
        elif name not in self._subscriptions:
            self._subscriptions[name] = asyncio.create_task(self._publish(channel))

    async def _publish(self, channel: Function) -> None:
        try:
            async with aclosing(channel.handler()) as news:
                async for item in news:
                    await self._tell({"channel": channel.name, "data": channel.result.dump_python(item, mode="json")})
        except OSError:
            pass  # the visitor is gone; `serve` is about to learn it
        except Exception:
            logger.exception("channel %s", channel.name)

    async def _unsubscribe_all(self) -> None:
        for task in self._subscriptions.values():
            task.cancel()
        await asyncio.gather(*self._subscriptions.values(), return_exceptions=True)

    async def _tell(self, message: dict[str, Any]) -> None:
        await self._send({"type": "websocket.send", "text": json.dumps(message)})


def parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
