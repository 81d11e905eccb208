"""Signing a JWT: JSON Web Signature, compact serialization, RS256 (RFC 7515 7.1, RFC 7518 3.3)."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from auth_server.jwk import base64url
from auth_server.key_ring import SigningKey

MAX_SIGNING_INPUT_BYTES = 4096  # kms:Sign, Message with MessageType RAW


class TooLongToSignError(ValueError):
    """The claims are more than KMS signs."""


def sign(claims: Mapping[str, Any], *, typ: str, key: SigningKey) -> str:
    """Sign claims as a JWT of this `typ`, which keeps one kind of JWT from passing for another (RFC 8725 3.11).

    Raises `TooLongToSignError`, and `DependencyError` where the key does not answer.
    """
    return sign_input(signing_input(claims, typ=typ, kid=key.kid), key)


def signing_input(claims: Mapping[str, Any], *, typ: str, kid: str) -> bytes:
    """Give what is to be signed (RFC 7515 5.1): equal for equal claims in equal order. Raises `TooLongToSignError`."""
    unsigned = f"{_header(kid, typ)}.{_segment(claims)}".encode("ascii")
    if len(unsigned) > MAX_SIGNING_INPUT_BYTES:
        raise TooLongToSignError
    return unsigned


def sign_input(unsigned: bytes, key: SigningKey) -> str:
    """Sign what `signing_input` gave, and give the JWT; raises `DependencyError` where the key does not answer."""
    return f"{unsigned.decode('ascii')}.{base64url(key.sign(unsigned))}"


@lru_cache(maxsize=16)
def _header(kid: str, typ: str) -> str:
    return _segment({"alg": "RS256", "typ": typ, "kid": kid})


def _segment(document: Mapping[str, Any]) -> str:
    return base64url(json.dumps(document, separators=(",", ":")).encode("utf-8"))
