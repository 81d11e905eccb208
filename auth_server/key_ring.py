"""The signing key and the key set that verifiers read (RFC 7517)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that may sign now. `kid` is the RFC 7638 thumbprint, `jwk` its public half (RFC 7517 4).

    `sign` makes an RSASSA-PKCS1-v1_5 signature with SHA-256 over the bytes given; it raises `DependencyError`.
    """

    kid: str
    jwk: dict[str, str]
    sign: Callable[[bytes], bytes] = field(repr=False)


class KeySource(Protocol):
    """Where signing keys come from."""

    def load(self) -> SigningKey:
        """Fetch the active key; raises `DependencyError`."""
        ...


class KeyRing:
    """The active key, fetched once and kept for `max_age` seconds of `clock`.

    The fetched key is pinned with its `kid`: a token is signed by the very key its header names, even where an alias
    was pointed elsewhere a moment ago. A failed fetch is not remembered, so that service returns with the dependency.
    """

    def __init__(self, source: KeySource, *, max_age: int, clock: Callable[[], float]) -> None:
        """`max_age` is in seconds."""
        self.max_age = max_age
        self._source, self._clock = source, clock
        self._kept: tuple[float, SigningKey] | None = None

    def active(self) -> SigningKey:
        """Give the key that signs now; raises `DependencyError`."""
        kept = self._kept
        if kept is None or self._clock() >= kept[0]:
            kept = self._kept = (self._clock() + self.max_age, self._source.load())
        return kept[1]

    def jwks(self) -> dict[str, Any]:
        """Give the JWK Set (RFC 7517 5) of the keys whose tokens are good."""
        return {"keys": [self.active().jwk]}
