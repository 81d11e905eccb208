"""DPoP proofs as a client makes them, and whatever else somebody might send in their place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.authorizer.issuer import KEY, encode, encode_json, unsigned

URL = "https://auth.example.com/oauth/token"
NOW = 1_790_000_000
EC_KEY = ec.generate_private_key(ec.SECP256R1())
ED_KEY = ed25519.Ed25519PrivateKey.generate()


def ec_jwk(key: ec.EllipticCurvePrivateKey = EC_KEY) -> dict[str, Any]:
    """Give the public JWK of a key on P-256."""
    numbers = key.public_key().public_numbers()
    return {"kty": "EC", "crv": "P-256", "x": encode(numbers.x.to_bytes(32)), "y": encode(numbers.y.to_bytes(32))}


def rsa_jwk(key: rsa.RSAPrivateKey = KEY) -> dict[str, Any]:
    """Give the public JWK of an RSA key."""
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "n": unsigned(numbers.n), "e": unsigned(numbers.e)}


def ed_jwk(key: ed25519.Ed25519PrivateKey = ED_KEY) -> dict[str, Any]:
    """Give the public JWK of an Ed25519 key."""
    return {"kty": "OKP", "crv": "Ed25519", "x": encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))}


def sign_es256(message: bytes, key: ec.EllipticCurvePrivateKey = EC_KEY) -> bytes:
    """Sign as ES256 does (RFC 7518 3.4)."""
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def _sign_rs256(message: bytes) -> bytes:
    return KEY.sign(message, padding.PKCS1v15(), hashes.SHA256())


def _sign_ps256(message: bytes) -> bytes:
    return KEY.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


@dataclass(frozen=True)
class Signer:
    """An algorithm with a key of its kind."""

    alg: str
    jwk: Mapping[str, Any]
    sign: Callable[[bytes], bytes] = field(repr=False)


SIGNERS = {
    signer.alg: signer
    for signer in (
        Signer("ES256", ec_jwk(), sign_es256),
        Signer("RS256", rsa_jwk(), _sign_rs256),
        Signer("PS256", rsa_jwk(), _sign_ps256),
        Signer("EdDSA", ed_jwk(), ED_KEY.sign),
    )
}
ES256 = SIGNERS["ES256"]
Changes = Mapping[str, Any]


def proof(signer: Signer = ES256, *, header: Changes | None = None, claims: Changes | None = None) -> str:
    """Make a good proof with some members of header or claims changed; None takes one away."""
    said = {"jti": "e1j3V_bKic8-LAEB", "htm": "POST", "htu": URL, "iat": NOW} | dict(claims or {})
    head = {"typ": "dpop+jwt", "alg": signer.alg, "jwk": signer.jwk} | dict(header or {})
    return signed(encode_json(_without_none(head)), encode_json(_without_none(said)), signer)


def signed(header_segment: str, payload_segment: str, signer: Signer = ES256) -> str:
    """Sign two segments, whatever they are."""
    message = f"{header_segment}.{payload_segment}"
    return f"{message}.{encode(signer.sign(message.encode()))}"


def _without_none(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
