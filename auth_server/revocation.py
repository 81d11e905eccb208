"""Revoking: remembered until nothing that accepts tokens could accept this one any more."""

import math
from typing import Protocol

from auth_server.access_token import MAX_LIFETIME_SECONDS
from auth_server.clients import Client, ClientStore, is_client_id, may_have_been_issued
from auth_server.state import StateStore
from authorizer.access_token import AccessToken

# An authorizer accepts a token for so long after its expiry, because clocks differ: its CLOCK_SKEW_SECONDS at most.
MAX_CLOCK_SKEW_SECONDS = 300

# So many tokens a client may revoke one by one, of those that are forgotten within one hour: see `revoke_own_token`.
MAX_OWN_REVOCATIONS = 200
COUNTED_SECONDS = 3_600
_ENDED_SESSION = "session ended"


class Records(Protocol):
    """Where it is known what has ended: `Services`, or whatever else has both stores."""

    @property
    def clients(self) -> ClientStore:
        """The clients."""
        ...

    @property
    def state(self) -> StateStore:
        """What was revoked."""
        ...


def why_ended(token: AccessToken, known: Client, records: Records) -> str | None:
    """Tell, for the audit line, why a verified token is good no more before its time; None where it is good.

    Asked about are all of its parties, of whom `known` is one that was read just now: a token that came out of an
    exchange is none of theirs any more where one of them is gone, disabled or revoked. A party that is no client here
    is one that is gone; only of a subject that an identity provider has named is no more known than what was revoked.
    Raises `DependencyError` where it cannot be known.
    """
    for client_id in token.client_parties:
        party = known if client_id == known.client_id else _find(client_id, records)
        if not may_have_been_issued(party, token.iat):
            return "of a client that is disabled or gone"
    if records.state.is_revoked(jti=token.jti, client_ids=token.parties, issued_at=int(token.iat)):
        return "revoked"
    return None


def _find(client_id: str, records: Records) -> Client | None:
    return records.clients.get(client_id) if is_client_id(client_id) else None


def revoke_token(state: StateStore, token: AccessToken) -> int:
    """Revoke a verified token.

    Gives the Unix time until which that is remembered; raises `DependencyError`.
    """
    until = math.ceil(token.exp) + MAX_CLOCK_SKEW_SECONDS
    state.revoke_token(token.jti, client_id=token.client_id, expires_at=until)
    return until


def revoke_own_token(state: StateStore, token: AccessToken, *, now: int) -> bool:
    """Revoke a verified token for whoever holds it; False where that took revoking all that they were issued.

    That is its client, or the person of a vended token: their revocations count together, and no others'. All that is
    revoked is one feed, so that somebody who revoked without end would leave no room for others. Beyond
    `MAX_OWN_REVOCATIONS` the one entry that covers them all is written instead. The count comes first: whatever fails
    after it, no more is written than was counted, and nobody is told that the token is revoked before it is.
    Raises `DependencyError`.
    """
    holder = token.client_id if token.identity_provider is None else token.sub
    if state.is_revoked(jti=token.jti, client_ids=(holder,), issued_at=int(token.iat)):
        return True  # nothing to be remembered twice, or counted twice
    hour = math.ceil(token.exp) // COUNTED_SECONDS
    end = (hour + 1) * COUNTED_SECONDS + MAX_CLOCK_SKEW_SECONDS
    if state.count(f"revocations {holder}", str(hour), until=end) <= MAX_OWN_REVOCATIONS:
        revoke_token(state, token)
        return True
    revoke_tokens_of(state, holder, now=max(now, math.ceil(token.iat)))  # a clock may be ahead of this one
    return False


def end_session(state: StateStore, sub: str, auth_time: int, *, now: int) -> None:
    """Remember that a person's session, told by the time of its log-in, has ended: whichever of its tokens said so.

    For as long as any of them could be presented, so that none gets another. Raises `DependencyError`.
    """
    state.count(f"{_ENDED_SESSION} {sub}", str(auth_time), until=_longest(now))


def is_session_ended(state: StateStore, sub: str, auth_time: int, *, now: int) -> bool:
    """Whether a session was ended; raises `DependencyError`."""
    return state.counted(f"{_ENDED_SESSION} {sub}", str(auth_time), now=now) > 0


def revoke_jti(state: StateStore, jti: str, *, now: int) -> int:
    """Revoke a token of which the `jti` alone is known, for as long as one issued now could live.

    Gives the Unix time until which that is remembered; raises `DependencyError`.
    """
    until = _longest(now)
    state.revoke_token(jti, client_id="", expires_at=until)
    return until


def revoke_tokens_of(state: StateStore, client_id: str, *, now: int) -> int:
    """Revoke every token issued to a client up to now; gives the Unix time before which, and raises `DependencyError`.

    A person's are revoked by the `sub` that they have.

    A token says the second of its issue and no more. All of the present second's are revoked, and of the next one's:
    the clock that `now` is from need not begin a second when that of a Lambda does. What the client is issued within
    these two seconds is revoked with the rest, and it asks again.
    """
    not_before = now + 2
    state.revoke_client(client_id, not_before=not_before, until=_longest(not_before))
    return not_before


def _longest(issued_at: int) -> int:
    return issued_at + MAX_LIFETIME_SECONDS + MAX_CLOCK_SKEW_SECONDS
