"""The same token again, for a client that asks again while it is good: no signature, and no other call than its read.

Asked is what decides about a token: the client's whole record as it was read just now, scope, audience, what the token
is bound to, and the key that signs now. Whatever of these has changed, there is no such token, and a new one is made.

It is kept in the memory of the Lambda that signed it, and nowhere else: out of a table it would have to be decrypted,
at the price of a signature (ADR 52).
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Final

from auth_server.access_token import AccessToken, Grant
from auth_server.clients import Client
from auth_server.errors import DependencyError
from auth_server.state import StateStore

MARGIN_SECONDS: Final = 300  # or half of a life that is shorter than twice that: with so little left, it is replaced
CHECK_SECONDS: Final = 5  # for so long after it was made, or found to be good, it is not asked whether it is revoked
MAX_KEPT: Final = 1_000

_Asked = tuple[str, tuple[str, ...], tuple[str, ...], tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class _Kept:
    token: AccessToken = field(repr=False)
    client: Client
    kid: str
    checked_at: float

    def lasts(self, now: float) -> bool:
        """Whether there is more left of it than the margin."""
        lifetime = self.token.claims["exp"] - self.token.claims["iat"]
        return bool(self.token.claims["exp"] - now > min(MARGIN_SECONDS, lifetime / 2))


class TokenReuse:
    """The tokens of one warm Lambda, for any number of threads; of too many, the one unused longest is forgotten."""

    def __init__(self, state: StateStore, clock: Callable[[], float], *, by_default: bool) -> None:
        """`clock` gives the Unix time in seconds; `by_default` is for clients whose record says nothing of it."""
        self._state, self._clock, self._by_default = state, clock, by_default
        self._lock = Lock()
        self._kept: OrderedDict[_Asked, _Kept] = OrderedDict()

    def find(self, client: Client, grant: Grant, kid: str) -> AccessToken | None:
        """Give a token of this grant that the client was issued, is good and will be for a while; else None.

        Where it cannot be known whether it is revoked, there is none either.
        """
        asked, now = self._asked(client, grant), self._clock()
        kept = self._kept.get(asked) if asked is not None else None
        if asked is None or kept is None:
            return None
        if kept.client != client or kept.kid != kid or not kept.lasts(now) or not self._is_good(kept, now):
            self._forget(asked)
            return None
        self._remember(asked, kept if self._is_fresh(kept, now) else replace(kept, checked_at=now))
        return kept.token

    def keep(self, token: AccessToken, client: Client, grant: Grant, kid: str) -> None:
        """Keep a token that was issued just now, where its client is to get it again."""
        asked = self._asked(client, grant)
        if asked is not None:
            self._remember(asked, _Kept(token, client, kid, self._clock()))

    def forget(self, jti: str) -> None:
        """Give a token out no more: it was revoked here."""
        with self._lock:
            found = [asked for asked, kept in self._kept.items() if kept.token.claims["jti"] == jti]
            for asked in found:
                del self._kept[asked]

    def _asked(self, client: Client, grant: Grant) -> _Asked | None:
        """Name what is asked for; None where nothing is reused. An exchanged token is made out of another each time."""
        wanted = self._by_default if client.token_reuse is None else client.token_reuse
        if not wanted or grant.exchange is not None:
            return None
        return client.client_id, grant.scopes, grant.audience, tuple(sorted(grant.confirmation.items()))

    def _is_fresh(self, kept: _Kept, now: float) -> bool:
        return 0 <= now - kept.checked_at < CHECK_SECONDS

    def _is_good(self, kept: _Kept, now: float) -> bool:
        if self._is_fresh(kept, now):
            return True
        claims = kept.token.claims
        try:
            return not self._state.is_revoked(
                jti=claims["jti"], client_ids=(kept.client.client_id,), issued_at=claims["iat"]
            )
        except DependencyError:
            return False

    def _remember(self, asked: _Asked, kept: _Kept) -> None:
        with self._lock:
            self._kept[asked] = kept
            self._kept.move_to_end(asked)
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)

    def _forget(self, asked: _Asked) -> None:
        with self._lock:
            self._kept.pop(asked, None)
