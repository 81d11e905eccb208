"""The Lambda authorizers of HTTP APIs, and the cache of their answers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.gateway.errors import DocumentError
from infra.local.gateway.http_api.authorizers import request
from tests.local.gateway_api import HTTP_ARN, client_of, document, http_gateway, http_proxy, http_scheme, uri
from tests.local.test_gateway_authorizers import Clock, result

if TYPE_CHECKING:
    from collections.abc import Iterable

    import httpx

GOOD = {"Authorization": "Bearer good"}
ROUTE_KEY = "$request.header.Authorization, $context.routeKey"


@dataclass
class Recorder:
    """An authorizer with one answer, which may be an exception."""

    answer: Any = field(default_factory=lambda: result(f"{HTTP_ARN}/*"))
    events: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, event: Any, _context: Any) -> Any:
        """Answer one event."""
        self.events.append(event)
        answer = self.answer(event) if callable(self.answer) else self.answer
        if isinstance(answer, BaseException):
            raise answer
        return answer


def protected(version: str = "2.0", **settings: Any) -> dict[str, Any]:
    """Return a document with pets behind an authorizer."""
    guarded = http_proxy(version=version, security=[{"auth": []}])
    paths = {"/pets": {"get": guarded, "post": guarded}, "/pets/{id}": {"get": guarded}, "/open": {"get": http_proxy()}}
    return document(paths, components={"securitySchemes": {"auth": http_scheme("auth", **settings)}})


def statuses(client: httpx.Client, requests: Iterable[tuple[str, str]]) -> list[int]:
    """Send requests with the good token and return the status of each answer."""
    return [client.request(method, path, headers=GOOD).status_code for method, path in requests]


def test_an_event_2_0_is_the_request_with_its_route_and_identity() -> None:
    """The event has routeArn and identitySource beside what an integration is told, and no body."""
    recorder = Recorder()
    described = protected(authorizerResultTtlInSeconds=0, identitySource=f"{ROUTE_KEY}, $request.querystring.q")
    with client_of(http_gateway(described, {"auth": recorder})) as client:
        integration = client.post("/pets?q=1&q=2", content=b"secret", headers=GOOD | {"Cookie": "a=1"}).json()
    event = recorder.events[0]
    assert (event["version"], event["type"]) == ("2.0", "REQUEST")
    assert event["routeArn"] == f"{HTTP_ARN}/POST/pets"
    assert event["identitySource"] == ["Bearer good", "POST /pets", "1,2"]
    same = ("routeKey", "rawPath", "rawQueryString", "headers", "cookies", "queryStringParameters")
    assert {name: event[name] for name in same} == {name: integration[name] for name in same}
    assert event.keys().isdisjoint({"body", "isBase64Encoded"})
    assert "authorizer" not in event["requestContext"]


def test_an_event_1_0_has_the_identity_twice() -> None:
    """Format 1.0 names a methodArn, and the identity as identitySource and authorizationToken, joined with commas."""
    recorder = Recorder()
    settings = {"authorizerPayloadFormatVersion": "1.0", "identitySource": ROUTE_KEY}
    with client_of(http_gateway(protected(**settings), {"auth": recorder})) as client:
        client.get("/pets/7?q=1", headers=GOOD)
    event = recorder.events[0]
    assert (event["version"], event["type"], event["methodArn"]) == ("1.0", "REQUEST", f"{HTTP_ARN}/GET/pets/7")
    assert event["identitySource"] == event["authorizationToken"] == "Bearer good,GET /pets/{id}"
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/pets/{id}", "/pets/7", "GET")
    assert (event["pathParameters"], event["queryStringParameters"], event["stageVariables"]) == (
        {"id": "7"},
        {"q": "1"},
        {},
    )
    assert event["headers"]["Authorization"] == "Bearer good"


@pytest.mark.parametrize("headers", [{}, {"Authorization": ""}, {"X-Authorization": "Bearer good"}])
def test_a_missing_identity_source_is_401_without_a_call(headers: dict[str, str]) -> None:
    """Where an identity source is absent or empty the authorizer is not asked; there is no challenge."""
    recorder = Recorder()
    with client_of(http_gateway(protected(), {"auth": recorder})) as client:
        response = client.get("/pets", headers=headers)
        assert client.get("/open", headers=headers).status_code == 200
    assert (response.status_code, response.json()) == (401, {"message": "Unauthorized"})
    assert "www-authenticate" not in response.headers
    assert recorder.events == []


SOURCES = "$request.header.X-Tenant,$request.querystring.key, $context.stage,$stageVariables.site"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/pets?key=1", {"x-tenant": "a"}, 200),
        ("/pets?KEY=1", {"x-tenant": "a"}, 401),
        ("/pets?key=", {"x-tenant": "a"}, 401),
        ("/pets?key=1", {}, 401),
    ],
)
def test_every_identity_source_must_be_there(path: str, headers: dict[str, str], status: int) -> None:
    """Names of headers are case-insensitive, those of the query are not; one source missing suffices for 401."""
    recorder = Recorder()
    served = http_gateway(protected(identitySource=SOURCES), {"auth": recorder}, stage_variables={"site": "eu"})
    with client_of(served) as client:
        assert client.get(path, headers=headers).status_code == status
    assert len(recorder.events) == (status == 200)


UNAUTHORIZED, FORBIDDEN, FAILED = (401, "Unauthorized"), (403, "Forbidden"), (500, "Internal Server Error")


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Exception("Unauthorized"), UNAUTHORIZED),
        (Exception("unauthorized"), FAILED),
        (Exception("down"), FAILED),
        (result(effect="Deny"), FORBIDDEN),
        (result(f"{HTTP_ARN}/POST/*"), FORBIDDEN),
        (None, FAILED),
        ({"isAuthorized": True}, FAILED),
        (result(principalId=None), FAILED),
        (result(policyDocument={}), FAILED),
        (result(context="text"), FAILED),
    ],
)
def test_each_policy_has_its_answer(version: str, answer: Any, expected: tuple[int, str]) -> None:
    """`Unauthorized` raised is 401, a denying policy 403, every other exception and malformed result 500."""
    described = protected(authorizerPayloadFormatVersion=version)
    with client_of(http_gateway(described, {"auth": Recorder(answer)})) as client:
        response = client.get("/pets", headers=GOOD)
    assert (response.status_code, response.json()["message"]) == expected
    assert response.json().keys() == {"message"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Exception("Unauthorized"), UNAUTHORIZED),
        (Exception("down"), FAILED),
        ({"isAuthorized": False}, FORBIDDEN),
        ({"isAuthorized": "true"}, FAILED),
        ({"isAuthorized": 1}, FAILED),
        ({}, FAILED),
        (None, FAILED),
        (result(), FAILED),
        ({"isAuthorized": True, "context": []}, FAILED),
    ],
)
def test_each_simple_response_has_its_answer(answer: Any, expected: tuple[int, str]) -> None:
    """A simple response is true or false; anything else, a policy too, is 500."""
    with client_of(http_gateway(protected(enableSimpleResponses=True), {"auth": Recorder(answer)})) as client:
        response = client.get("/pets", headers=GOOD)
    assert (response.status_code, response.json()["message"]) == expected


def test_an_authorizer_that_takes_too_long_is_500(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time-out of the authorizer is a failure of it, not of the caller."""
    monkeypatch.setattr(request, "TIMEOUT_SECONDS", 0.05)
    with client_of(http_gateway(protected(), {"auth": lambda _event, _context: time.sleep(0.3)})) as client:
        assert statuses(client, [("GET", "/pets")]) == [500]


CONTEXT = {"scope": "a b", "exp": 1790000000, "admin": True, "list": ["a"], "map": {"a": "b"}}


@pytest.mark.parametrize("simple", [False, True])
def test_the_context_reaches_the_integration_with_its_types(simple: bool) -> None:
    """Format 2.0 has the context at requestContext.authorizer.lambda, numbers, lists and maps as they were."""
    answer = {"isAuthorized": True, "context": CONTEXT} if simple else result(context=CONTEXT)
    with client_of(http_gateway(protected(enableSimpleResponses=simple), {"auth": Recorder(answer)})) as client:
        event = client.get("/pets", headers=GOOD).json()
    assert event["requestContext"]["authorizer"] == {"lambda": CONTEXT}


def test_the_context_of_format_1_0_has_the_principal() -> None:
    """Format 1.0 has the context at requestContext.authorizer, beside the principal and nulls for a JWT's."""
    with client_of(http_gateway(protected("1.0"), {"auth": Recorder(result(context=CONTEXT))})) as client:
        event = client.get("/pets", headers=GOOD).json()
    expected = CONTEXT | {"principalId": "me", "claims": None, "scopes": None}
    assert event["requestContext"]["authorizer"] == expected


def test_a_cached_policy_is_evaluated_for_each_route() -> None:
    """One call for one identity: its policy lets the token in here and keeps it out there."""
    recorder = Recorder(result(f"{HTTP_ARN}/GET/pets"))
    with client_of(http_gateway(protected(), {"auth": recorder})) as client:
        requests = [("GET", "/pets"), ("POST", "/pets"), ("GET", "/pets/7"), ("GET", "/pets")]
        assert statuses(client, requests) == [200, 403, 403, 200]
    assert len(recorder.events) == 1


def only_get_pets(event: dict[str, Any]) -> dict[str, Any]:
    """Allow one route in a simple response."""
    return {"isAuthorized": event["routeKey"] == "GET /pets"}


def test_a_cached_boolean_stands_for_every_route() -> None:
    """The trap that AWS documents: allowed on the first route, a token is allowed on those it was never asked about."""
    recorder = Recorder(only_get_pets)
    with client_of(http_gateway(protected(enableSimpleResponses=True), {"auth": recorder})) as client:
        assert statuses(client, [("GET", "/pets"), ("POST", "/pets"), ("GET", "/pets/7")]) == [200, 200, 200]
    assert len(recorder.events) == 1


@pytest.mark.parametrize("sources", [ROUTE_KEY, ROUTE_KEY.split(", ")], ids=["text", "list"])
def test_with_the_route_key_in_the_identity_a_boolean_stands_for_its_route(sources: str | list[str]) -> None:
    """$context.routeKey keeps an answer for its route: for each value of a path parameter, and no other route."""
    recorder = Recorder(only_get_pets)
    described = protected(enableSimpleResponses=True, identitySource=sources)
    with client_of(http_gateway(described, {"auth": recorder})) as client:
        requests = [("GET", "/pets"), ("POST", "/pets"), ("GET", "/pets/7"), ("GET", "/pets/8"), ("GET", "/pets")]
        assert statuses(client, requests) == [200, 403, 403, 403, 200]
    assert [event["routeKey"] for event in recorder.events] == ["GET /pets", "POST /pets", "GET /pets/{id}"]


@pytest.mark.parametrize(("answer", "status"), [(Exception("Unauthorized"), 401), (Exception("down"), 500), ({}, 500)])
def test_a_refusal_or_failure_is_not_cached(answer: Any, status: int) -> None:
    """After `Unauthorized`, an exception or a malformed result the authorizer is asked again."""
    recorder = Recorder(answer)
    with client_of(http_gateway(protected(), {"auth": recorder})) as client:
        assert statuses(client, [("GET", "/pets")] * 2) == [status] * 2
    assert len(recorder.events) == 2


@pytest.mark.parametrize(("settings", "ttl"), [({}, 300), ({"authorizerResultTtlInSeconds": 60}, 60)])
def test_a_cached_answer_expires(settings: dict[str, Any], ttl: int) -> None:
    """An answer lives for the TTL, 300 seconds unless the document says otherwise, a denying one too."""
    recorder, clock = Recorder(result(effect="Deny")), Clock()
    with client_of(http_gateway(protected(**settings), {"auth": recorder}, clock=clock)) as client:
        for seconds, calls in [(0, 1), (ttl - 1, 1), (ttl, 2)]:
            clock.now = 1_790_000_000.0 + seconds
            assert statuses(client, [("GET", "/pets")]) == [403]
            assert len(recorder.events) == calls, seconds


def test_without_identity_sources_and_cache_every_request_is_asked_about() -> None:
    """Then a request without any credentials reaches the authorizer too."""
    recorder = Recorder()
    described = protected(identitySource="", authorizerResultTtlInSeconds=0)
    with client_of(http_gateway(described, {"auth": recorder})) as client:
        assert [client.get("/pets").status_code for _ in range(2)] == [200, 200]
    assert [event["identitySource"] for event in recorder.events] == [[], []]


@pytest.mark.parametrize(
    "change",
    [
        {"authorizerResultTtlInSeconds": 3601},
        {"authorizerResultTtlInSeconds": -1},
        {"identitySource": ""},
        {"identitySource": "method.request.header.Authorization"},
        {"identitySource": "$request.body.token"},
        {"identitySource": "$context.nothing"},
        {"authorizerPayloadFormatVersion": None},
        {"authorizerPayloadFormatVersion": "3.0"},
        {"authorizerPayloadFormatVersion": "1.0", "enableSimpleResponses": True},
        {"authorizerUri": uri("nobody")},
        {"type": "token"},
        {"type": "jwt"},
    ],
)
def test_an_authorizer_that_cannot_work_is_refused(change: dict[str, Any]) -> None:
    """Settings that API Gateway refuses, or that are not interpreted here, are refused when the document is loaded."""
    with pytest.raises(DocumentError):
        http_gateway(protected(**change), {"auth": Recorder()})
