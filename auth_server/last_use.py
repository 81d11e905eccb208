"""When each secret was used last, to the hour: what an operator has to know before an old one ends.

It is written beside a good authentication, by one conditional update that at most one Lambda in an hour carries out,
and is no part of its decision: where it cannot be written, the audit line says so, and the client gets its answer.

It is kept in the state table, by the digest of the secret's digest. The function that issues tokens may not write
clients; and in a global table, a late write to a client's item would undo an operator's change in another Region.
"""

import hashlib
from collections.abc import Callable, Iterable
from typing import Final

from auth_server.audit import Decision
from auth_server.clients import Client, ClientSecret
from auth_server.errors import DependencyError
from auth_server.jwk import base64url
from auth_server.state import StateStore
from auth_server.throttle import Memory

KIND: Final = "secret used"
EVERY_SECONDS: Final = 3_600
RETRY_SECONDS: Final = 60  # after a write that failed
KEPT_SECONDS: Final = 400 * 86_400  # a secret that was not used for so long counts as never used
MAX_REMEMBERED: Final = 50_000  # secrets that one Lambda asks nobody about for an hour
WARNING_SECONDS: Final = 7 * 86_400  # an expiry that is nearer than this is soon


class LastUse:
    """Notes the use of secrets in the state store."""

    def __init__(self, state: StateStore, clock: Callable[[], float]) -> None:
        """`clock` gives the Unix time in seconds."""
        self._state, self._clock = state, clock
        self._noted = Memory(MAX_REMEMBERED)

    def note(self, digest: bytes, decision: Decision) -> None:
        """Note that the secret of this digest was used now; never raises for a store that does not answer."""
        now = int(self._clock())
        if now < self._noted.until(digest):
            return
        try:
            self._state.see(KIND, name_of(digest), at=now, every=EVERY_SECONDS, until=now + KEPT_SECONDS)
            self._noted.remember(digest, now + EVERY_SECONDS)
        except DependencyError as error:
            decision.last_use = f"not written: {error}"
            self._noted.remember(digest, now + RETRY_SECONDS)


def name_of(digest: bytes) -> str:
    """Name a secret where its use is kept: by a digest of its digest, with which nothing can be checked."""
    return base64url(hashlib.sha256(digest).digest())


def expires_soon(secret: ClientSecret, now: int) -> bool:
    """Whether it is live, and ends within a week."""
    return secret.is_live(now) and secret.expires_at is not None and secret.expires_at - now <= WARNING_SECONDS


def still_needed(client: Client, used: Callable[[ClientSecret], int | None], now: int) -> Iterable[ClientSecret]:
    """Give the secrets whose expiry will be an outage, as far as one can see.

    That is one which ends soon and was used after the newest was made, or which is the only one that is live.
    """
    live = [secret for secret in client.secrets if secret.is_live(now)]
    newest = max((secret.created_at for secret in live), default=0)
    for secret in live:
        last = used(secret)
        if expires_soon(secret, now) and (len(live) == 1 or (last is not None and last >= newest)):
            yield secret
