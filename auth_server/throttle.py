"""How often a secret may be wrong (RFC 6749 2.3.1), at no cost to whoever has the right one.

    failures of one client at one address, or of one address    then
    at most 10, or 100, in 15 minutes                           401, at once
    each one more                                               429, and a pause: 2 s, 4 s, 8 s, ... to the window's end

A failure is counted, by two atomic writes, once it is one: a good secret is never counted, and nothing is asked about
it. What a failure came to is remembered by the Lambda that counted it, and while it lasts, the next try is refused
there without any call. Another Lambda learns of it from the next failure that it sees.

A secret that proved right here is no guess: it goes on to be proven again, whatever others do at its address. That
opens nothing: a pause decides how often may be tried, and never whether a secret is right.

Tries at one address are nothing to another. There is no count of a client over all addresses, by which strangers could
shut it out.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Final

from auth_server import windows
from auth_server.clients import digest_secret
from auth_server.errors import TooManyRequestsError
from auth_server.state import StateStore
from auth_server.windows import Counted, Limit

FAILURES_OF_ADDRESS: Final = Limit("client address", 100, 900)
FAILURES_OF_CLIENT_AT_ADDRESS: Final = Limit("client at address", 10, 900)
PROVEN_SECONDS: Final = 3_600
MAX_REMEMBERED: Final = 10_000  # of each kind, by one Lambda


class Memory:
    """Until when something holds, by name, for any number of threads; of too many, the oldest is forgotten."""

    def __init__(self, most: int = MAX_REMEMBERED) -> None:
        """Remember nothing."""
        self._most, self._lock = most, Lock()
        self._until: OrderedDict[str | bytes, float] = OrderedDict()

    def until(self, name: str | bytes) -> float:
        """Give the Unix time until which it holds, 0 where it does not."""
        return self._until.get(name, 0) if self._until else 0

    def remember(self, name: str | bytes, until: float) -> None:
        """Remember it anew."""
        with self._lock:
            self._until[name] = until
            self._until.move_to_end(name)
            if len(self._until) > self._most:
                self._until.popitem(last=False)

    def forget(self, name: str | bytes) -> None:
        """Remember it no more."""
        with self._lock:
            self._until.pop(name, None)


class Throttle:
    """Counts the failures of client authentication in the state store, and remembers what they came to."""

    def __init__(
        self, state: StateStore, clock: Callable[[], float], *, address_failures: int = FAILURES_OF_ADDRESS.most
    ) -> None:
        """`clock` gives the Unix time in seconds; `address_failures` is how many an address may have in its window."""
        self._state, self._clock = state, clock
        self.of_address = replace(FAILURES_OF_ADDRESS, most=address_failures)
        self._paused, self._proven = Memory(), Memory()

    def attempt(self, client_id: str, secret: str, address: str | None) -> "Attempt":
        """Begin an attempt; raises `TooManyRequestsError` where it has to wait. Makes no call."""
        place = windows.network(address)
        attempt = Attempt(self, client_id, place, digest_secret(f"{client_id}\0{secret}\0{place}"))
        now = self._clock()
        if now < self._proven.until(attempt.fingerprint):
            return attempt
        for limit, whose in attempt.limits():
            self._require_no_pause(limit, windows.kind_of(limit.kind, *whose), now)
        return attempt

    def _require_no_pause(self, limit: Limit, kind: str, now: float) -> None:
        if (left := self._paused.until(kind) - now) > 0:
            raise _too_many(limit, left)

    def failed(self, attempt: "Attempt") -> None:
        """Count a failure; raises `TooManyRequestsError` where it was one too many, or `DependencyError`.

        That of the address first, and for an address that has used up its own nothing more: it cannot fill the table.
        """
        self._proven.forget(attempt.fingerprint)
        for limit, whose in attempt.limits():
            counted = windows.count(self._state, limit, *whose, now=int(self._clock()))
            if counted.is_over:
                self._pause(counted)

    def _pause(self, counted: Counted) -> None:
        now, excess = self._clock(), counted.total - counted.limit.most
        until = min(now + 2 ** min(excess, 16), counted.until)
        self._paused.remember(counted.kind, until)
        raise _too_many(counted.limit, until - now)

    def succeeded(self, attempt: "Attempt") -> None:
        """Remember that the secret is no guess at this address. Makes no call."""
        self._proven.remember(attempt.fingerprint, self._clock() + PROVEN_SECONDS)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to prove to be a client, from one place. `fingerprint` is the digest of id, secret and place."""

    throttle: Throttle
    client_id: str
    place: str
    fingerprint: bytes = field(repr=False)

    def limits(self) -> tuple[tuple[Limit, tuple[str, ...]], ...]:
        """Give what a failure of it counts for."""
        return (
            (self.throttle.of_address, (self.place,)),
            (FAILURES_OF_CLIENT_AT_ADDRESS, (self.client_id, self.place)),
        )

    def failed(self) -> None:
        """Count it as a failure; see `Throttle.failed`."""
        self.throttle.failed(self)

    def succeeded(self) -> None:
        """Remember that it was none."""
        self.throttle.succeeded(self)


def _too_many(limit: Limit, seconds: float) -> TooManyRequestsError:
    return TooManyRequestsError(seconds, reason=f"too many failures: {limit.kind}")
