"""What an authorizer said, kept by whom it said it of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from infra.local.gateway.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# REST: https://docs.aws.amazon.com/apigateway/latest/api/API_Authorizer.html. For HTTP APIs no page of AWS has a
# default; that of Terraform's aws_apigatewayv2_authorizer has this one.
DEFAULT_TTL_SECONDS = 300
MAX_TTL_SECONDS = 3600
CACHED_RESULTS = 10_000

T = TypeVar("T")


class ResultCache(Generic[T]):
    """Results by identity, for `ttl` seconds of `clock`, the oldest dropped first; a TTL of 0 keeps nothing."""

    def __init__(self, ttl: int, clock: Callable[[], float]) -> None:
        self._ttl = ttl
        self._clock = clock
        self._results: dict[str, tuple[float, T]] = {}

    def get(self, identity: str) -> T | None:
        """Return the identity's result if it has not expired."""
        kept = self._results.get(identity)
        return kept[1] if kept is not None and self._clock() < kept[0] else None

    def put(self, identity: str, result: T) -> None:
        """Keep a result; one that is there already is renewed."""
        if not self._ttl:
            return
        self._results.pop(identity, None)
        if len(self._results) >= CACHED_RESULTS:
            del self._results[next(iter(self._results))]
        self._results[identity] = (self._clock() + self._ttl, result)


def time_to_live(settings: Mapping[str, Any]) -> int:
    """Return the seconds that results are kept; raises DocumentError."""
    ttl = str(settings.get("authorizerResultTtlInSeconds", DEFAULT_TTL_SECONDS))
    if not ttl.isdecimal() or int(ttl) > MAX_TTL_SECONDS:
        raise DocumentError(f"authorizerResultTtlInSeconds is 0 to {MAX_TTL_SECONDS}, not {ttl}")
    return int(ttl)
