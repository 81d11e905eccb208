"""Reading an issuer's feed of revocations again and again: only what has changed, and nothing is taken back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from authorizer import revocation_feed
from authorizer.access_token import Expectation
from authorizer.document_fetch import Fetched
from authorizer.errors import KeysUnavailableError, RevocationFeedError
from authorizer.jwks import KeySource
from authorizer.revocation_feed import RevocationFeed

# Of 200 bytes each: a fifth of the memory that the template gives the Lambda.
MAX_REMEMBERED = 500_000
# Our issuer's longest token and its longest skew. After them a client's `not_before` has nothing left to revoke.
LONGEST_TOKEN_S = 86_400 + 300


@dataclass(frozen=True, slots=True)
class _Known:
    feed: RevocationFeed
    etag: str | None


_NOTHING = _Known(RevocationFeed({}, {}, expires_at=float("-inf")), None)


class FeedReader:
    """Reads the feed, in one thread at a time; others may ask meanwhile whether a feed has expired.

    `fetch` gives the document, None where it still is what a tag names, and raises `FetchError`. Of what is expected of
    the issuer, its name and the skew of clocks count here. What one feed revoked stays revoked until no token is left
    that it could be about: whoever can replay an older feed gains nothing.
    """

    def __init__(
        self,
        fetch: Callable[[str | None], Fetched | None],
        keys: KeySource,
        expected: Expectation,
        clock: Callable[[], float],
    ) -> None:
        self._fetch = fetch
        self._keys = keys
        self._expected = expected
        self._clock = clock
        self._known = _NOTHING

    def is_expired(self, feed: RevocationFeed) -> bool:
        """Whether the feed is no news any more, give or take the skew."""
        return self._clock() >= feed.expires_at + self._expected.clock_skew_s

    def read(self) -> RevocationFeed:
        """Give what is revoked, with the expiry of the newest feed; raises `FetchError` and `RevocationFeedError`."""
        known = self._known
        # An expired feed is asked for as if it were not known: what its tag names is of no use any more.
        fetched = self._fetch(None if self.is_expired(known.feed) else known.etag)
        if fetched is None:
            return known.feed
        feed = _with_earlier(self._verified(fetched.body), known.feed, self._clock() - self._expected.clock_skew_s)
        self._known = _Known(feed, fetched.etag)
        return feed

    def _verified(self, document: bytes) -> RevocationFeed:
        issuer, skew_s = self._expected.issuer, self._expected.clock_skew_s
        try:
            return revocation_feed.verify(
                document, keys=self._keys, issuer=issuer, clock_skew_s=skew_s, now=self._clock()
            )
        except KeysUnavailableError:
            raise RevocationFeedError("the issuer's keys cannot be had") from None


def _with_earlier(feed: RevocationFeed, earlier: RevocationFeed, now: float) -> RevocationFeed:
    """Add to a feed what an earlier one revoked, as long as that counts; raises `RevocationFeedError`."""
    revoked = _united(feed.revoked, earlier.revoked, over=now)
    not_before = _united(feed.not_before, earlier.not_before, over=now - LONGEST_TOKEN_S)
    if len(revoked) + len(not_before) > MAX_REMEMBERED:
        raise RevocationFeedError("more is revoked than can be remembered")
    return RevocationFeed(revoked, not_before, feed.expires_at)


def _united(new: Mapping[str, float], old: Mapping[str, float], *, over: float) -> Mapping[str, float]:
    """Give for each name the later time of the two. What only the old one has is left out where its time is over."""
    return {**new, **{name: at for name, at in old.items() if at > max(over, new.get(name, over))}}
