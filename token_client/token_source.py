"""A client's one token: memory before its acquisition, one acquisition at a time, and renewal ahead of its end."""

import copy
import logging

from token_client.access_token import AccessToken
from token_client.acquisition import Acquisition
from token_client.clocks import Clocks
from token_client.effects import Steps
from token_client.errors import (
    DiscoveryError,
    ServerUnavailableError,
    TokenClientError,
    TokenRefusedError,
    UnusableTokenError,
)
from token_client.flight import Flights
from token_client.memory import Memory

_FIRST_PAUSE_S = 5.0
_LONGEST_PAUSE_S = 60.0
_REPLACED_EVERY_S = 30.0
_REPEATED_FOR_S = 1.0  # no longer than a recovery may take
# What the server said, and would say again.
_REFUSALS = (TokenRefusedError, UnusableTokenError, DiscoveryError)
_logger = logging.getLogger("token_client")


class TokenSource:
    """What both clients share.

    Its steps are those of whoever leads a flight. Each looks into memory once more: another flight may have landed
    between the look that led here and the boarding of this one.
    """

    def __init__(self, acquisition: Acquisition, clocks: Clocks) -> None:
        self._acquisition = acquisition
        self.clocks = clocks
        self.memory = Memory(clocks)
        self.flights = Flights()
        self._failures = 0
        self._renewed_from = float("-inf")
        self._replaced_from = float("-inf")
        self._refused: tuple[float, TokenClientError] | None = None  # the last refusal, and how long it is repeated
        self._is_closed = False

    @property
    def may_renew(self) -> bool:
        """Whether a renewal in the background may begin now."""
        is_time = self.clocks.monotonic() >= self._renewed_from
        return is_time and not self.flights.is_under_way and not self._is_closed

    def close(self) -> None:
        """Begin no renewal any more."""
        self._is_closed = True

    def obtained(self) -> Steps[AccessToken | None]:
        """Get a token that can be used; raises `TokenClientError`.

        From the second in a row on, a refusal is repeated for a second without asking: a service that calls on with a
        wrong secret does not ask for each of its calls.
        """
        token = self.memory.usable()
        if token is not None:
            return token
        if self._refused is not None and self.clocks.monotonic() < self._refused[0]:
            raise copy.copy(self._refused[1])
        try:
            token = yield from self._acquisition.needed()
        except _REFUSALS as error:
            pause_s = 0.0 if self._refused is None else _REPEATED_FOR_S
            self._refused = self.clocks.monotonic() + pause_s, copy.copy(error)
            raise
        self._refused = None
        return self._kept(token)

    def renewed(self) -> Steps[AccessToken | None]:
        """Get the next token while the one in memory still serves; a failure is logged, and delays the next try."""
        token = self.memory.fresh()
        if token is not None or self.clocks.monotonic() < self._renewed_from:
            return token
        self._delay(None)  # for whoever is cancelled
        try:
            token = yield from self._acquisition.ahead()
        except Exception as error:
            self._delay(error)
            raise
        if token is None:  # another process is at it: its token will be in the store
            return None
        self._failures, self._renewed_from = 0, float("-inf")
        return self._kept(token)

    def replaced(self, rejected: str) -> Steps[AccessToken | None]:
        """Get another token than one that an API rejected; None so soon after the last time, or where there is none."""
        if self.clocks.monotonic() < self._replaced_from:
            return None
        try:
            token = yield from self._acquisition.needed(rejected)
        finally:
            self._replaced_from = self.clocks.monotonic() + _REPLACED_EVERY_S
        return None if token.value == rejected else self._kept(token)

    def usable_but(self, rejected: str) -> AccessToken | None:
        """Give the token in memory, where it can be used and is another."""
        token = self.memory.usable()
        return token if token is not None and token.value != rejected else None

    def _kept(self, token: AccessToken) -> AccessToken:
        self.memory.keep(token)
        return token

    def _delay(self, error: Exception | None) -> None:
        pause_s = self.clocks.jittered(min(_FIRST_PAUSE_S * 2**self._failures, _LONGEST_PAUSE_S))
        self._renewed_from = self.clocks.monotonic() + pause_s
        if error is None:
            return
        self._failures = min(self._failures + 1, 10)
        if isinstance(error, ServerUnavailableError):
            self._renewed_from = max(self._renewed_from, self.clocks.monotonic() + (error.retry_after_s or 0.0))
        # An error of ours may be logged. Of another, which a callable of the user's may have raised, nobody knows.
        said = str(error) if isinstance(error, TokenClientError) else type(error).__name__
        _logger.warning("the token could not be renewed, and serves on: %s", said)
