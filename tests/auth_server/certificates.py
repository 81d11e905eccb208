"""Client certificates as API Gateway's mutual TLS hands them over, made here."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.authorizer.issuer import encode
from tests.simulator import NOW

CA_KEY = ec.generate_private_key(ec.SECP256R1())
CLIENT_KEY = ec.generate_private_key(ec.SECP256R1())
CA_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Example CA")])
SUBJECT = x509.Name(
    [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Räksmörgås, Inc."),
        x509.NameAttribute(NameOID.COMMON_NAME, "Demo Client"),
    ]
)
SUBJECT_DN = r"CN=Demo Client,O=Räksmörgås\, Inc.,C=DE"


def certificate(
    subject: x509.Name = SUBJECT,
    *,
    names: Sequence[x509.GeneralName] = (),
    key: Any = CLIENT_KEY,
    self_signed: bool = False,
    valid: tuple[float, float] = (NOW - 86_400, NOW + 86_400),
) -> str:
    """Give a certificate in PEM, of the authority or of the client's own making."""
    begin, end = (datetime.fromtimestamp(at, UTC) for at in valid)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if self_signed else CA_NAME)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    signer = key if self_signed else CA_KEY
    algorithm = None if isinstance(signer, Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(signer, algorithm).public_bytes(Encoding.PEM).decode()


def der_of(pem: str) -> bytes:
    """Give a certificate's DER: what stands between the lines of its PEM."""
    return base64.b64decode("".join(pem.strip().splitlines()[1:-1]))


def thumbprint(pem: str) -> str:
    """Give `x5t#S256` (RFC 8705 3.1)."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(der_of(pem))
    return encode(digest.finalize())


def context(pem: str | None) -> dict[str, Any]:
    """Give the `requestContext` of a REST API's event whose caller showed this certificate."""
    shown = {"clientCert": {"clientCertPem": pem, "subjectDN": "CN=ignored", "issuerDN": "CN=ignored"}} if pem else {}
    return {"requestId": "request-1", "identity": {"sourceIp": "203.0.113.7", **shown}}
