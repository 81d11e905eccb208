"""What each kind of authorizer is answered."""

from typing import Any

import pytest

from authorizer.decision import HttpApiResponse, InvalidTokenResult, PolicyFor, Rules
from authorizer.errors import EventError, Reason
from authorizer.event import Kind
from tests.authorizer.authorizer_events import event_of
from tests.authorizer.deciding import ROUTES, Deciding, allowed, denied, statements, token, unauthorized
from tests.authorizer.issuer import NOW

KINDS = list(Kind)
_STAGES = {Kind.REST_TOKEN: "prod", Kind.REST_REQUEST: "prod", Kind.HTTP_1: "$default", Kind.HTTP_2: "$default"}
SIMPLE = Rules(http_api_response=HttpApiResponse.SIMPLE)
SIMPLE_WITH_ROUTES = Rules(routes=ROUTES, http_api_response=HttpApiResponse.SIMPLE)
CALL = Rules(routes=ROUTES, policy_for=PolicyFor.CALL)


def keyed(**members: Any) -> dict[str, Any]:
    """Give an event of an HTTP API whose answers are kept by the route too."""
    sent = event_of(Kind.HTTP_2, f"Bearer {token(**members)}")
    return sent | {"identitySource": [*sent["identitySource"], sent["routeKey"]]}


@pytest.mark.parametrize(("kind", "stage"), _STAGES.items())
def test_without_a_map_a_good_token_gets_the_stage(kind: Kind, stage: str) -> None:
    """One policy for the stage, in the partition, Region, account and API of the call."""
    result = allowed(Deciding().about(kind, token()))
    assert (result["principalId"], result["context"]["client_id"]) == ("client-1", "client-1")
    assert statements(result) == {"Allow": [f"{stage}/*"]}


@pytest.mark.parametrize(("kind", "stage"), _STAGES.items())
@pytest.mark.parametrize(
    ("scope", "allow", "deny"),
    [
        ("products:read", ["GET/products", "GET/products/*"], ["GET/products/*/price"]),
        ("prices:read", ["GET/products/*/price"], []),
        ("other prices:read products:read", ["GET/products", "GET/products/*", "GET/products/*/price"], []),
    ],
)
def test_with_a_map_it_gets_what_its_scopes_permit(
    kind: Kind, stage: str, scope: str, allow: list[str], deny: list[str]
) -> None:
    """All routes of its scopes, whichever was called, and none of another scope that a pattern would cover."""
    found = statements(allowed(Deciding(Rules(routes=ROUTES)).about(kind, token(scope=scope))))
    assert found["Allow"] == [f"{stage}/{pattern}" for pattern in allow]
    assert found.get("Deny", []) == [f"{stage}/{pattern}" for pattern in deny]


@pytest.mark.spec("RFC 6750", "3.1")
@pytest.mark.parametrize(("kind", "stage"), _STAGES.items())
@pytest.mark.parametrize("scope", ["other", None, "chat", "products"])
def test_a_token_without_a_scope_of_the_map_is_denied(kind: Kind, stage: str, scope: str | None) -> None:
    """A good token that permits nothing: 403 with its own context, and not 401, which another token would not mend."""
    reason, result = denied(Deciding(Rules(routes=ROUTES)).about(kind, token(scope=scope)))
    assert reason is Reason.INSUFFICIENT_SCOPE
    assert statements(result) == {"Deny": [f"{stage}/*"]}
    assert (result["principalId"], result["context"]["client_id"]) == ("client-1", "client-1")


@pytest.mark.parametrize("kind", KINDS)
def test_a_denial_that_is_too_large_is_unauthorized(kind: Kind) -> None:
    """It has the token's context as an Allow has; the gateway would not take it, and 500 would blame the authorizer."""
    too_long = token(scope=" ".join(f"other{number}" for number in range(500)))
    assert unauthorized(Deciding(Rules(routes=ROUTES)).about(kind, too_long)) is Reason.RESULT_TOO_LARGE


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rules", [Rules(), SIMPLE_WITH_ROUTES, CALL, Rules(routes=ROUTES)])
def test_a_missing_or_malformed_token_is_unauthorized(kind: Kind, rules: Rules) -> None:
    """Whatever asks, and however it is to be answered."""
    assert unauthorized(Deciding(rules).on(event_of(kind, None))) is Reason.TOKEN_MISSING
    for authorization in ("Bearer", "Basic YTpi", "Bearer a b", "Bearer a,Bearer b"):
        malformed = Deciding(rules).on(event_of(kind, authorization))
        assert unauthorized(malformed) is Reason.AUTHORIZATION_MALFORMED
    assert unauthorized(Deciding(rules).about(kind, "a")) is Reason.NOT_A_JWT


@pytest.mark.parametrize("kind", KINDS)
def test_only_rest_apis_are_told_of_usage_plans(kind: Kind) -> None:
    """AWS knows no such member in the answer to another kind of API."""
    result = allowed(Deciding().about(kind, token(usage_identifier_key="k" * 20)))
    expected = "k" * 20 if kind in {Kind.REST_TOKEN, Kind.REST_REQUEST} else None
    assert result.get("usageIdentifierKey") == expected


@pytest.mark.parametrize("kind", KINDS)
def test_an_invalid_token_is_unauthorized_or_denied(kind: Kind) -> None:
    """As INVALID_TOKEN_RESULT says, for each kind of event."""
    expired = token(iat=NOW - 7_200, exp=NOW - 3_600)
    assert unauthorized(Deciding().about(kind, expired)) is Reason.EXPIRED
    reason, result = denied(Deciding(Rules(invalid_token_result=InvalidTokenResult.DENY)).about(kind, expired))
    assert (reason, result["principalId"], list(statements(result))) == (Reason.EXPIRED, "unknown", ["Deny"])


def test_a_simple_response_says_yes_or_no() -> None:
    """An HTTP API with simple responses is told one word, and the context."""
    result = allowed(Deciding(SIMPLE).about(Kind.HTTP_2, token()))
    assert result["isAuthorized"] is True
    assert (result["context"]["exp"], set(result)) == (NOW + 3_600, {"isAuthorized", "context"})
    deny = Rules(http_api_response=HttpApiResponse.SIMPLE, invalid_token_result=InvalidTokenResult.DENY)
    reason, refused = denied(Deciding(deny).about(Kind.HTTP_2, token(aud="https://x.example")))
    assert (reason, refused) == (Reason.AUDIENCE_REFUSED, {"isAuthorized": False})


def test_a_simple_yes_is_as_bounded_as_a_policy() -> None:
    """Its context alone may be more than the gateway would take."""
    assert unauthorized(Deciding(SIMPLE).about(Kind.HTTP_2, token(scope="a" * 4_500))) is Reason.RESULT_TOO_LARGE


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not Kind.HTTP_2])
def test_only_payload_2_has_simple_responses(kind: Kind) -> None:
    """Every other kind of authorizer is answered with a policy all the same."""
    assert "policyDocument" in allowed(Deciding(SIMPLE).about(kind, token()))


def test_a_simple_yes_follows_the_scopes_of_the_route() -> None:
    """Where it is kept by the route key, it is about that route."""
    deciding = Deciding(SIMPLE_WITH_ROUTES)
    assert allowed(deciding.on(keyed()))["isAuthorized"] is True
    reason, result = denied(deciding.on(keyed(scope="prices:read")))
    assert (reason, result["isAuthorized"]) == (Reason.INSUFFICIENT_SCOPE, False)
    assert result["context"]["client_id"] == "client-1"


@pytest.mark.parametrize("sources", [None, [], ["GET /products"], ["GET", "/products/{id}"], "GET /products/{id}"])
def test_a_simple_yes_that_is_kept_for_every_route_is_not_given(sources: object) -> None:
    """Without the route key among the identity sources, a yes to one route would be a yes to all: 500, and closed."""
    with pytest.raises(EventError, match=r"\$context\.routeKey"):
        Deciding(SIMPLE_WITH_ROUTES).on(keyed() | {"identitySource": sources})


@pytest.mark.parametrize(
    "chosen",
    [
        {"headers": {"x-shop": "GET /products/{id}"}},
        {"queryStringParameters": {"shop": "GET /products/{id}"}},
        {"queryStringParameters": {"shop": "other,GET /products/{id}"}},
        {"cookies": ["GET /products/{id}"]},
    ],
    ids=str,
)
def test_a_caller_cannot_stand_in_for_the_route_key(chosen: dict[str, Any]) -> None:
    """Of another identity source, in which the caller wrote the route key itself, a yes is kept for every route."""
    sent = keyed()
    with pytest.raises(EventError, match=r"\$context\.routeKey"):
        Deciding(SIMPLE_WITH_ROUTES).on(sent | chosen | {"headers": sent["headers"] | chosen.get("headers", {})})


@pytest.mark.parametrize(
    ("changes", "permitted"),
    [
        ({}, True),
        ({"resource": "/products"}, True),
        ({"resource": "/products/{id}/price"}, False),
        ({"resource": "/products/kettle"}, False),
        ({"resource": "/other"}, False),
        ({"resource": None}, False),
        ({"httpMethod": "POST"}, False),
        ({"httpMethod": None}, False),
    ],
)
@pytest.mark.parametrize("kind", [Kind.REST_REQUEST, Kind.HTTP_1])
def test_a_policy_for_a_call_follows_the_route(kind: Kind, changes: dict[str, Any], permitted: bool) -> None:
    """POLICY_FOR=call asks about the route that the gateway found; one that is not in the map is closed."""
    decision = Deciding(CALL).on(event_of(kind, f"Bearer {token()}") | changes)
    if permitted:
        assert statements(allowed(decision)) == {"Allow": [f"{_STAGES[kind]}/GET/products/kettle"]}
    else:
        assert denied(decision)[0] is Reason.INSUFFICIENT_SCOPE


def test_a_policy_for_a_call_needs_a_request_event() -> None:
    """A TOKEN event does not say which route is called."""
    with pytest.raises(EventError, match="POLICY_FOR"):
        Deciding(CALL).about(Kind.REST_TOKEN, token())


@pytest.mark.parametrize("path", ["*", "a*b", "?", "${aws:username}", "a/*/b", "k" * 512])
def test_what_a_caller_writes_into_a_path_is_never_a_wildcard(path: str) -> None:
    """A path that could not stand in a policy as it is gets no policy that allows anything."""
    asked = event_of(Kind.REST_REQUEST, f"Bearer {token()}")
    arn = asked["methodArn"].replace("kettle", path)
    reason, result = denied(Deciding(CALL).on(asked | {"methodArn": arn}))
    assert (reason, statements(result)) == (Reason.PATH_NOT_EXPRESSIBLE, {"Deny": ["prod/*"]})


def test_a_resource_has_512_characters_at_most() -> None:
    """So long a one is a policy still ("Output from an API Gateway Lambda authorizer"), and one more is none."""
    asked = event_of(Kind.REST_REQUEST, f"Bearer {token()}")
    longest = asked["methodArn"] + "k" * (512 - len(asked["methodArn"]))
    policy = allowed(Deciding(CALL).on(asked | {"methodArn": longest}))["policyDocument"]
    assert policy["Statement"][0]["Resource"] == [longest]
    assert denied(Deciding(CALL).on(asked | {"methodArn": longest + "k"}))[0] is Reason.PATH_NOT_EXPRESSIBLE


def test_a_dollar_that_begins_no_variable_is_literal() -> None:
    """`$` alone means nothing to IAM."""
    asked = event_of(Kind.REST_REQUEST, f"Bearer {token()}")
    arn = asked["methodArn"].replace("kettle", "$5")
    assert statements(allowed(Deciding(CALL).on(asked | {"methodArn": arn}))) == {"Allow": ["prod/GET/products/$5"]}


@pytest.mark.parametrize(("scope", "permitted"), [("chat", True), ("products:read", False)])
def test_a_websocket_is_connected_by_its_scope(scope: str, permitted: bool) -> None:
    """The policy is for $connect alone."""
    decision = Deciding(Rules(routes=ROUTES)).about(Kind.WEBSOCKET, token(scope=scope))
    if permitted:
        assert statements(allowed(decision)) == {"Allow": ["prod/$connect"]}
    else:
        assert denied(decision)[0] is Reason.INSUFFICIENT_SCOPE


def test_without_a_map_each_good_token_may_connect() -> None:
    """As it may call each route."""
    assert statements(allowed(Deciding().about(Kind.WEBSOCKET, token()))) == {"Allow": ["prod/$connect"]}
