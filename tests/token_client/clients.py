"""Both kinds of client, called in one way; and credentials that a test turns over."""

import asyncio
from base64 import b64encode
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, TypeVar

from token_client import AccessToken, AsyncTokenClient, TokenClient
from token_client.credentials.protocol import Authenticated, Server

T = TypeVar("T")


@dataclass(frozen=True)
class Secret:
    """An identity of id and secret, sent by Basic authentication."""

    client_id: str = "client-1"
    secret: bytes = b"s3cret-of-client-1"

    def authenticate(self, _server: Server, _now: float) -> Authenticated:
        """Give the header."""
        pair = b64encode(self.client_id.encode() + b":" + self.secret).decode()
        return Authenticated({"Authorization": f"Basic {pair}"})


@dataclass(frozen=True)
class Signed:
    """An identity that signs an assertion: it is the time that it was signed at, for the test to read."""

    client_id: str = "client-1"
    secret: None = None

    def authenticate(self, _server: Server, now: float) -> Authenticated:
        """Give the parameters."""
        return Authenticated(form={"client_assertion": f"assertion-at-{now:.0f}", "client_id": self.client_id})


@dataclass
class Sheaf:
    """Credentials that give the first identity until they are read anew, then the next; `loads` says how they were."""

    identities: list[Any] = field(default_factory=lambda: [Secret()])
    error: Exception | None = None
    loads: list[bool] = field(default_factory=list)

    def load(self, *, fresh: bool = False) -> Any:
        """Give an identity."""
        self.loads.append(fresh)
        if self.error is not None:
            raise self.error
        if fresh and len(self.identities) > 1:
            self.identities.pop(0)
        return self.identities[0]


@dataclass
class Caller:
    """A client of either kind, as a test calls it: every method waits for its answer."""

    client: Any
    wait: Callable[[Any], Any]

    def token(self) -> str:
        """Give a token."""
        value: str = self.wait(self.client.token())
        return value

    def access_token(self) -> AccessToken:
        """Give a token with what is known of it."""
        token: AccessToken = self.wait(self.client.access_token())
        return token

    def renew(self, rejected: AccessToken) -> AccessToken | None:
        """Give another token."""
        token: AccessToken | None = self.wait(self.client.renew(rejected))
        return token

    def close(self) -> None:
        """Close it, whatever the kind calls that."""
        self.wait(self.client.aclose() if isinstance(self.client, AsyncTokenClient) else self.client.close())


class Loop:
    """An event loop that runs in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def stop(self) -> None:
        """Run no more, whatever is left to do."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()

    def close(self) -> None:
        """End as `asyncio.run` does: what is left to do is cancelled."""
        if self._thread.is_alive():
            self.wait(_cancel_others())
            self.stop()
        self.loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def looping() -> Iterator[Loop]:
    """Have an event loop for as long as the block."""
    loop = Loop()
    try:
        yield loop
    finally:
        loop.close()


@contextmanager
def threaded(*args: Any, **options: Any) -> Iterator[Caller]:
    """Make a client for threads."""
    options.setdefault("credentials", Sheaf())
    with TokenClient(*args, **options) as client:
        yield Caller(client, lambda value: value)


@contextmanager
def looped(*args: Any, **options: Any) -> Iterator[Caller]:
    """Make a client for asyncio, and an event loop."""
    options.setdefault("credentials", Sheaf())
    with looping() as loop:
        client = AsyncTokenClient(*args, **options)
        caller = Caller(client, loop.wait)
        yield caller
        caller.close()


KINDS: dict[str, Callable[..., Any]] = {"threads": threaded, "tasks": looped}
