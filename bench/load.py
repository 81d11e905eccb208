"""The load: requests over connections that are kept, from a process whose own cost is not counted."""

import asyncio
import re
from dataclasses import dataclass, field

from bench import token_request, worker

CONNECTIONS = 16
TIMEOUT_S = 120
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_OK = re.compile(rb"HTTP/1\.1 200 ")

_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(slots=True)
class _Load:
    """What is left to send, and what came back."""

    request: bytes
    left: int
    answers: dict[str, int] = field(default_factory=lambda: {"ok": 0, "other": 0})


class Generator:
    """Sends requests to servers on this machine, over connections that stay open from one call to the next."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._connections: dict[int, list[_Connection]] = {}

    def run(self, port: int, path: str, requests: int) -> dict[str, int]:
        """Ask for so many tokens; give how many came, and how many answers were something else."""
        load = _Load(token_request.http(path, f"127.0.0.1:{port}"), requests)
        self._loop.run_until_complete(self._send(port, load))
        return load.answers

    async def _send(self, port: int, load: _Load) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            connections = await self._open(port)
            await asyncio.gather(*(_exchange(connection, load) for connection in connections))

    async def _open(self, port: int) -> list[_Connection]:
        """Give all connections; those that a server has closed meanwhile are opened anew."""
        kept = [each for each in self._connections.get(port, []) if not each[0].at_eof()]
        new = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS - len(kept))]
        self._connections[port] = kept + new
        return self._connections[port]


async def _exchange(connection: _Connection, load: _Load) -> None:
    """Send one request after another, each when the last one is answered, until none is left."""
    reader, writer = connection
    while load.left > 0:
        load.left -= 1
        writer.write(load.request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        await reader.readexactly(int(length[1]) if length else 0)
        load.answers["ok" if _OK.match(head) else "other"] += 1


if __name__ == "__main__":
    answers = worker.take_stdout()
    worker.serve({"run": Generator().run}, answers)
