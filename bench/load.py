"""The load: requests over connections that are kept, from a process whose own cost is not counted."""

import asyncio
import re
import time
from dataclasses import dataclass, field

from bench import token_request, worker

CONNECTIONS = 16
TIMEOUT_S = 120
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_OK = re.compile(rb"HTTP/1\.1 200 ")


@dataclass(slots=True)
class _Load:
    """What is left to send, and what came back."""

    request: bytes
    left: int
    answers: dict[str, int] = field(default_factory=lambda: {"ok": 0, "other": 0})


async def _connection(port: int, load: _Load) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while load.left > 0:
            load.left -= 1
            writer.write(load.request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            await reader.readexactly(int(length[1]) if length else 0)
            load.answers["ok" if _OK.match(head) else "other"] += 1
    finally:
        writer.close()


async def _send(port: int, load: _Load) -> None:
    async with asyncio.timeout(TIMEOUT_S):
        await asyncio.gather(*(_connection(port, load) for _ in range(min(CONNECTIONS, load.left))))


def run(port: int, path: str, requests: int) -> dict[str, float]:
    """Ask for so many tokens; give how many came, how many answers were something else, and the seconds it took."""
    load = _Load(token_request.http(path, f"127.0.0.1:{port}"), requests)
    begun = time.perf_counter()
    asyncio.run(_send(port, load))
    return {**load.answers, "seconds": time.perf_counter() - begun}


if __name__ == "__main__":
    answers = worker.take_stdout()
    worker.serve({"run": run}, answers)
