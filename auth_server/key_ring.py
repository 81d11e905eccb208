"""The signing keys and the key set that verifiers read (RFC 7517)."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from auth_server.errors import DependencyError

# How old what is known of the keys may get while it cannot be read anew; KEY_CACHE_SECONDS is at most as much. A key is
# announced longer before it signs.
MAX_STALE_SECONDS = 3_600
RETRY_SECONDS = 5


class KeyUnusableError(DependencyError):
    """The key itself will not sign, and to ask again will not change that: it is disabled, or gone."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that may sign now. `kid` is the RFC 7638 thumbprint, `jwk` its public half (RFC 7517 4).

    `sign` makes an RSASSA-PKCS1-v1_5 signature with SHA-256 over the bytes given; it raises `DependencyError`, and
    `KeyUnusableError` where this key will go on failing.
    """

    kid: str
    jwk: dict[str, str]
    sign: Callable[[bytes], bytes] = field(repr=False)


class KeySource(Protocol):
    """Where the first key comes from: the one that endorses all others."""

    def load(self) -> SigningKey:
        """Fetch the key; raises `DependencyError`."""
        ...


class LaterKeys(Protocol):
    """What is known of the keys that follow the first, as of one reading."""

    def active(self, now: float) -> SigningKey | None:
        """Give the one that signs at that time, None where it is the first; raises `DependencyError`."""
        ...

    def published(self, now: float) -> list[dict[str, str]]:
        """Give the public JWKs that verifiers are to know at that time."""
        ...


class LaterKeySource(Protocol):
    """Where the later keys come from."""

    def load(self, first: SigningKey) -> LaterKeys:
        """Read what the first key has endorsed; raises `DependencyError`."""
        ...


class NoLaterKeys:
    """The first key alone, for ever."""

    def load(self, first: SigningKey) -> LaterKeys:  # noqa: ARG002 - the protocol's
        """Find none."""
        return self

    def active(self, now: float) -> SigningKey | None:  # noqa: ARG002 - the protocol's
        """Leave it to the first."""
        return None

    def published(self, now: float) -> list[dict[str, str]]:  # noqa: ARG002 - the protocol's
        """Add none."""
        return []


@dataclass(frozen=True, slots=True)
class _Kept:
    first: SigningKey
    later: LaterKeys
    read_at: float
    until: float


class KeyRing:
    """The keys, read once and kept for `max_age` seconds of `clock`; by the clock alone do they take turns meanwhile.

    The first key is pinned with its `kid`: a token is signed by the very key its header names, even where an alias was
    pointed elsewhere a moment ago. Where they cannot be read anew, what is known serves until it is `max_stale` seconds
    old. A first reading that failed is not remembered, so that service returns with the dependency.
    """

    def __init__(
        self,
        source: KeySource,
        *,
        max_age: int,
        clock: Callable[[], float],
        later: LaterKeySource | None = None,
        max_stale: int = MAX_STALE_SECONDS,
    ) -> None:
        """`max_age` and `max_stale` are in seconds."""
        self.max_age = max_age
        self._source, self._later, self._clock = source, later or NoLaterKeys(), clock
        self._max_stale = max_stale
        self._kept: _Kept | None = None
        self._unusable: set[str] = set()

    def active(self) -> SigningKey:
        """Give the key that signs now; raises `DependencyError`.

        A later key that turned out to be unusable is left aside until the keys are read anew, and the first one signs.
        """
        now = self._clock()
        kept = self._read(now)
        key = kept.later.active(now)
        if key is None or key.kid in self._unusable:
            return kept.first
        return replace(key, sign=lambda message: self._sign(key, message))

    def _sign(self, key: SigningKey, message: bytes) -> bytes:
        try:
            return key.sign(message)
        except KeyUnusableError:
            self._unusable.add(key.kid)
            raise

    def jwks(self) -> dict[str, Any]:
        """Give the JWK Set (RFC 7517 5) of the keys whose tokens are good; raises `DependencyError`."""
        now = self._clock()
        kept = self._read(now)
        return {"keys": [kept.first.jwk, *kept.later.published(now)]}

    def _read(self, now: float) -> _Kept:
        kept = self._kept
        if kept is not None and now < kept.until:
            return kept
        try:
            first = self._source.load()
            self._kept = _Kept(first, self._later.load(first), now, now + self.max_age)
        except DependencyError:
            if kept is None or now >= kept.read_at + self._max_stale:
                raise
            self._kept = replace(kept, until=min(now + RETRY_SECONDS, kept.read_at + self._max_stale))
        else:
            self._unusable.clear()
        return self._kept
