"""The issuer's keys, fetched when needed and kept: rotation without a restart, an outage without a gap."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from authorizer.errors import JwksError, KeysUnavailableError
from authorizer.jwks import Key, KeySet, parse_jwks


@dataclass(frozen=True, slots=True)
class CacheTimes:
    """How long things last, all in seconds: fetched keys, the pause between fetches, keys past a failed fetch."""

    cache_s: float
    cooldown_s: float
    max_stale_s: float


@dataclass(frozen=True, slots=True)
class _Fetched:
    keys: KeySet
    at: float


class JwksCache:
    """A `KeySource` that fetches the JWK Set, for any number of threads.

    `fetch` returns the document or raises `JwksError`; `clock` gives seconds since the epoch; `on_failure` is told of
    each failed fetch. A key is used for `cache_s` without asking again; an unknown `kid` asks at once, in case the
    issuer has rotated. Whatever the cause, and whether the last one failed or not, no fetch follows another within
    `cooldown_s`, so that made-up `kid`s cannot turn into a storm of fetches. Each successful fetch replaces all keys:
    one that the issuer has removed is gone. Where fetching fails, the last good keys serve until `max_stale_s` after
    they were fetched.

    Then `KeysUnavailableError` is raised, which becomes 500 and not 401: nothing is known against the token, and a
    client that is told 401 throws a good token away and asks the issuer, in its outage, for another.
    """

    def __init__(
        self,
        fetch: Callable[[], bytes],
        times: CacheTimes,
        *,
        clock: Callable[[], float],
        on_failure: Callable[[JwksError], None],
    ) -> None:
        self._fetch = fetch
        self._times = times
        self._clock = clock
        self._on_failure = on_failure
        self._lock = Lock()
        self._fetched: _Fetched | None = None
        self._attempted_at: float | None = None
        self._last_attempt_failed = False

    def find(self, kid: str) -> Key | None:
        """Return the key of that name, None where the issuer has none; raises `KeysUnavailableError`."""
        # Without the lock first: while one thread waits for the issuer, known keys go on serving the others.
        key = self._fresh_key(kid)
        if key is not None:
            return key
        with self._lock:
            # Whoever waited here for another thread's fetch finds the cool-down begun, and the keys fetched.
            if not _within(self._times.cooldown_s, self._attempted_at, self._clock()):
                self._refresh()
            return self._last_good_key(kid)

    def _fresh_key(self, kid: str) -> Key | None:
        fetched = self._fetched
        if fetched is None or not _within(self._times.cache_s, fetched.at, self._clock()):
            return None
        return fetched.keys.find(kid)

    def _refresh(self) -> None:
        started_at = self._clock()
        self._last_attempt_failed = True
        try:
            self._fetched = _Fetched(parse_jwks(self._fetch()), started_at)
            self._last_attempt_failed = False
        except JwksError as error:
            self._on_failure(error)
        finally:
            self._attempted_at = self._clock()

    def _last_good_key(self, kid: str) -> Key | None:
        fetched, now = self._fetched, self._clock()
        usable_s = max(self._times.cache_s, self._times.max_stale_s)
        if fetched is None or not _within(usable_s, fetched.at, now):
            raise KeysUnavailableError("the issuer's keys could not be fetched")
        key = fetched.keys.find(kid)
        if key is None and self._last_attempt_failed:
            # It may be the issuer's newest key: an outage is no proof against the token.
            raise KeysUnavailableError("the issuer's keys could not be fetched anew")
        return key


def _within(seconds: float, since: float | None, now: float) -> bool:
    """Whether `now` is less than `seconds` after `since`. A clock that was set back is no reason to keep anything."""
    return since is not None and 0 <= now - since < seconds
