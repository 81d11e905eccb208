"""Assertions as clients and other issuers sign them, with real keys, and all that a test may change about them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auth_server.clients import Client
from tests.simulator import ISSUER, NOW, Simulator, client

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
P256 = ec.generate_private_key(ec.SECP256R1())
ED25519 = Ed25519PrivateKey.generate()

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | Ed25519PrivateKey


def b64(data: bytes) -> str:
    """Encode in base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _number(value: int, length: int | None = None) -> str:
    return b64(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))


def jwk(private_key: PrivateKey, **members: Any) -> dict[str, Any]:
    """Give the public JWK of a key."""
    if isinstance(private_key, rsa.RSAPrivateKey):
        of_rsa = private_key.public_key().public_numbers()
        return {"kty": "RSA", "n": _number(of_rsa.n), "e": _number(of_rsa.e), **members}
    if isinstance(private_key, ec.EllipticCurvePrivateKey):
        of_ec = private_key.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": _number(of_ec.x, 32), "y": _number(of_ec.y, 32), **members}
    raw = private_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"kty": "OKP", "crv": "Ed25519", "x": b64(raw), **members}


def jwks(*keys: dict[str, Any]) -> dict[str, Any]:
    """Give a JWK Set."""
    return {"keys": list(keys)}


def _es256(message: bytes) -> bytes:
    r, s = decode_dss_signature(P256.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def by_rsa(private_key: rsa.RSAPrivateKey) -> Callable[[bytes], bytes]:
    """Give what signs RS256 with a key."""
    return lambda message: private_key.sign(message, padding.PKCS1v15(), hashes.SHA256())


_PSS = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32)
SIGN: dict[str, Callable[[bytes], bytes]] = {
    "RS256": by_rsa(RSA),
    "PS256": lambda message: RSA.sign(message, _PSS, hashes.SHA256()),
    "ES256": _es256,
    "EdDSA": ED25519.sign,
}


def sign(
    claims: Mapping[str, Any] | bytes,
    header: Mapping[str, Any] | bytes | None = None,
    by: Callable[[bytes], bytes] = SIGN["RS256"],
) -> str:
    """Sign a JWT. Header and claims may be bytes, which stand in it as they are."""
    head = {"alg": "RS256", "kid": "k1"} if header is None else header
    parts = [part if isinstance(part, bytes) else json.dumps(dict(part)).encode() for part in (head, claims)]
    signing_input = ".".join(map(b64, parts))
    return f"{signing_input}.{b64(by(signing_input.encode()))}"


def hs256(secret: bytes) -> Callable[[bytes], bytes]:
    """Give what signs HS256 with a secret."""
    return lambda message: hmac.new(secret, message, hashlib.sha256).digest()


def claims(**changes: Any) -> dict[str, Any]:
    """Give the claims of a good assertion of `demo`, with what the test changes; None leaves one out."""
    usual = {"iss": "demo", "sub": "demo", "aud": ISSUER, "iat": NOW, "exp": NOW + 300, "jti": "jti-1"}
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def signer(**changes: Any) -> Client:
    """Give a client that authenticates with its RSA key and has no secret."""
    usual: dict[str, Any] = {"auth_methods": ("private_key_jwt",), "secrets": (), "jwks": jwks(jwk(RSA, kid="k1"))}
    return client(**{**usual, **changes})


def ask(server: Simulator, assertion: str, **parameters: Any) -> dict[str, Any]:
    """Ask for a token with an assertion; a parameter that is None is left out."""
    usual = {
        "grant_type": "client_credentials",
        "client_assertion_type": JWT_BEARER,
        "client_assertion": assertion,
        **parameters,
    }
    return server.post({name: value for name, value in usual.items() if value is not None})
