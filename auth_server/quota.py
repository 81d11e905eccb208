"""How many tokens a client may get in an hour, and how its answers say so.

    RateLimit-Policy: "hour";q=1000;w=3600
    RateLimit: "hour";r=994;t=1720

(draft-ietf-httpapi-ratelimit-headers-10). An hour is one of the clock, not the last 60 minutes.

One atomic write for each token, of clients that have a quota alone. It comes after everything else that could refuse:
what is refused costs nothing of it. What fails afterwards was counted.
"""

from collections.abc import Callable
from typing import Final

from auth_server import windows
from auth_server.audit import Decision
from auth_server.clients import Client
from auth_server.errors import DependencyError, TooManyRequestsError
from auth_server.state import StateStore
from auth_server.throttle import Memory
from auth_server.windows import Limit

HOUR_SECONDS: Final = 3_600
KIND: Final = "quota"
Headers = dict[str, str]


class Quota:
    """Counts tokens in the state store, and remembers whose quota is used up."""

    def __init__(self, state: StateStore, clock: Callable[[], float]) -> None:
        """`clock` gives the Unix time in seconds."""
        self._state, self._clock = state, clock
        self._used_up = Memory()

    def spend(self, client: Client, decision: Decision) -> Headers:
        """Count one token, and give the headers that tell what is left: none for a client without a quota.

        Raises `TooManyRequestsError` where the quota is used up, and `DependencyError` where that cannot be known.
        Of a quota that is monitored alone, the audit line tells, and nothing else.
        """
        if client.tokens_per_hour is None:
            return {}
        decision.quota = client.tokens_per_hour
        if client.quota_monitored:
            self._monitor(client, client.tokens_per_hour, decision)
            return {}
        return self._spend(client, client.tokens_per_hour, decision)

    def _monitor(self, client: Client, most: int, decision: Decision) -> None:
        try:
            decision.quota_used, _ = self._count(client, most)
        except DependencyError:
            decision.quota_used = None  # not known, and no reason to refuse what would be issued in any case

    def _spend(self, client: Client, most: int, decision: Decision) -> Headers:
        name = f"{most} {client.client_id}"  # so that what was used up of a quota says nothing of a larger one
        until = self._used_up.until(name)
        if until <= self._clock():
            decision.quota_used, until = self._count(client, most)
            if decision.quota_used <= most:
                return _headers(most, most - decision.quota_used, self._left(until))
            self._used_up.remember(name, until)
        refusal = TooManyRequestsError(self._left(until), reason=f"over the quota of {most} tokens an hour")
        refusal.headers |= _headers(most, 0, refusal.retry_after)
        raise refusal

    def _count(self, client: Client, most: int) -> tuple[int, int]:
        limit = Limit(KIND, most, HOUR_SECONDS)
        counted = windows.count(self._state, limit, client.client_id, now=int(self._clock()))
        return counted.total, counted.until

    def _left(self, until: float) -> int:
        return max(1, int(until - self._clock()))


def _headers(most: int, left: int, seconds: int) -> Headers:
    return {"RateLimit-Policy": f'"hour";q={most};w={HOUR_SECONDS}', "RateLimit": f'"hour";r={left};t={seconds}'}
