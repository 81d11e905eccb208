"""One token from the token endpoint: attempts, pauses, and what a refusal may be remedied with."""

import logging
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from token_client import effects, retries, token_response
from token_client.access_token import AccessToken
from token_client.clocks import Clocks
from token_client.credentials.protocol import Credentials, Identity, Server
from token_client.effects import Pause, Steps, call
from token_client.errors import ServerUnavailableError, TokenRefusedError
from token_client.lease import Hold
from token_client.limits import Limits
from token_client.remedies import REMEDIES, Fetch, Known
from token_client.server_clock import ServerClock
from token_client.server_metadata import ServerMetadata
from token_client.token_request import TokenRequest
from token_client.token_response import Asked, Refusal
from token_client.transport import HttpAnswer, HttpRequest

if TYPE_CHECKING:
    from token_client.dpop import DPoPKey

_logger = logging.getLogger("token_client")
_NONCE = re.compile(r"[!#-\[\]-~]{1,1024}")  # RFC 9449 8.1, and no longer than anybody's
_LONGEST_WAIT_S = 3_600.0  # then it is asked again, whatever it said: one mistake must not keep a process for good
_HINTS = {
    "invalid_client": "the id, or the secret or key, is not what the server knows",
    "unauthorized_client": "the client may not use the client credentials grant",
    "invalid_scope": "a scope that was asked for is not this client's",
    "invalid_target": "a resource that was asked for is not this client's",
}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A token, and the identity that it was got with: another than at first where a secret has been rotated."""

    token: AccessToken
    identity: Identity


@dataclass(slots=True)
class TokenEndpoint:
    """Fetches tokens, and remembers of its server what the next request has to know."""

    server: Server | ServerMetadata
    request: TokenRequest
    credentials: Credentials
    dpop_key: "DPoPKey | None"
    limits: Limits
    clocks: Clocks
    _known: Known = field(init=False)
    _not_before: float = field(init=False, default=float("-inf"))

    def __post_init__(self) -> None:
        self._known = Known(ServerClock(self.clocks))

    def now(self) -> float:
        """Give the server's time, in Unix seconds."""
        return self._known.clock.now()

    def fetch(self, identity: Identity, hold: Hold) -> Steps[Fetched]:
        """Give a token; raises `TokenClientError`, `ServerUnavailableError` only after the last attempt."""
        self.check_wait()
        fetch = Fetch(identity, hold)
        for left in reversed(range(self.limits.retries + 1)):
            try:
                return (yield from self._attempt(fetch))
            except ServerUnavailableError as error:
                if left == 0 or _asks_for_longer(error):
                    raise self._last(error, self.limits.retries + 1 - left) from None
                pause_s = retries.pause_s(self.limits, self.clocks, error)
                _logger.warning("%s; tried again in %.1f s", error, pause_s)
                yield from self._pause(pause_s, hold)
        raise AssertionError("unreachable")

    def check_wait(self) -> None:
        """Raise `ServerUnavailableError` while the server is not to be asked."""
        left_s = self._not_before - self.clocks.monotonic()
        if left_s > 0:
            raise ServerUnavailableError(f"the server asked to wait for {left_s:.0f} s more", retry_after_s=left_s)

    def _last(self, error: ServerUnavailableError, attempts: int) -> ServerUnavailableError:
        if _asks_for_longer(error):
            self._not_before = self.clocks.monotonic() + min(error.retry_after_s or 0.0, _LONGEST_WAIT_S)
        asked = f", asks to wait for {error.retry_after_s:.0f} s" if error.retry_after_s is not None else ""
        times = f" (attempt {attempts})" if attempts > 1 else ""
        return ServerUnavailableError(f"{error}{asked}{times}", retry_after_s=error.retry_after_s)

    def _pause(self, seconds: float, hold: Hold) -> Steps[None]:
        while seconds > 0:
            part_s = min(seconds, hold.slice_s)
            yield from hold.cover(part_s)
            yield Pause(part_s)
            seconds -= part_s

    def _attempt(self, fetch: Fetch) -> Steps[Fetched]:
        fetch.used.clear()  # after a pause the server may have another nonce, and a secret may be another
        server = self.server
        if isinstance(server, ServerMetadata):
            server = yield from server.server(lambda request: self._send(request, fetch.hold))
        while True:
            outcome = yield from self._exchange(server, fetch)
            if isinstance(outcome, AccessToken):
                return Fetched(outcome, fetch.identity)
            if not (yield from self._is_remedied(outcome, fetch)):
                hint = _HINTS.get(outcome.error, "")
                raise TokenRefusedError(outcome.error, outcome.description, outcome.status, hint=hint)

    def _exchange(self, server: Server, fetch: Fetch) -> Steps[AccessToken | Refusal]:
        fetch.offset_s, fetch.nonce, now = self._known.clock.offset_s, self._known.nonce, self._known.clock.now()
        fetch.authenticated = yield from call(lambda: fetch.identity.authenticate(server, now))
        asked = self._asked(server, fetch)
        request = self.request.to(server.token_endpoint, fetch.authenticated, self._proof(server))
        answer = yield from self._send(request, fetch.hold)
        nonce = answer.headers.get("dpop-nonce", "")
        if _NONCE.fullmatch(nonce):  # RFC 9449 8.2: any answer may bring the next one
            self._known.nonce = nonce
        return token_response.read(answer, asked)

    def _send(self, request: HttpRequest, hold: Hold) -> Steps[HttpAnswer]:
        yield from hold.cover(self.limits.timeout_s)
        answer = yield from effects.send(request, self.limits.timeout_s)
        self._known.clock.learn(answer)
        return answer

    def _asked(self, server: Server, fetch: Fetch) -> Asked:
        token_type = "Bearer" if self.dpop_key is None else "DPoP"
        return Asked(server.token_endpoint, self.clocks.wall(), token_type, self.request.scope, _secrets(fetch))

    def _proof(self, server: Server) -> str | None:
        if self.dpop_key is None:
            return None
        now, nonce = self._known.clock.now(), self._known.nonce
        return self.dpop_key.proof("POST", server.token_endpoint, now=now, nonce=nonce)

    def _is_remedied(self, refusal: Refusal, fetch: Fetch) -> Steps[bool]:
        """Whether something has been done about a refusal, so that it is worth to ask once more."""
        for name, remedy in REMEDIES.items():
            if name not in fetch.used and (yield from remedy(refusal, fetch, self._known, self.credentials)):
                fetch.used.add(name)
                _logger.warning("the server answered %s; asked once more with %s", refusal.error, name)
                return True
        return False


def _asks_for_longer(error: ServerUnavailableError) -> bool:
    return (error.retry_after_s or 0.0) > retries.LONGEST_PAUSE_S


def _secrets(fetch: Fetch) -> tuple[str, ...]:
    """Give what no text of the answer to a request may show: as it is, and as it stands in a form."""
    return token_response.secrets(fetch.authenticated, fetch.identity.secret or b"")
