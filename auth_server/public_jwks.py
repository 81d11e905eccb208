"""JWK Sets of public keys (RFC 7517 5): those that a client registers, and those that are fetched."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from authorizer import public_key
from authorizer.public_key import ALGORITHMS, PRIVATE_MEMBERS, PublicKey

Jwk = Mapping[str, Any]

MAX_KEYS: Final = 50
MAX_CANDIDATES: Final = 10  # verified with, where an assertion does not say which key it is
_USES: Final = ("sig", "jwt-svid")  # RFC 7517 4.2; SPIFFE Trust Domain and Bundle 4.2.2


def signing_keys(document: Mapping[str, Any]) -> tuple[Jwk, ...]:
    """Give the keys of a JWK Set that can verify a signature, and pass over all others (RFC 7517 5).

    Raises `ValueError`, whose text quotes nothing of the set, where there is none, or more than `MAX_KEYS` in all.
    """
    members = document.get("keys")
    if not isinstance(members, list):
        raise ValueError("no array of keys")  # noqa: TRY004 - a fault of the data, not of the caller's types
    if len(members) > MAX_KEYS:
        raise ValueError(f"more than {MAX_KEYS} keys")
    usable = tuple(jwk for jwk in members if isinstance(jwk, dict) and any(_read(jwk, alg) for alg in ALGORITHMS))
    if not usable:
        raise ValueError("no usable key")
    return usable


def candidates(keys: Iterable[Jwk], *, kid: str | None, alg: str) -> Iterator[PublicKey]:
    """Give the keys that an assertion may be signed with: the one of that `kid`, or without one all of the right kind.

    No more than `MAX_CANDIDATES`, so that nobody makes this server verify without end.
    """
    named = (jwk for jwk in keys if kid is None or jwk.get("kid") == kid)
    readable = (key for jwk in named if (key := _read(jwk, alg)) is not None)
    return islice(readable, MAX_CANDIDATES)


def holds_private_members(document: Mapping[str, Any]) -> bool:
    """Whether a key of the set was published with its private half, or is a shared secret."""
    members = document.get("keys")
    return isinstance(members, list) and any(isinstance(jwk, dict) and PRIVATE_MEMBERS & jwk.keys() for jwk in members)


def _read(jwk: Jwk, alg: str) -> PublicKey | None:
    """Read a key for one algorithm; None where it is none for it, or not meant for it (RFC 7517 4.2 to 4.4)."""
    operations = jwk.get("key_ops", ["verify"])
    meant = (
        jwk.get("alg", alg) == alg
        and jwk.get("use", "sig") in _USES
        and isinstance(operations, list)
        and "verify" in operations
    )
    try:
        return public_key.from_jwk(jwk, alg) if meant else None
    except ValueError:
        return None
