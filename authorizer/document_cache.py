"""A document of the issuer's, fetched when needed and kept: changes without a restart, an outage without a gap."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

from authorizer.errors import DocumentError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CacheTimes:
    """How long things last, all in seconds: a fetched document, the pause between fetches, one past a failed fetch."""

    cache_s: float
    cooldown_s: float
    max_stale_s: float


@dataclass(frozen=True, slots=True)
class LastGood(Generic[T]):
    """The document that was fetched last, None where none may be used any more; and whether the last fetch failed."""

    document: T | None
    last_fetch_failed: bool


@dataclass(frozen=True, slots=True)
class _Fetched(Generic[T]):
    document: T
    at: float


class DocumentCache(Generic[T]):
    """Keeps what `fetch` gives, for any number of threads.

    `fetch` returns the document, read and verified, or raises `DocumentError`; `clock` gives seconds since the epoch;
    `on_failure` is told of each failed fetch. A document is fresh for `cache_s` after its fetch began. Whatever the
    cause, and whether the last one failed or not, no fetch follows another within `cooldown_s`. Each successful fetch
    replaces the document. Where fetching fails, the last good one serves until `max_stale_s` after it was fetched.
    """

    def __init__(
        self,
        fetch: Callable[[], T],
        times: CacheTimes,
        *,
        clock: Callable[[], float],
        on_failure: Callable[[DocumentError], None],
    ) -> None:
        self._fetch = fetch
        self._times = times
        self._clock = clock
        self._on_failure = on_failure
        self._lock = Lock()
        self._fetched: _Fetched[T] | None = None
        self._attempted_at: float | None = None
        self._last_fetch_failed = False

    @property
    def is_untouched(self) -> bool:
        """Whether nothing has been asked for yet."""
        return self._attempted_at is None

    def fresh(self) -> T | None:
        """Return the document where it need not be asked for again. Waits for nobody, whoever is fetching."""
        return self._within(self._times.cache_s)

    def last_good(self) -> T | None:
        """Return the document where it may be used still, should it not be had anew. Waits for nobody either."""
        return self._within(max(self._times.cache_s, self._times.max_stale_s))

    def renewed(self, *, wait: bool = True) -> LastGood[T]:
        """Fetch anew unless it is too soon, and return the last good document.

        While another thread is fetching, `wait` for it, or make do with the document that there is.
        """
        if not self._lock.acquire(blocking=wait):
            return LastGood(self.last_good(), self._last_fetch_failed)
        try:
            # Whoever waited here for another thread's fetch finds the cool-down begun, and the document fetched.
            if not _is_within(self._times.cooldown_s, self._attempted_at, self._clock()):
                self._refresh()
            return LastGood(self.last_good(), self._last_fetch_failed)
        finally:
            self._lock.release()

    def _within(self, seconds: float) -> T | None:
        fetched = self._fetched
        return fetched.document if fetched is not None and _is_within(seconds, fetched.at, self._clock()) else None

    def _refresh(self) -> None:
        started_at = self._clock()
        self._last_fetch_failed = True
        try:
            self._fetched = _Fetched(self._fetch(), started_at)
            self._last_fetch_failed = False
        except DocumentError as error:
            self._on_failure(error)
        finally:
            self._attempted_at = self._clock()


def _is_within(seconds: float, since: float | None, now: float) -> bool:
    """Whether `now` is less than `seconds` after `since`. A clock that was set back is no reason to keep anything."""
    return since is not None and 0 <= now - since < seconds
