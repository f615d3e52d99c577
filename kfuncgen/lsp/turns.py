"""Whose turn it is when many want the one process that lints: what somebody looks at goes first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

Rank = Callable[[], float]
"""How urgent something is, asked when a turn is given: it may have changed while it waited."""


class Turns:
    """One at a time. Of those that wait the highest rank is next, the first come of equal ones."""

    def __init__(self) -> None:
        self._busy = False
        self._waiting: list[tuple[Rank, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def turn(self, rank: Rank) -> AsyncIterator[None]:
        """Wait for a turn; it lasts as long as the context."""
        if self._busy:
            entry = (rank, asyncio.get_running_loop().create_future())
            self._waiting.append(entry)
            try:
                await entry[1]
            except asyncio.CancelledError:
                if entry in self._waiting:
                    self._waiting.remove(entry)
                else:  # the turn was given just now
                    self._pass_on()
                raise
        self._busy = True
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        if self._waiting:
            entry = max(self._waiting, key=lambda one: one[0]())
            self._waiting.remove(entry)
            entry[1].set_result(None)
        else:
            self._busy = False
