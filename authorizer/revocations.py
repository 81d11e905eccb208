"""What an issuer has revoked: its feed, polled by the requests that need it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Thread
from typing import Protocol

from authorizer.access_token import AccessToken
from authorizer.document_cache import CacheTimes, DocumentCache
from authorizer.errors import DocumentError, InvalidTokenError, Reason, RevocationsUnavailableError
from authorizer.feed_reader import FeedReader
from authorizer.revocation_feed import RevocationFeed

_NOTHING = nullcontext()


class Revocations(Protocol):
    """Where revocations come from: a `PolledFeed`, or `NOT_READ`."""

    def being_fetched(self) -> AbstractContextManager[None]:
        """Fetch, while the block runs, what the very first check will need."""
        ...

    def check(self, token: AccessToken) -> None:
        """Refuse a verified token that is revoked; raises `InvalidTokenError` and `RevocationsUnavailableError`."""
        ...


class _NotRead:
    def being_fetched(self) -> AbstractContextManager[None]:
        """Fetch nothing."""
        return _NOTHING

    def check(self, token: AccessToken) -> None:
        """Refuse nothing."""


NOT_READ = _NotRead()  # where the settings say in so many words that an issuer has no feed


class PolledFeed:
    """Knows what the feed says, for any number of threads.

    The times are those of `DocumentCache`: the feed is read anew at most every `cache_s`, in the request that finds it
    older. While one thread reads, the others go by what was known last. Where no feed can be had or believed, that
    serves until `max_stale_s` after it was fetched, and never beyond its own expiry. Then
    `RevocationsUnavailableError` is raised, which becomes 500 and not 401, as nothing is known against the token.
    """

    def __init__(
        self,
        reader: FeedReader,
        times: CacheTimes,
        *,
        clock: Callable[[], float],
        on_failure: Callable[[DocumentError], None],
    ) -> None:
        self._reader = reader
        self._cache: DocumentCache[RevocationFeed] = DocumentCache(
            reader.read, times, clock=clock, on_failure=on_failure
        )

    def being_fetched(self) -> AbstractContextManager[None]:
        """Fetch the first feed in a thread, so that a cold start fetches it and the issuer's keys side by side."""
        return self._fetching() if self._cache.is_untouched else _NOTHING

    @contextmanager
    def _fetching(self) -> Iterator[None]:
        thread = Thread(target=self._cache.renewed, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # there is no thread to be had: the check fetches it
            yield
            return
        try:
            yield
        finally:
            # Whatever the block came to: what a Lambda leaves running is frozen with it, and fails when it wakes.
            thread.join()

    def check(self, token: AccessToken) -> None:
        """Refuse a token that is revoked; raises `InvalidTokenError` and `RevocationsUnavailableError`."""
        if self._feed().is_revoked(token):
            raise InvalidTokenError(Reason.REVOKED, kid=token.kid, token=token)

    def _feed(self) -> RevocationFeed:
        feed = self._unexpired(self._cache.fresh())
        if feed is None:
            nothing_serves = self._unexpired(self._cache.last_good()) is None
            feed = self._unexpired(self._cache.renewed(wait=nothing_serves).document)
        if feed is None:
            raise RevocationsUnavailableError("the feed of revocations could not be had")
        return feed

    def _unexpired(self, feed: RevocationFeed | None) -> RevocationFeed | None:
        return None if feed is None or self._reader.is_expired(feed) else feed
