"""Counts who is here: the visitors connected to this process, told to each of them whenever it changes."""

import asyncio
from collections.abc import AsyncIterator


class Room:
    def __init__(self):
        self._online = 0
        self._changed = asyncio.Event()

    async def watch(self) -> AsyncIterator[int]:
        """Be in the room for as long as this is iterated. A slow watcher skips numbers, it never falls behind."""
        self._move(+1)
        try:
            while True:
                changed = self._changed
                yield self._online
                await changed.wait()
        finally:
            self._move(-1)

    def _move(self, by: int) -> None:
        self._online += by
        self._changed.set()
        self._changed = asyncio.Event()


room = Room()
