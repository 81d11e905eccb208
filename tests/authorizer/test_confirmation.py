"""Tokens that are bound to a key (RFC 7800, RFC 8705 3, RFC 9449 6), in the hands of whoever bears them."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authorizer import access_token
from authorizer.errors import InvalidTokenError, Reason
from authorizer.issuers import Issuers
from authorizer.token_verifier import TokenVerifier
from tests.authorizer.cold_start import ENVIRON, cold_start
from tests.authorizer.issuer import KID, NOW, Clock, claims, event, header, key_set, sign, trusted

JKT = {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}
X5T = {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}
UNPROVEN: list[Any] = [JKT, X5T, JKT | X5T, {}, {"jwk": {"kty": "EC"}}, {"kid": "x"}, {"new": 1}, {"jkt": None}]


def verifier() -> TokenVerifier:
    """Give a verifier of the test issuer's tokens."""
    return TokenVerifier(Issuers(trusted(key_set())), Clock())


def refused(cnf: Any, proven: dict[str, str]) -> Reason:
    """Check that a token bound so is refused for what was proven, the second time as the first."""
    text, verifying = sign(header(), claims(cnf=cnf)), verifier()
    for _ in ("anew", "remembered"):
        with pytest.raises(InvalidTokenError) as raised:
            verifying.verify(text, proven)
    return raised.value.refusal.reason


@pytest.mark.spec("RFC 9449", "7.1")
@pytest.mark.parametrize("cnf", UNPROVEN, ids=str)
def test_a_bound_token_is_no_bearer_token(cnf: Any) -> None:
    """A token with a `cnf` of whatever kind, one that nobody knows included, is refused from a mere bearer."""
    assert refused(cnf, {}) is Reason.KEY_NOT_PROVEN
    with pytest.raises(InvalidTokenError):
        verifier().verify(sign(header(), claims(cnf=cnf)))


@pytest.mark.parametrize("result", ["unauthorized", "deny"])
@pytest.mark.parametrize("cnf", UNPROVEN, ids=str)
def test_a_token_authorizer_never_allows_a_bound_token(cnf: Any, result: str) -> None:
    """It sees neither a proof nor a certificate; the same token without `cnf` is allowed."""
    handler = cold_start(ENVIRON | {"INVALID_TOKEN_RESULT": result}).lambda_handler
    good = handler(event(sign(header(), claims(time.time()))), None)
    assert good["policyDocument"]["Statement"][0]["Effect"] == "Allow"
    bound = event(sign(header(), claims(time.time(), cnf=cnf)))
    if result == "deny":
        assert handler(bound, None)["policyDocument"]["Statement"][0]["Effect"] == "Deny"
    else:
        with pytest.raises(Exception, match=r"^Unauthorized$"):
            handler(bound, None)


@pytest.mark.spec("RFC 7800", "3.1")
def test_every_member_must_be_proven() -> None:
    """A token bound twice needs both proofs, and a proof of another key is none."""
    both = JKT | X5T
    assert verifier().verify(sign(header(), claims(cnf=both)), both).cnf == both
    for proven in (JKT, X5T, {**both, "jkt": "x"}, {**both, "x5t#S256": ""}):
        assert refused(both, proven) is Reason.KEY_NOT_PROVEN
    assert refused(both | {"new": "x"}, both) is Reason.KEY_NOT_PROVEN


def test_a_token_that_is_not_bound_needs_no_proof() -> None:
    """What was proven besides changes nothing about it."""
    for proven in ({}, JKT):
        assert verifier().verify(sign(), proven).cnf is None


@pytest.mark.parametrize("cnf", ["x", 7, [JKT], True])
def test_a_cnf_of_another_form_is_refused(cnf: Any) -> None:
    """`cnf` is an object (RFC 7800 3.1)."""
    with pytest.raises(InvalidTokenError) as raised:
        access_token.from_claims(claims(cnf=cnf), KID)
    assert (raised.value.refusal.reason, raised.value.refusal.claim) == (Reason.CLAIM_MALFORMED, "cnf")


members = st.dictionaries(st.sampled_from(["jkt", "x5t#S256", "jwk", "new"]), st.sampled_from(["a", "b"]))


@given(cnf=members, proven=members)
def test_only_what_is_proven_passes(cnf: dict[str, str], proven: dict[str, str]) -> None:
    """A bound token passes where all that it names was proven, and at least one thing is named."""
    token = access_token.from_claims({**claims(NOW), "cnf": cnf}, KID)
    if cnf and set(cnf.items()) <= set(proven.items()):
        access_token.check_confirmation(token, proven)
    else:
        with pytest.raises(InvalidTokenError):
            access_token.check_confirmation(token, proven)
