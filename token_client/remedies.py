"""What a refusal of the token endpoint may be remedied with, so that it is worth to ask once more."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from token_client.credentials.protocol import Authenticated, Credentials, Identity
from token_client.effects import Steps, call
from token_client.lease import Hold
from token_client.server_clock import ServerClock
from token_client.token_response import Refusal


@dataclass(slots=True)
class Fetch:
    """One fetch as it goes on: who asks, under which lease, and what the last request was made with.

    `nonce` is the server's, None where it gave none; `offset_s` its clock's from ours; `used` are the remedies of
    this attempt.
    """

    identity: Identity
    hold: Hold
    authenticated: Authenticated = field(default_factory=Authenticated)
    nonce: str | None = None
    offset_s: float = 0.0
    used: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Known:
    """What the server's answers have taught so far: its time, and the nonce for the next proof."""

    clock: ServerClock
    nonce: str | None = None


def _has_nonce(refusal: Refusal, fetch: Fetch, known: Known, _: Credentials) -> Steps[bool]:
    """RFC 9449 8: the answer that asks for a nonce brings it."""
    yield from ()
    return refusal.error == "use_dpop_nonce" and known.nonce != fetch.nonce


def _has_time(refusal: Refusal, fetch: Fetch, known: Known, _: Credentials) -> Steps[bool]:
    """See whether what was signed had a time that is not the server's."""
    yield from ()
    is_assertion = refusal.error == "invalid_client" and "client_assertion" in fetch.authenticated.form
    return (is_assertion or refusal.error == "invalid_dpop_proof") and known.clock.has_moved(fetch.offset_s)


def _has_credentials(refusal: Refusal, fetch: Fetch, _: Known, credentials: Credentials) -> Steps[bool]:
    """Read the credentials anew: they may have been rotated since."""
    if refusal.error != "invalid_client":
        return False
    before = fetch.identity
    fetch.identity = yield from call(lambda: credentials.load(fresh=True))
    return fetch.identity != before


# In this order, and each at most once in an attempt.
REMEDIES: Mapping[str, Callable[[Refusal, Fetch, Known, Credentials], Steps[bool]]] = {
    "its nonce": _has_nonce,
    "its time": _has_time,
    "credentials read anew": _has_credentials,
}
