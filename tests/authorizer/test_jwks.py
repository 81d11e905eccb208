"""JWK Sets (RFC 7517 5, RFC 7518 6.3)."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from authorizer.errors import JwksError
from authorizer.jwks import parse_jwks
from tests.authorizer.issuer import FOREIGN_KEY, KEY, encode, jwk, jwks, key_set, unsigned

_WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - it must not be accepted
_GOOD = jwk(kid="good")


def _without(name: str) -> dict[str, Any]:
    return {member: value for member, value in jwk(kid="bad").items() if member != name}


@pytest.mark.spec("RFC 7517", "5")
def test_keys_are_found_by_kid() -> None:
    """Each key has its name, and no key has another."""
    keys = key_set(jwk(), jwk(FOREIGN_KEY, "key-2"))
    first, second = keys.find("key-1"), keys.find("key-2")
    assert first is not None
    assert first.public_key.public_numbers() == KEY.public_key().public_numbers()
    assert second is not None
    assert second.public_key.public_numbers() == FOREIGN_KEY.public_key().public_numbers()
    assert keys.find("key-3") is None


@pytest.mark.spec("RFC 7517", "4")
@pytest.mark.parametrize("name", ["use", "alg"])
def test_members_that_may_be_absent(name: str) -> None:
    """`use` and `alg` are optional."""
    assert key_set(_without(name)).find("bad") is not None


@pytest.mark.spec("RFC 7517", "5")
@pytest.mark.parametrize(
    "member",
    [
        _without("kid"),
        _without("kty"),
        _without("n"),
        _without("e"),
        jwk(kid=""),
        jwk() | {"kid": 7},
        jwk(kid="bad", kty="EC"),
        jwk(kid="bad", kty="oct", k="c2VjcmV0"),
        jwk(kid="bad", use="enc"),
        jwk(kid="bad", alg="PS256"),
        jwk(kid="bad", alg="RS512"),
        jwk(kid="bad", alg=None),
        jwk(kid="bad", key_ops=["sign"]),
        jwk(kid="bad", key_ops="verify"),
        jwk(kid="bad", d=unsigned(3)),
        jwk(_WEAK, "bad"),
        jwk(kid="bad", n=unsigned(1 << 8_192)),
        jwk(kid="bad", n=""),
        jwk(kid="bad", n=7),
        jwk(kid="bad", n=jwk()["n"] + "=="),
        jwk(kid="bad", e=unsigned(1)),
        jwk(kid="bad", e=unsigned(65536)),
        jwk(kid="bad", e=unsigned((1 << 32) + 1)),
        jwk(kid="bad", e=encode(b"")),
        "RSA",
        None,
        [],
    ],
)
def test_a_key_that_may_not_verify_rs256_is_passed_over(member: Any) -> None:
    """Another kind or use, a weak, huge, broken or nameless key, a published private key: not used, the others are."""
    assert set(key_set(member, _GOOD).keys) == {"good"}


_UNUSABLE = {
    "empty": b"",
    "HTML": b"<html>",
    "array": b"[]",
    "no keys": b"{}",
    "keys as object": b'{"keys": {}}',
    "keys empty": b'{"keys": []}',
    "keys twice": b'{"keys": [], "keys": []}',
    "only a weak key": jwks(jwk(_WEAK)),
    "only a key for encryption": jwks(jwk(use="enc")),
    "cut": jwks()[:-1],
    "nested": b'{"keys":' + b"[" * 60_000,
}


@pytest.mark.parametrize("name", _UNUSABLE)
def test_a_document_without_a_usable_key_is_an_error(name: str) -> None:
    """Garbage, an empty set or a set of other keys never replaces the keys that were there."""
    with pytest.raises(JwksError):
        parse_jwks(_UNUSABLE[name])


@pytest.mark.spec("RFC 7517", "4.5")
@pytest.mark.parametrize("second", [jwk(FOREIGN_KEY), jwk()])
def test_two_keys_of_one_name_are_an_error(second: dict[str, Any]) -> None:
    """Which of them would verify must not depend on their order."""
    with pytest.raises(JwksError, match="same kid"):
        parse_jwks(jwks(jwk(), second))


@pytest.mark.spec("RFC 7517", "4.5")
def test_a_key_of_another_kind_may_share_a_name() -> None:
    """A `kid` may name keys of different types; the RSA key is the one."""
    assert set(key_set(jwk(kty="EC"), jwk()).keys) == {"key-1"}


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["keys", "kty", "kid", "n", "e", "use", "alg", "key_ops"]), inner)
        ),
        max_leaves=10,
    )
)
def test_any_json_is_read_or_refused(value: Any) -> None:
    """Whatever JSON comes, what is raised is a `JwksError`."""
    with pytest.raises(JwksError):
        parse_jwks(json.dumps({"keys": [value]}).encode())
