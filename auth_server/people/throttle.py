"""How often somebody may try (NIST SP 800-63B-4 3.2.2), decided before a password is hashed.

Every attempt is counted first, by one atomic write for each counter (see `windows`), and taken back where it succeeds.
Once an address has used up its own, nothing more is written for it: it cannot fill the table.

Names are counted by address, so that a stranger uses up the stranger's attempts and not the person's. The one count of
a name over all addresses is never held against an address at which that person logged in lately.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from auth_server import windows
from auth_server.errors import TooManyAttemptsError
from auth_server.state import StateStore
from auth_server.windows import Counted, Limit

FAMILIAR_SECONDS: Final = 30 * 86_400
_FAMILIAR: Final = ("login familiar", "log-ins")

SIGNUPS_OF_ADDRESS: Final = Limit("signup address", 60, 3_600)
FAILURES_OF_ADDRESS: Final = Limit("login address", 100, 900)
FAILURES_OF_NAME_AT_ADDRESS: Final = Limit("login name at address", 10, 900)
FAILURES_OF_NAME: Final = Limit("login name", 100, 86_400)


class Throttle:
    """Counts attempts in the state store. Every method raises `DependencyError` where that does not answer."""

    def __init__(self, state: StateStore, clock: Callable[[], float]) -> None:
        """`clock` gives the Unix time in seconds."""
        self._state, self._clock = state, clock

    def sign_up(self, address: str | None) -> None:
        """Count a sign-up; raises `TooManyAttemptsError`."""
        self._require(self._count(SIGNUPS_OF_ADDRESS, windows.network(address)))

    def log_in(self, username: str, address: str | None) -> "Attempt":
        """Count an attempt to log in; raises `TooManyAttemptsError`. As many calls for one name as for another."""
        place = windows.network(address)
        of_address = self._count(FAILURES_OF_ADDRESS, place)
        self._require(of_address)
        of_pair = self._count(FAILURES_OF_NAME_AT_ADDRESS, username, place)
        self._require(of_pair)
        of_name = self._count(FAILURES_OF_NAME, username)
        familiar = windows.kind_of(_FAMILIAR[0], username, place)
        if self._state.counted(familiar, _FAMILIAR[1], now=self._now()) == 0:
            self._require(of_name)
        return Attempt(self._state, (of_address, of_pair, of_name), familiar, self._now() + FAMILIAR_SECONDS)

    def _count(self, limit: Limit, *whose: str) -> Counted:
        return windows.count(self._state, limit, *whose, now=self._now())

    def _require(self, counted: Counted) -> None:
        if counted.is_over:
            retry_after = max(1, counted.until - self._now())
            raise TooManyAttemptsError(retry_after, reason=f"too many: {counted.limit.kind}")

    def _now(self) -> int:
        return int(self._clock())


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to log in that was counted as a failure."""

    state: StateStore
    counted: tuple[Counted, ...]
    familiar: str
    familiar_until: int

    def succeeded(self) -> None:
        """Take it back, and remember the address as the person's own."""
        for each in self.counted:
            self.state.count(each.kind, each.name, until=each.until, by=-1)
        self.state.count(self.familiar, _FAMILIAR[1], until=self.familiar_until)
