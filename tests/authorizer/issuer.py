"""An issuer in memory: its keys, a good token, and whatever else somebody might sign or not sign."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from authorizer.access_token import Expectation
from authorizer.issuers import Issuer
from authorizer.jwks import KeySet, KeySource, parse_jwks
from authorizer.revocations import NOT_READ

ISSUER = "https://auth.example.com"
AUDIENCE = "https://api.example.com"
NOW = 1_790_000_000
KID = "key-1"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
FOREIGN_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
METHOD_ARN = "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/GET/products"

Json = Mapping[str, Any]


def encode(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encode_json(value: Any) -> str:
    """Encode a JSON value as a segment."""
    return encode(json.dumps(value).encode())


def unsigned(number: int) -> str:
    """Encode a Base64urlUInt."""
    return encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def jwk(key: rsa.RSAPrivateKey = KEY, kid: str = KID, **members: Any) -> dict[str, Any]:
    """Return the public JWK of a key."""
    numbers = key.public_key().public_numbers()
    return {
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": kid,
        "n": unsigned(numbers.n),
        "e": unsigned(numbers.e),
        **members,
    }


def jwks(*keys: Json) -> bytes:
    """Return a JWK Set document."""
    return json.dumps({"keys": keys or [jwk()]}).encode()


def key_set(*keys: Json) -> KeySet:
    """Return a JWK Set as the authorizer holds it."""
    return parse_jwks(jwks(*keys))


def trusted(keys: KeySource, issuer: str = ISSUER, audience: str = AUDIENCE) -> Issuer:
    """Return an issuer as the authorizer trusts it, of this name, with these keys and without a feed."""
    return Issuer(Expectation(issuer, frozenset({audience}), 60), keys, NOT_READ)


def header(**members: Any) -> dict[str, Any]:
    """Return a good header with some members changed; None takes one away."""
    return without_none({"typ": "at+jwt", "alg": "RS256", "kid": KID} | members)


def claims(now: float = NOW, **members: Any) -> dict[str, Any]:
    """Return good claims with some members changed; None takes one away."""
    good = {
        "iss": ISSUER,
        "sub": "client-1",
        "client_id": "client-1",
        "aud": AUDIENCE,
        "iat": int(now),
        "exp": int(now) + 3600,
        "jti": "3f9a1c",
        "scope": "products:read products:write",
    }
    return without_none(good | members)


def without_none(members: dict[str, Any]) -> dict[str, Any]:
    """Return the members without those that are None."""
    return {name: value for name, value in members.items() if value is not None}


def rs256(signing_input: bytes, key: rsa.RSAPrivateKey = KEY) -> bytes:
    """Sign as RS256 does (RFC 7518 3.3)."""
    return key.sign(signing_input, padding.PKCS1v15(), hashes.SHA256())


def sign_segments(header_segment: str, payload_segment: str, key: rsa.RSAPrivateKey = KEY) -> str:
    """Sign two segments, whatever they are."""
    signing_input = f"{header_segment}.{payload_segment}"
    return f"{signing_input}.{encode(rs256(signing_input.encode(), key))}"


def sign(token_header: Json | None = None, token_claims: Json | None = None, key: rsa.RSAPrivateKey = KEY) -> str:
    """Sign a header and claims, the good ones where none are given."""
    header_segment = encode_json(header() if token_header is None else token_header)
    return sign_segments(header_segment, encode_json(claims() if token_claims is None else token_claims), key)


def event(token: object, method_arn: object = METHOD_ARN) -> dict[str, Any]:
    """Return the event of a TOKEN authorizer with a bearer token."""
    return {"type": "TOKEN", "authorizationToken": f"Bearer {token}", "methodArn": method_arn}


@dataclass
class Clock:
    """A clock that stands until it is moved; seconds since the epoch."""

    now: float = NOW

    def __call__(self) -> float:
        """Return the time."""
        return self.now
