"""What may be registered about the issuers that a client trusts, and about its own keys."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from auth_server import trusted_issuers
from auth_server.aws.client_item import from_item, to_item
from auth_server.client_registration import InvalidClientMetadataError, check
from auth_server.jwt_assertion import Assertion
from auth_server.trusted_issuers import TrustedIssuer, from_document, to_document
from tests.auth_server.assertions import ED25519, P256, RSA, jwk, jwks, signer
from tests.simulator import NOW, client

GOOD: dict[str, Any] = {
    "issuer": "https://issuer.example/tenant",
    "subject": "system:serviceaccount:shop:*",
    "audience": "https://auth.example.com",
    "jwks_uri": "https://issuer.example/keys",
    "claims": {"kubernetes.io": {"namespace": ["shop", "till"]}, "level": 3, "admin": False},
    "single_use": True,
}
WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - what has to be refused

BAD: list[dict[str, Any]] = [
    *({name: None} for name in ("issuer", "subject", "audience")),
    *({name: ""} for name in ("issuer", "subject", "audience")),
    *({name: 7} for name in GOOD),
    {"issuer": "http://issuer.example"},
    {"issuer": "https://issuer.example?a"},
    {"issuer": "https://issuer.example#a"},
    {"issuer": "https://user@issuer.example"},
    {"issuer": "issuer.example"},
    {"subject": "*"},
    {"subject": ":*"},
    {"subject": "repo:octo-org*"},
    {"subject": "repo:*/shop:*"},
    {"subject": "a\nb"},
    {"subject": "x" * 1001},
    {"audience": "x" * 1001},
    {"jwks_uri": "http://issuer.example/keys"},
    {"jwks": jwks(jwk(RSA))},  # beside a jwks_uri
    {"jwks_uri": None, "jwks": {"keys": []}},
    {"jwks_uri": None, "jwks": jwks({**jwk(RSA), "d": "AQAB"})},
    {"claims": []},
    {"claims": {"a": None}},
    {"claims": {"a": []}},
    {"claims": {"a": {}}},
    {"claims": {"a": {"b": [None]}}},
    {"surprise": 1},
]


@pytest.mark.parametrize("changes", BAD, ids=range(len(BAD)))
def test_a_record_that_breaks_a_rule_is_refused(changes: dict[str, Any]) -> None:
    """Each rule refuses a record that is otherwise good, and says which it is."""
    from_document(GOOD)
    changed = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    with pytest.raises(ValueError, match=r"issuer|subject|claim|same") as refused:
        from_document(changed)
    assert "x" * 100 not in str(refused.value)


def test_a_record_comes_back_as_it_was() -> None:
    """What is written is what is read, in JSON and in the table."""
    assert to_document(from_document(GOOD)) == GOOD
    keys = {"jwks": jwks(jwk(RSA, kid="k1"))}
    inline = from_document({**GOOD, "issuer": "https://other.example", "jwks_uri": None, **keys})
    for record in (
        signer(auth_methods=("private_key_jwt", "federated_jwt"), trusted_issuers=(from_document(GOOD), inline)),
        signer(jwks=None, jwks_uri="https://client.example/jwks.json"),
        client(),
    ):
        assert from_item(to_item(check(record))) == record


def test_an_item_without_these_members_is_a_client() -> None:
    """Clients that were registered before have no keys, and trust nobody."""
    item = to_item(client())
    assert not {"jwks", "jwks_uri", "trusted_issuers"} & item.keys()
    assert (from_item(item).jwks, from_item(item).jwks_uri, from_item(item).trusted_issuers) == (None, None, ())


CLIENTS: list[dict[str, Any]] = [
    {"jwks": None},
    {"jwks_uri": "https://client.example/jwks.json"},  # beside a jwks
    {"jwks": None, "jwks_uri": "http://client.example/jwks.json"},
    {"jwks": None, "jwks_uri": "https://client.example/#keys"},
    {"jwks": {}},
    {"jwks": {"keys": []}},
    {"jwks": {"keys": jwk(RSA)}},
    {"jwks": jwks({"kty": "oct", "k": "c2VjcmV0"})},
    {"jwks": jwks(jwk(RSA), {"kty": "oct", "k": "c2VjcmV0"})},
    {"jwks": jwks({**jwk(RSA), "d": "AQAB"})},
    {"jwks": jwks(jwk(RSA), {**jwk(P256), "d": "AQAB"})},
    {"jwks": jwks(jwk(WEAK))},
    {"jwks": jwks({**jwk(P256), "crv": "P-384"})},
    {"jwks": jwks({**jwk(P256), "x": jwk(P256)["y"]})},
    {"jwks": jwks({**jwk(ED25519), "crv": "Ed448"})},
    {"jwks": jwks(jwk(RSA, use="enc"))},
    {"jwks": jwks(*[jwk(P256)] * 51)},
    {"jwks": {**jwks(jwk(RSA)), "padding": "x" * 32_768}},
    {"auth_methods": ("federated_jwt",)},
    {"trusted_issuers": (TrustedIssuer("https://a.example", "*", "b"),)},
    {"trusted_issuers": (from_document(GOOD), from_document({**GOOD, "jwks_uri": "https://issuer.example/other"}))},
    {"trusted_issuers": tuple(from_document({**GOOD, "issuer": f"https://{n}.example"}) for n in range(11))},
    {"trusted_issuers": tuple(from_document({**GOOD, "claims": {"a": "x" * 17_000, "b": str(n)}}) for n in range(2))},
]


@pytest.mark.spec("RFC 7591", "2")
@pytest.mark.parametrize("changes", CLIENTS, ids=range(len(CLIENTS)))
def test_a_client_that_breaks_a_rule_is_refused(changes: dict[str, Any]) -> None:
    """Public keys alone, one of them usable, in one place; and trust in few issuers, each of them known by its keys."""
    check(signer())
    with pytest.raises(InvalidClientMetadataError):
        check(signer(**changes))


@pytest.mark.parametrize("key", [RSA, P256, ED25519])
def test_keys_of_each_kind_may_be_registered(key: Any) -> None:
    """RSA, P-256 and Ed25519; keys of other kinds beside them are passed over."""
    check(signer(jwks=jwks({"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}, jwk(key))))


_VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.dictionaries(st.text(), inner, min_size=1, max_size=3),
    max_leaves=6,
)


def why_not(claims: dict[str, Any], demanded: dict[str, Any]) -> str | None:
    """Hold claims against those that a record demands."""
    trusted = TrustedIssuer("https://a.example", "s", "aud", claims=demanded)
    assertion = Assertion("https://a.example", "s", ("aud",), NOW + 60, None, None, None, claims, "")
    return trusted_issuers.why_not(trusted, assertion)


@given(value=_VALUES, other=_VALUES, more=_VALUES)
def test_a_claim_matches_itself_and_whatever_lists_it(value: Any, other: Any, more: Any) -> None:
    """A value matches itself, as one of several and with members beside it; never another of its kind or of another."""
    assert why_not({"a": value, "more": more}, {"a": value}) is None
    assert why_not({"a": value}, {"a": [other, value]}) is None
    assert why_not({}, {"a": value})
    assert why_not({"a": [value]}, {"a": value})
    if isinstance(value, dict):
        extended = {**value, "a member that is not there": more}
        assert why_not({"a": extended}, {"a": value}) is None
        assert why_not({"a": value}, {"a": extended})
    if not isinstance(value, dict) and (type(value) is not type(other) or value != other):
        assert why_not({"a": other}, {"a": value})


@given(prefix=st.text(min_size=1), rest=st.text())
def test_a_wildcard_is_its_prefix_and_nothing_else(prefix: str, rest: str) -> None:
    """A subject with a wildcard is every subject that starts so; one without is itself alone."""
    for expected, sub, same in (
        (f"{prefix}:*", f"{prefix}:{rest}", True),
        (f"{prefix}:*", rest, rest.startswith(f"{prefix}:")),
        (f"{prefix}:", f"{prefix}:{rest}", rest == ""),
    ):
        trusted = TrustedIssuer("https://a.example", expected, "aud")
        assertion = Assertion("https://a.example", sub, ("aud",), NOW + 60, None, None, None, {}, "")
        assert (trusted_issuers.why_not(trusted, assertion) is None) == same
