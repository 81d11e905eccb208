"""An endorsement covers all of a record."""

from dataclasses import fields, replace
from typing import Any

import pytest

from auth_server import jwk, jws
from auth_server.signing_keys.key_record import DATA_KEY, KMS, KeyRecord, endorsed_text
from authorizer import public_key
from tests.auth_server.signing_keys.world import FIRST_KEY, public_jwks
from tests.simulator import ISSUER, NOW

ANCHOR = public_key.from_jwk(FIRST_KEY.jwk, "RS256")
JWK, OTHER_JWK = public_jwks()[:2]
RECORD = KeyRecord(
    kid=JWK["kid"],
    issuer=ISSUER,
    signer=DATA_KEY,
    jwk=JWK,
    key_id="mrk-1",
    encrypted_key=b"ciphertext",
    announced_at=NOW,
    active_from=NOW + 14_400,
    expires_at=NOW + 187_200,
    overlap_seconds=93_600,
).endorsed_by(FIRST_KEY)
CHANGES: dict[str, Any] = {
    "kid": OTHER_JWK["kid"],
    "issuer": ISSUER + "/",
    "signer": KMS,
    "jwk": OTHER_JWK,
    "key_id": None,
    "encrypted_key": b"ciphertexT",
    "announced_at": NOW + 1,
    "active_from": NOW + 14_399,
    "expires_at": None,
    "overlap_seconds": 93_601,
    "endorsement": RECORD.endorsement[:-1] + b"\0",
}


def test_an_endorsed_record_is_believed() -> None:
    """What the first key has signed is endorsed, for its issuer."""
    assert RECORD.is_endorsed(ISSUER, ANCHOR)
    assert not RECORD.is_endorsed("https://other.example.com", ANCHOR)
    assert not RECORD.is_endorsed(ISSUER, public_key.from_jwk(OTHER_JWK, "RS256"))


@pytest.mark.parametrize("name", [each.name for each in fields(KeyRecord)])
def test_no_part_of_a_record_can_be_changed(name: str) -> None:
    """Each member on its own makes the endorsement void."""
    changed = replace(RECORD, **{name: CHANGES[name]})
    assert not changed.is_endorsed(changed.issuer, ANCHOR)


@pytest.mark.spec("RFC 7638", "3")
def test_a_key_has_no_other_name_than_its_own() -> None:
    """Even an endorsed record is believed under its key's thumbprint alone."""
    misnamed = replace(RECORD, kid=OTHER_JWK["kid"]).endorsed_by(FIRST_KEY)
    assert not misnamed.is_endorsed(ISSUER, ANCHOR)


def test_no_token_is_signed_over_what_endorses() -> None:
    """What is signed of a JWT has no line's end and begins with base64url of a brace; an endorsement is otherwise."""
    claims = {"sub": endorsed_text(RECORD).decode("ascii")}
    for text in (jws.signing_input(claims, typ="at+jwt", kid=FIRST_KEY.kid), b"eyJ"):
        assert not endorsed_text(RECORD).startswith(text[:3])
        assert b"\n" not in text
    assert b"\n" in endorsed_text(RECORD)


def test_the_longest_record_can_be_signed() -> None:
    """KMS signs 4,096 bytes: enough for the longest issuer and a modulus of 4,096 bits, whatever is encrypted."""
    public = {**JWK, "n": jwk.base64url(b"\xff" * 512)}
    longest = replace(RECORD, issuer="i" * 256, jwk=public, encrypted_key=b"c" * 6_144, key_id="k" * 200)
    assert len(endorsed_text(longest)) < 4_096
