"""The result that API Gateway gets."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authorizer import access_token, policy
from authorizer.errors import Reason, ResultTooLargeError
from authorizer.event import MethodArn
from tests.authorizer.deciding import ROUTES
from tests.authorizer.issuer import AUDIENCE, ISSUER, KID, METHOD_ARN, NOW, claims

_ARN = MethodArn.parse(METHOD_ARN)
_TOKEN = access_token.from_claims(claims(), KID)
_STAGE = "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/*"


def test_a_good_token_gets_the_stage_and_its_scopes() -> None:
    """The whole result, member by member."""
    assert policy.allow_stage(_TOKEN, _ARN) == {
        "principalId": "client-1",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": [_STAGE]}],
        },
        "context": {
            "permissions": "products:read products:write",
            "scope": "products:read products:write",
            "client_id": "client-1",
            "sub": "client-1",
            "jti": "3f9a1c",
            "exp": NOW + 3600,
            "iat": NOW,
            "iss": ISSUER,
            "aud": AUDIENCE,
        },
    }


def test_an_api_is_told_who_names_the_subject() -> None:
    """The context of a vended token says by whose word `sub` is who it is: no client's id passes for a person."""
    token = replace(_TOKEN, sub="person:alice", identity_provider="login")
    context = policy.allow_stage(token, _ARN)["context"]
    assert (context["sub"], context["identity_provider"]) == ("person:alice", "login")


def test_a_refused_token_gets_a_deny_that_names_nobody() -> None:
    """The principal is nobody that the token speaks of, and there is no context."""
    assert policy.deny(_ARN) == {
        "principalId": "unknown",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": [_STAGE]}],
        },
    }


def test_a_token_that_names_a_usage_plan_counts_for_it() -> None:
    """The key of its claim is the answer's `usageIdentifierKey`, and counted as a part of it."""
    token = replace(_TOKEN, usage_identifier_key="k" * 128)
    result = policy.allow_stage(token, _ARN)
    assert result.pop("usageIdentifierKey") == "k" * 128
    assert result == policy.allow_stage(_TOKEN, _ARN)
    room = 8_191 - len(json.dumps(policy.allow_stage(replace(token, sub=""), _ARN)))
    assert len(json.dumps(policy.allow_stage(replace(token, sub="s" * room), _ARN))) == 8_191
    with pytest.raises(ResultTooLargeError):
        policy.allow_stage(replace(token, sub="s" * (room + 1)), _ARN)


def test_the_context_holds_scalars_only() -> None:
    """Several audiences are joined, a fraction of a second is cut off."""
    token = replace(_TOKEN, aud=("https://a.example", "https://b.example"), exp=NOW + 0.5)
    context = policy.allow_stage(token, _ARN)["context"]
    assert context["aud"] == "https://a.example https://b.example"
    assert context["exp"] == NOW
    assert all(type(value) in {str, int} for value in context.values())


def test_the_result_is_the_same_for_every_route() -> None:
    """The gateway keeps it for the token, whichever route came first."""
    other = MethodArn.parse(METHOD_ARN.replace("GET/products", "POST/messages"))
    assert policy.allow_stage(_TOKEN, other) == policy.allow_stage(_TOKEN, _ARN)


def test_a_result_of_8_kb_is_refused() -> None:
    """8,191 bytes are the most; the reason is for the audit line, with the token it speaks of."""
    room = 8_191 - len(json.dumps(policy.allow_stage(replace(_TOKEN, sub=""), _ARN)))
    assert len(json.dumps(policy.allow_stage(replace(_TOKEN, sub="s" * room), _ARN))) == 8_191
    too_large = replace(_TOKEN, sub="s" * (room + 1))
    with pytest.raises(ResultTooLargeError) as raised:
        policy.allow_stage(too_large, _ARN)
    assert (raised.value.refusal.reason, raised.value.refusal.token) == (Reason.RESULT_TOO_LARGE, too_large)


def test_the_bound_counts_the_routes_too() -> None:
    """With a map it is the whole result as well, and the same byte."""
    room = 8_191 - len(json.dumps(policy.allow_routes(replace(_TOKEN, sub=""), _ARN, ROUTES)))
    assert len(json.dumps(policy.allow_routes(replace(_TOKEN, sub="s" * room), _ARN, ROUTES))) == 8_191
    with pytest.raises(ResultTooLargeError):
        policy.allow_routes(replace(_TOKEN, sub="s" * (room + 1)), _ARN, ROUTES)


@given(st.integers(0, 400), st.text(max_size=900))
def test_the_result_never_reaches_8_kb(scopes: int, sub: str) -> None:
    """However many scopes there are, in whatever script: a result under 8 KB as it is sent, or none."""
    token = replace(_TOKEN, scope=" ".join(f"scope:{number}" for number in range(scopes)), sub=sub)
    try:
        result = policy.allow_stage(token, _ARN)
    except ResultTooLargeError:
        return
    assert len(json.dumps(result, ensure_ascii=False).encode("utf-8", "surrogatepass")) < 8_192
