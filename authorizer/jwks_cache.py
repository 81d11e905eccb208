"""The issuer's keys, fetched when needed and kept: rotation without a restart, an outage without a gap."""

from collections.abc import Callable

from authorizer.document_cache import CacheTimes, DocumentCache
from authorizer.errors import DocumentError, KeysUnavailableError
from authorizer.jwks import Key, KeySet, parse_jwks


class JwksCache:
    """A `KeySource` that fetches the JWK Set, for any number of threads.

    `fetch` returns the document or raises `JwksError`; the rest is as `DocumentCache` has it. A key is used for the
    cache time without asking again; an unknown `kid` asks at once, in case the issuer has rotated, but never within
    the cool-down, so that made-up `kid`s cannot turn into a storm of fetches. Each successful fetch replaces all keys:
    one that the issuer has removed is gone.

    Without keys, `KeysUnavailableError` is raised, which becomes 500 and not 401: nothing is known against the token,
    and a client that is told 401 throws a good token away and asks the issuer, in its outage, for another.
    """

    def __init__(
        self,
        fetch: Callable[[], bytes],
        times: CacheTimes,
        *,
        clock: Callable[[], float],
        on_failure: Callable[[DocumentError], None],
    ) -> None:
        self._cache: DocumentCache[KeySet] = DocumentCache(
            lambda: parse_jwks(fetch()), times, clock=clock, on_failure=on_failure
        )

    def find(self, kid: str) -> Key | None:
        """Return the key of that name, None where the issuer has none; raises `KeysUnavailableError`."""
        # What is fresh first: while one thread waits for the issuer, known keys go on serving the others.
        fresh = self._cache.fresh()
        key = fresh.find(kid) if fresh is not None else None
        return key if key is not None else self._find_anew(kid)

    def _find_anew(self, kid: str) -> Key | None:
        last = self._cache.renewed()
        if last.document is None:
            raise KeysUnavailableError("the issuer's keys could not be fetched")
        key = last.document.find(kid)
        if key is None and last.last_fetch_failed:
            # It may be the issuer's newest key: an outage is no proof against the token.
            raise KeysUnavailableError("the issuer's keys could not be fetched anew")
        return key
