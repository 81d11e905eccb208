"""Crowds that want a token at the same moment: threads, tasks, processes, each cold.

with threads(200, client, table) as crowd:
    crowd.go()
    crowd.tokens()      what each of them got
"""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from tests.token_client import fleet
from tests.token_client.shared_table import SharedTable, store
from token_client import AsyncTokenClient, TokenClient


@dataclass(frozen=True)
class Crowd:
    """Those who wait to be let go."""

    go: Callable[[], None]
    tokens: Callable[[], list[str]]


@contextmanager
def threads(count: int, client: Mapping[str, Any], table: SharedTable) -> Iterator[Crowd]:
    """Have threads share a client."""
    gate, standing = threading.Event(), threading.Barrier(count + 1)
    with TokenClient(**client, store=store(table)) as shared, ThreadPoolExecutor(count) as pool:

        def one() -> str:
            standing.wait()
            gate.wait()
            return shared.token()

        waiting = [pool.submit(one) for _ in range(count)]
        standing.wait()
        yield Crowd(gate.set, lambda: [each.result() for each in waiting])


@contextmanager
def tasks(count: int, client: Mapping[str, Any], table: SharedTable) -> Iterator[Crowd]:
    """Have the tasks of an event loop share a client."""
    gate, standing = threading.Event(), threading.Event()

    async def main() -> list[str]:
        opened = asyncio.Event()
        async with AsyncTokenClient(**client, store=store(table)) as shared:

            async def one() -> str:
                await opened.wait()
                return await shared.token()

            waiting = [asyncio.create_task(one()) for _ in range(count)]
            await asyncio.sleep(0)  # all of them stand at the gate
            standing.set()
            await asyncio.to_thread(gate.wait)
            opened.set()
            return await asyncio.gather(*waiting)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(asyncio.run, main())
        standing.wait()
        yield Crowd(gate.set, done.result)


@contextmanager
def processes(count: int, client: Mapping[str, Any], table: SharedTable | None) -> Iterator[Crowd]:
    """Have processes with a client each."""
    where: dict[str, Any] = {} if table is None else {"table": table.name, "endpoint_url": table.endpoint_url}
    with fleet.ready(count, client, **where) as ships:

        def tokens() -> list[str]:
            said = ships.said()
            assert [each["error"] for each in said if "error" in each] == []
            return [each["token"] for each in said]

        yield Crowd(ships.go, tokens)


CROWDS: Final[Mapping[str, tuple[int, Callable[..., AbstractContextManager[Crowd]]]]] = {
    "threads": (200, threads),
    "tasks": (200, tasks),
    "processes": (20, processes),
}
