"""Revoking: remembered until nothing that accepts tokens could accept this one any more."""

import math

from auth_server.access_token import MAX_LIFETIME_SECONDS
from auth_server.state import StateStore
from authorizer.access_token import AccessToken

# An authorizer accepts a token for so long after its expiry, because clocks differ: its CLOCK_SKEW_SECONDS at most.
MAX_CLOCK_SKEW_SECONDS = 300


def revoke_token(state: StateStore, token: AccessToken) -> int:
    """Revoke a verified token.

    Gives the Unix time until which that is remembered; raises `DependencyError`.
    """
    until = math.ceil(token.exp) + MAX_CLOCK_SKEW_SECONDS
    state.revoke_token(token.jti, client_id=token.client_id, expires_at=until)
    return until


def revoke_jti(state: StateStore, jti: str, *, now: int) -> int:
    """Revoke a token of which the `jti` alone is known, for as long as one issued now could live.

    Gives the Unix time until which that is remembered; raises `DependencyError`.
    """
    until = _longest(now)
    state.revoke_token(jti, client_id="", expires_at=until)
    return until


def revoke_tokens_of(state: StateStore, client_id: str, *, now: int) -> int:
    """Revoke every token issued to a client up to now; gives the Unix time before which, and raises `DependencyError`.

    A token says the second of its issue and no more. All of the present second's are revoked, and of the next one's:
    the clock that `now` is from need not begin a second when that of a Lambda does. What the client is issued within
    these two seconds is revoked with the rest, and it asks again.
    """
    not_before = now + 2
    state.revoke_client(client_id, not_before=not_before, until=_longest(not_before))
    return not_before


def _longest(issued_at: int) -> int:
    return issued_at + MAX_LIFETIME_SECONDS + MAX_CLOCK_SKEW_SECONDS
