"""Keys at a client's `jwks_uri` (RFC 7591 2) and at trusted issuers (OpenID Connect Discovery 4): fetched, and kept.

Whatever is wrong with them is the fault of whoever names them: it fails the client that has them, and nobody else.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

from auth_server import jwks_fetch, public_jwks
from auth_server.public_jwks import Jwk
from authorizer import strict_json

FETCH_SECONDS: Final = 2.0  # in all, the discovery of where the keys are included
CACHE_SECONDS: Final = 300
COOLDOWN_SECONDS: Final = 10  # between two fetches of one location, whatever became of the first
MAX_STALE_SECONDS: Final = 3_600
MAX_LOCATIONS: Final = 200

Load = Callable[[float], tuple[Jwk, ...]]


class RemoteKeysError(Exception):
    """There are no keys to be had. `str(error)` is for the log."""


@dataclass(slots=True)
class _Location:
    """What is kept of one location. Times are those of the clock, None before there was one."""

    lock: Lock = field(default_factory=Lock)
    keys: tuple[Jwk, ...] = ()
    fetched_at: float | None = None
    asked_at: float | None = None
    failure: str = ""

    def is_due(self, kid: str | None, now: float) -> bool:
        """Whether to ask: what is kept is old, or lacks the key of that name; and nobody asked a moment ago."""
        known = kid is None or any(jwk.get("kid") == kid for jwk in self.keys)
        return not (known and _within(CACHE_SECONDS, self.fetched_at, now)) and not _within(
            COOLDOWN_SECONDS, self.asked_at, now
        )


class RemoteKeys:
    """The keys at a bounded number of locations; those least lately used are forgotten first."""

    def __init__(self, *, clock: Callable[[], float], loopback: bool) -> None:
        """`clock` gives seconds. `loopback`: this server is on a laptop's loopback interface, and may ask its like."""
        self._clock, self._loopback = clock, loopback
        self._lock = Lock()
        self._locations: OrderedDict[str, _Location] = OrderedDict()

    def at(self, jwks_uri: str, kid: str | None) -> tuple[Jwk, ...]:
        """Give the keys at a URL; `kid` is the one that is wanted, if any. Raises `RemoteKeysError`."""
        return self._find(f"keys {jwks_uri}", kid, lambda deadline: self._keys(jwks_uri, deadline))

    def of_issuer(self, issuer: str, kid: str | None) -> tuple[Jwk, ...]:
        """Give the keys that an issuer's own metadata leads to; raises `RemoteKeysError`."""
        return self._find(f"issuer {issuer}", kid, lambda deadline: self._discovered(issuer, deadline))

    def _find(self, name: str, kid: str | None, load: Load) -> tuple[Jwk, ...]:
        location = self._location(name)
        with location.lock:  # who comes meanwhile waits for the same answer
            now = self._clock()
            if location.is_due(kid, now):
                _refresh(location, load, now)
            if not _within(MAX_STALE_SECONDS, location.fetched_at, now):
                raise RemoteKeysError(location.failure)
            return location.keys

    def _location(self, name: str) -> _Location:
        with self._lock:
            location = self._locations.setdefault(name, _Location())
            self._locations.move_to_end(name)
            if len(self._locations) > MAX_LOCATIONS:
                self._locations.popitem(last=False)
            return location

    def _discovered(self, issuer: str, deadline: float) -> tuple[Jwk, ...]:
        metadata = self._document(f"{issuer.rstrip('/')}/.well-known/openid-configuration", deadline)
        if metadata.get("issuer") != issuer:  # OpenID Connect Discovery 4.3: exactly
            raise ValueError("the metadata is another issuer's")
        jwks_uri = metadata.get("jwks_uri")
        if not isinstance(jwks_uri, str):
            raise ValueError("the metadata names no jwks_uri")  # noqa: TRY004 - a fault of the data
        return self._keys(jwks_uri, deadline)

    def _keys(self, uri: str, deadline: float) -> tuple[Jwk, ...]:
        return public_jwks.signing_keys(self._document(uri, deadline))

    def _document(self, uri: str, deadline: float) -> dict[str, Any]:
        left = max(deadline - time.monotonic(), 0.0)
        return strict_json.parse_object(jwks_fetch.fetch(uri, timeout_s=left, loopback=self._loopback))


def _refresh(location: _Location, load: Load, now: float) -> None:
    location.asked_at = now
    try:
        location.keys = load(time.monotonic() + FETCH_SECONDS)
        location.fetched_at = now
    except (jwks_fetch.FetchError, ValueError) as error:
        location.failure = str(error)


def _within(seconds: float, since: float | None, now: float) -> bool:
    """Whether it is less than so many seconds ago. A clock that was put back since keeps nothing alive."""
    return since is not None and 0 <= now - since < seconds
