"""Threads that handlers run in, so that a slow one never holds up the event loop.

This is `loop.run_in_executor` without what it costs: two futures, their locks and a context manager for the time-out
were a third of the gateway's own work for a request. The threads are daemons: a handler that hangs cannot hold up the
end of the process either.
"""

from __future__ import annotations

import asyncio
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    Call: TypeAlias = tuple[asyncio.AbstractEventLoop, asyncio.Future[Any], Callable[..., Any], tuple[Any, ...]]


class Workers:
    """At most `limit` threads, started as they are needed, for the calls of one event loop."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._threads = 0
        self._unfinished = 0
        self._calls: SimpleQueue[Call | None] = SimpleQueue()

    async def run(self, seconds: float, call: Callable[..., Any], *args: Any) -> Any:
        """Return what `call` returns, raise what it raises, or TimeoutError after so many seconds.

        A call that is given up on runs to its end all the same, and its result is dropped.
        """
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Any] = loop.create_future()
        self._unfinished += 1
        if self._threads < min(self._unfinished, self._limit):
            self._threads += 1
            threading.Thread(target=self._work, name="lambda", daemon=True).start()
        self._calls.put((loop, result, call, args))
        timer = loop.call_later(seconds, _settle, result, None, TimeoutError())
        try:
            return await result
        finally:
            timer.cancel()

    def close(self) -> None:
        """End the threads once what has begun is done."""
        for _ in range(self._threads):
            self._calls.put(None)

    def _work(self) -> None:
        while (job := self._calls.get()) is not None:
            loop, result, call, args = job
            value, error = None, None
            try:
                value = call(*args)
            except BaseException as raised:  # noqa: BLE001 - it is raised where the call was asked for
                error = raised
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._finish, result, value, error)

    def _finish(self, result: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
        self._unfinished -= 1
        _settle(result, value, error)


def _settle(result: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
    """Give a call its outcome, unless it has timed out."""
    if result.done():
        return
    if error is None:
        result.set_result(value)
    else:
        result.set_exception(error)
