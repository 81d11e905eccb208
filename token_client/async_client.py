"""The client for asyncio."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from token_client import effects
from token_client.access_token import AccessToken
from token_client.base_client import BaseClient
from token_client.effects import Steps
from token_client.flight import Flight

if TYPE_CHECKING:
    from token_client.httpx_auth import HttpxAuth


class AsyncTokenClient(BaseClient):
    """Gives a valid token to any number of tasks, of any number of event loops: `await client.token()`.

    It waits for a token only where there is none. One is fetched at a time, whoever asks. Arguments: `BaseClient`.
    """

    _renewal: asyncio.Task[None] | None = None

    async def token(self) -> str:
        """Give an access token; raises `TokenClientError`."""
        return (await self.access_token()).value

    async def access_token(self) -> AccessToken:
        """Give an access token, with its type, scope and expiry; raises `TokenClientError`."""
        token = self._source.memory.fresh()
        return token if token is not None else await self._waited()

    async def renew(self, rejected: AccessToken) -> AccessToken | None:
        """Give another token than one that an API has rejected; raises `TokenClientError`.

        None where the last one was rejected less than 30 seconds ago: what is wrong is not the token.
        """
        source = self._source
        while (token := source.usable_but(rejected.value)) is None:
            flight, is_new = source.flights.board(_is_running())
            if is_new:
                self._lead(flight, source.replaced(rejected.value))
                return await flight.wait_async()
            await flight.wait_async()
        return token

    def auth(self) -> "HttpxAuth":
        """Give what attaches the token to requests of httpx: `httpx.AsyncClient(auth=client.auth())`."""
        from token_client.httpx_auth import HttpxAuth  # noqa: PLC0415 - whoever wants the token alone has no use for it

        return HttpxAuth(self)

    async def aclose(self) -> None:
        """Begin no renewal in the background any more, and end one that runs in this event loop."""
        self._source.close()
        task = self._renewal
        if task is not None and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            await asyncio.wait([task])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _waited(self) -> AccessToken:
        source = self._source
        while (token := source.memory.usable()) is None:
            flight, is_new = source.flights.board(_is_running())
            if is_new:
                self._lead(flight, source.obtained())
            token = await flight.wait_async()
            if token is not None:
                return token
        self._renew_ahead()
        return token

    def _renew_ahead(self) -> None:
        source = self._source
        if source.may_renew:
            flight, is_new = source.flights.board(_is_running())
            if is_new:
                self._renewal = self._lead(flight, source.renewed())

    def _lead(self, flight: Flight, steps: Steps[AccessToken | None]) -> asyncio.Task[None]:
        """Lead in a task of its own: whoever asked may be cancelled, and the others still wait."""
        flight.task = asyncio.get_running_loop().create_task(self._led(flight, steps))
        # One that is cancelled before its first step never comes to `_led`.
        flight.task.add_done_callback(lambda _: self._source.flights.end(flight))
        return flight.task

    async def _led(self, flight: Flight, steps: Steps[AccessToken | None]) -> None:
        flights = self._source.flights
        with flights.led(flight):
            flights.end(flight, await effects.run_async(steps, self._source.clocks))


def _is_running() -> Callable[[], bool]:
    """Whoever leads in a task goes on as long as its event loop does."""
    return asyncio.get_running_loop().is_running
