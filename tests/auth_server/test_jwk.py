"""The keys that may sign: RFC 7518 3.3."""

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auth_server import jwk


def der(bits: int) -> bytes:
    """Give the public half of a new RSA key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.spec("RFC 7518", "3.3")
@pytest.mark.parametrize("bits", [1024, 2040])
def test_a_short_rsa_key_is_refused(bits: int) -> None:
    """A key of size 2048 bits or larger must be used with RS256."""
    assert jwk.from_der(der(2048))["alg"] == "RS256"
    with pytest.raises(ValueError, match=r"at least 2048 bits$"):
        jwk.from_der(der(bits))
