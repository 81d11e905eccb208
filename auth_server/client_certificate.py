"""X.509 client certificates (RFC 5280), as API Gateway's mutual TLS hands them over."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auth_server import distinguished_name
from auth_server.distinguished_name import DistinguishedName
from authorizer import base64url, public_key

MAX_PEM_LENGTH: Final = 65_536
_COORDINATE_BYTES = 32


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate. Its chain is API Gateway's to verify, its times are for `is_valid_at`, in Unix seconds.

    `thumbprint` is `x5t#S256` (RFC 8705 3.1), `der_base64` its DER as a member of `x5c` (RFC 7517 4.7).
    `key_thumbprint` is that of its public key as a JWK (RFC 7638), None for a key of a kind that is not used here.
    `alternative_names` maps `dns`, `uri`, `ip` and `email` to the subject's.
    """

    thumbprint: str
    der_base64: str
    key_thumbprint: str | None
    subject: DistinguishedName
    alternative_names: Mapping[str, tuple[str, ...]]
    is_self_issued: bool
    not_before: float
    not_after: float

    def is_valid_at(self, now: float) -> bool:
        """Whether the time is within the validity period, both ends included (RFC 5280 4.1.2.5)."""
        return self.not_before <= now <= self.not_after


@lru_cache(maxsize=64)
def from_pem(pem: str) -> ClientCertificate:
    """Read one certificate; raises ValueError, also for one of a form or a key that is not known here."""
    if len(pem) > MAX_PEM_LENGTH:
        raise ValueError("too long for a certificate")
    try:
        return _read(pem)
    except (x509.InvalidVersion, x509.UnsupportedGeneralNameType, UnsupportedAlgorithm) as error:
        raise ValueError(type(error).__name__) from None


def _read(pem: str) -> ClientCertificate:
    certificate = x509.load_pem_x509_certificate(pem.encode("utf-8"))
    der = certificate.public_bytes(Encoding.DER)
    return ClientCertificate(
        thumbprint=base64url.encode(sha256(der).digest()),
        der_base64=base64.b64encode(der).decode("ascii"),
        key_thumbprint=_key_thumbprint(certificate),
        subject=_name(certificate.subject),
        alternative_names=_alternative_names(certificate),
        is_self_issued=certificate.issuer == certificate.subject,
        not_before=certificate.not_valid_before_utc.timestamp(),
        not_after=certificate.not_valid_after_utc.timestamp(),
    )


def _name(name: x509.Name) -> DistinguishedName:
    # A value of bits (x500UniqueIdentifier) is no text, and stands for no text that could be registered.
    return distinguished_name.of_rdns(
        [(attribute.oid.dotted_string, _text(attribute.value)) for attribute in rdn] for rdn in name.rdns
    )


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else f"\0{value.hex()}"


def _alternative_names(certificate: x509.Certificate) -> dict[str, tuple[str, ...]]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return {}
    except x509.DuplicateExtension:
        raise ValueError("an extension twice") from None
    return {
        "dns": tuple(names.get_values_for_type(x509.DNSName)),
        "uri": tuple(names.get_values_for_type(x509.UniformResourceIdentifier)),
        "ip": tuple(map(str, names.get_values_for_type(x509.IPAddress))),
        "email": tuple(names.get_values_for_type(x509.RFC822Name)),
    }


def _key_thumbprint(certificate: x509.Certificate) -> str | None:
    jwk = _jwk(certificate.public_key())
    return None if jwk is None else public_key.thumbprint(jwk)


def _jwk(key: Any) -> dict[str, str] | None:
    if isinstance(key, RSAPublicKey):
        numbers = key.public_numbers()
        return {"kty": "RSA", "n": _unsigned(numbers.n), "e": _unsigned(numbers.e)}
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        point = key.public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": _coordinate(point.x), "y": _coordinate(point.y)}
    if isinstance(key, Ed25519PublicKey):
        raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(raw)}
    return None


def _unsigned(number: int) -> str:
    return base64url.encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _coordinate(number: int) -> str:
    return base64url.encode(number.to_bytes(_COORDINATE_BYTES, "big"))
