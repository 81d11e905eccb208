r"""The record of a signing key, and its endorsement: the first key's signature over all of it.

    latchkey-key-endorsement-v1
    {"active_from":1790014400,"announced_at":1790000000,...,"issuer":"https://auth.example.com","kid":"...",...}

is what is signed: a line that no JWT begins with, and the record as JSON with its members in order. So whoever can
write the table of keys, and cannot have KMS sign, can delete a record and put an old one back, and neither change nor
invent one; and no signature of a token is an endorsement, nor the reverse.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final

from auth_server.jwk import base64url, thumbprint
from auth_server.key_ring import SigningKey
from authorizer.public_key import PublicKey

KMS: Final = "kms"
DATA_KEY: Final = "data_key"
SIGNERS: Final = (KMS, DATA_KEY)
_PURPOSE: Final = b"latchkey-key-endorsement-v1\n"  # a JWT's signing input begins with base64url, and has no new line


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A later signing key. Times are Unix times in seconds.

    `key_id` is of the KMS key that signs (without Region, so that replicas have the same), or None; `encrypted_key` is
    the private key (PKCS #8, DER) as KMS encrypted it, or None. From `expires_at` on, if not None, it never signs.
    `overlap_seconds` is how long it stays published once it no longer signs.
    """

    kid: str
    issuer: str
    signer: str
    jwk: Mapping[str, str] = field(hash=False)
    key_id: str | None
    encrypted_key: bytes | None = field(repr=False)
    announced_at: int
    active_from: int
    expires_at: int | None
    overlap_seconds: int
    endorsement: bytes = field(default=b"", repr=False)

    def endorsed_by(self, anchor: SigningKey) -> "KeyRecord":
        """Give the record with the first key's signature over it; raises `DependencyError`."""
        return replace(self, endorsement=anchor.sign(endorsed_text(self)))

    def is_endorsed(self, issuer: str, anchor: PublicKey) -> bool:
        """Whether the first key has signed all of this, for this issuer."""
        return (
            self.issuer == issuer
            and anchor.has_signed(endorsed_text(self), self.endorsement)
            and self.kid == thumbprint(dict(self.jwk))
        )


def endorsed_text(record: KeyRecord) -> bytes:
    """Give what is signed: under the 4,096 bytes of kms:Sign, whatever the sizes of its parts."""
    members: dict[str, Any] = {
        "active_from": record.active_from,
        "announced_at": record.announced_at,
        "encrypted_key_sha256": _digest(record.encrypted_key),
        "expires_at": record.expires_at,
        "issuer": record.issuer,
        "jwk": dict(record.jwk),
        "key_id": record.key_id,
        "kid": record.kid,
        "overlap_seconds": record.overlap_seconds,
        "signer": record.signer,
    }
    return _PURPOSE + json.dumps(members, separators=(",", ":"), sort_keys=True).encode("ascii")


def _digest(encrypted: bytes | None) -> str | None:
    return None if encrypted is None else base64url(sha256(encrypted).digest())
