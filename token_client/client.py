"""The client for threads."""

from threading import Thread
from typing import TYPE_CHECKING, Self

from token_client import effects
from token_client.access_token import AccessToken
from token_client.base_client import BaseClient
from token_client.effects import Steps
from token_client.flight import Flight, Leader

if TYPE_CHECKING:
    from requests.auth import AuthBase

    from token_client.httpx_auth import HttpxAuth


class TokenClient(BaseClient):
    """Gives a valid token to any number of threads: `TokenClient("https://as.example", client_id=..., ...).token()`.

    It waits for a token only where there is none. One is fetched at a time, whoever asks. Arguments: `BaseClient`.
    """

    def token(self) -> str:
        """Give an access token; raises `TokenClientError`."""
        return self.access_token().value

    def access_token(self) -> AccessToken:
        """Give an access token, with its type, scope and expiry; raises `TokenClientError`."""
        token = self._source.memory.fresh()
        return token if token is not None else self._waited()

    def renew(self, rejected: AccessToken) -> AccessToken | None:
        """Give another token than one that an API has rejected; raises `TokenClientError`.

        None where the last one was rejected less than 30 seconds ago: what is wrong is not the token.
        """
        source = self._source
        while (token := source.usable_but(rejected.value)) is None:
            landed, has_led = self._joined(source.replaced(rejected.value))
            if has_led:
                return landed
        return token

    def auth(self) -> "HttpxAuth":
        """Give what attaches the token to requests of httpx: `httpx.Client(auth=client.auth())`."""
        from token_client.httpx_auth import HttpxAuth  # noqa: PLC0415 - whoever wants the token alone has no use for it

        return HttpxAuth(self)

    def requests_auth(self) -> "AuthBase":
        """Give what attaches the token to requests of requests: `requests.get(url, auth=client.requests_auth())`."""
        from token_client.requests_auth import RequestsAuth  # noqa: PLC0415 - requests is no dependency of ours

        return RequestsAuth(self)

    def close(self) -> None:
        """Begin no renewal in the background any more."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _waited(self) -> AccessToken:
        source = self._source
        while (token := source.memory.usable()) is None:
            token, _ = self._joined(source.obtained())
            if token is not None:
                return token
        self._renew_ahead()
        return token

    def _joined(self, steps: Steps[AccessToken | None]) -> tuple[AccessToken | None, bool]:
        """Give what the flight under way comes to, or a new one, and whether that was led here."""
        leader = Leader()
        try:
            flight, is_new = self._source.flights.board(leader.is_alive)
            if is_new:
                self._lead(flight, steps)
        finally:
            leader.leave()
        return flight.wait(), is_new

    def _renew_ahead(self) -> None:
        source = self._source
        if not source.may_renew:
            return
        leader = Leader()
        try:
            flight, is_new = source.flights.board(leader.is_alive)
            if is_new:
                leading = (flight, source.renewed())
                Thread(target=self._lead, args=leading, name="token_client renewal", daemon=True).start()
        except RuntimeError:  # no thread is to be had: the next call tries again
            source.flights.end(flight)
        except BaseException:  # interrupted: nobody is to wait for a thread that may never begin
            leader.leave()
            raise

    def _lead(self, flight: Flight, steps: Steps[AccessToken | None]) -> None:
        with self._source.flights.led(flight):
            self._source.flights.end(flight, effects.run(steps, self._source.clocks))
