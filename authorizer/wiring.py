"""From the settings to the issuers that they name, each with its keys and its revocations."""

from collections.abc import Callable
from functools import partial

from authorizer import document_fetch, jwks_fetch
from authorizer.access_token import Expectation
from authorizer.audit import AuditLog
from authorizer.document_cache import CacheTimes
from authorizer.document_fetch import Source
from authorizer.feed_reader import FeedReader
from authorizer.issuers import Issuer, Issuers
from authorizer.jwks import KeySource
from authorizer.jwks_cache import JwksCache
from authorizer.revocation_feed import MAX_FEED_BYTES
from authorizer.revocations import NOT_READ, PolledFeed, Revocations
from authorizer.settings import Settings
from authorizer.trusted_issuer import TrustedIssuer


class Wiring:
    """Makes the parts that depend on the settings, the log and the clock (seconds since the epoch).

    The clock is no monotonic one: a Lambda that was frozen for an hour has to know that it was.
    """

    def __init__(self, settings: Settings, audit: AuditLog, clock: Callable[[], float]) -> None:
        """Take what all the parts share."""
        self._settings = settings
        self._audit = audit
        self._clock = clock

    def issuers(self) -> Issuers:
        """Make the issuers, of which nothing is fetched yet."""
        return Issuers(*map(self._issuer, self._settings.issuers))

    def _issuer(self, trusted: TrustedIssuer) -> Issuer:
        expected = Expectation(trusted.issuer, trusted.audiences, self._settings.clock_skew_seconds)
        keys = self._keys(trusted)
        return Issuer(expected, keys, self._revocations(trusted, expected, keys))

    def _keys(self, trusted: TrustedIssuer) -> KeySource:
        if trusted.jwks is not None:
            return trusted.jwks
        settings = self._settings
        times = CacheTimes(
            cache_s=settings.jwks_cache_seconds,
            cooldown_s=settings.jwks_cooldown_seconds,
            max_stale_s=settings.jwks_max_stale_seconds,
        )
        fetch = partial(jwks_fetch.fetch, trusted.jwks_uri, settings.jwks_timeout_seconds)
        return JwksCache(
            fetch, times, clock=self._clock, on_failure=partial(self._audit.jwks_failed, issuer=trusted.issuer)
        )

    def _revocations(self, trusted: TrustedIssuer, expected: Expectation, keys: KeySource) -> Revocations:
        if not trusted.revocations_uri:
            return NOT_READ
        settings = self._settings
        times = CacheTimes(
            cache_s=settings.revocations_poll_seconds,
            cooldown_s=min(settings.jwks_cooldown_seconds, settings.revocations_poll_seconds),
            max_stale_s=settings.revocations_max_stale_seconds,
        )
        source = Source(trusted.revocations_uri, "application/json", MAX_FEED_BYTES, settings.jwks_timeout_seconds)
        reader = FeedReader(partial(document_fetch.fetch, source), keys, expected, self._clock)
        return PolledFeed(
            reader, times, clock=self._clock, on_failure=partial(self._audit.revocations_failed, issuer=trusted.issuer)
        )
