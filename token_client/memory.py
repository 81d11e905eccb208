"""The token in memory, and how old it is: by two clocks, of which the one counts that says older."""

from dataclasses import dataclass

from token_client.access_token import AccessToken
from token_client.clocks import Clocks

_LAST_S = 10.0  # before its end a token is not begun to be used: a call takes time, and clocks differ
_LAST_PART = 0.1
_DUE_S = 300.0
_DUE_PART = 0.2


def last_use_s(token: AccessToken) -> float:
    """How many seconds before its end a token is used no more."""
    return min(_LAST_S, _LAST_PART * _life_s(token))


def due_s(token: AccessToken) -> float:
    """How many seconds before its end a token is to be renewed."""
    return min(_DUE_S, _DUE_PART * _life_s(token))


def _life_s(token: AccessToken) -> float:
    return max(0, token.expires_at - token.issued_at) / 1000


@dataclass(frozen=True, slots=True)
class _Held:
    """A token, and its end by both clocks."""

    token: AccessToken
    wall: float
    monotonic: float


class Memory:
    """Holds one token, for any number of threads: it is replaced as a whole, and so needs no lock.

    The monotonic clock is right when the machine's time is set; the wall clock is right when the machine slept.
    """

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._due: _Held | None = None
        self._last: _Held | None = None

    def keep(self, token: AccessToken) -> None:
        """Hold this token from now on."""
        wall, monotonic = self._clocks.wall(), self._clocks.monotonic()
        # A clock that was set back since the token was asked for does not give it a longer life.
        left = min(token.expires_at / 1000 - wall, _life_s(token))
        due, last = left - due_s(token), left - last_use_s(token)
        self._last = _Held(token, wall + last, monotonic + last)
        self._due = _Held(token, wall + due, monotonic + due)

    def fresh(self) -> AccessToken | None:
        """Give the token, where it need not be renewed yet."""
        return self._before(self._due)

    def usable(self) -> AccessToken | None:
        """Give the token, where it can be used."""
        return self._before(self._last)

    def _before(self, held: _Held | None) -> AccessToken | None:
        if held is not None and self._clocks.monotonic() < held.monotonic and self._clocks.wall() < held.wall:
            return held.token
        return None
