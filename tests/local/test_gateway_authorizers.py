"""TOKEN authorizers, and the cache of their results."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.gateway.authorizers import result_cache, token
from infra.local.gateway.errors import DocumentError
from tests.local.gateway_api import ARN, client_of, document, gateway, proxy, token_scheme

if TYPE_CHECKING:
    from collections.abc import Iterable

    import httpx

ALLOWED = {"Authorization": "Bearer good"}


def result(*resources: str, effect: str = "Allow", **extra: Any) -> dict[str, Any]:
    """Return an authorizer's result that allows these resources, or everything."""
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": list(resources) or ["*"]}
    return {"principalId": "me", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}} | extra


@dataclass
class Recorder:
    """An authorizer that answers each token as told, and everything else with `Unauthorized`."""

    answers: dict[str, Any] = field(default_factory=lambda: {"Bearer good": result()})
    events: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, event: Any, _context: Any) -> Any:
        """Answer one event."""
        self.events.append(event)
        answer = self.answers.get(event["authorizationToken"], Exception("Unauthorized"))
        if isinstance(answer, BaseException):
            raise answer
        return answer


@dataclass
class Clock:
    """A clock that moves when it is told."""

    now: float = 1_790_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def protected(*names: str, **settings: Any) -> dict[str, Any]:
    """Return a document with products behind an authorizer for each name, the first for all but /NAME."""
    names = names or ("auth",)
    guarded = proxy(security=[{names[0]: []}])
    paths = {
        "/products": {"get": guarded, "post": guarded},
        "/products/{id}": {"get": guarded},
        "/open": {"get": proxy()},
    } | {f"/{name}": {"get": proxy(security=[{name: []}])} for name in names}
    schemes = {name: token_scheme(name, **settings) for name in names}
    return document(paths, components={"securitySchemes": schemes})


def statuses(client: httpx.Client, requests: Iterable[tuple[str, str]], bearer: str = "Bearer good") -> list[int]:
    """Send requests with a token and return the status of each answer."""
    sent = (client.request(method, path, headers={"Authorization": bearer}) for method, path in requests)
    return [response.status_code for response in sent]


def test_the_event_is_exactly_type_method_arn_and_token() -> None:
    """A TOKEN authorizer gets three keys; the method ARN is that of the request, with its path as sent."""
    recorder = Recorder()
    with client_of(gateway(protected(authorizerResultTtlInSeconds=0), {"auth": recorder})) as client:
        statuses(client, [("GET", "/products"), ("POST", "/products/"), ("GET", "/products/a%2Fb?q=1")])
    assert recorder.events[0] == {
        "type": "TOKEN",
        "methodArn": f"{ARN}/GET/products",
        "authorizationToken": "Bearer good",
    }
    assert [event["methodArn"] for event in recorder.events[1:]] == [
        f"{ARN}/POST/products",
        f"{ARN}/GET/products/a%2Fb",
    ]


def test_the_root_has_an_empty_path_in_its_arn() -> None:
    """The ARN of a method of the root resource ends with a slash."""
    recorder = Recorder()
    described = protected() | {"paths": {"/": {"get": proxy(security=[{"auth": []}])}}}
    with client_of(gateway(described, {"auth": recorder})) as client:
        assert statuses(client, [("GET", "/")]) == [200]
    assert recorder.events[0]["methodArn"] == f"{ARN}/GET/"


def test_an_operation_without_security_needs_no_token() -> None:
    """Only an operation that names the authorizer is behind it."""
    recorder = Recorder()
    with client_of(gateway(protected(), {"auth": recorder})) as client:
        assert client.get("/open").status_code == 200
    assert recorder.events == []


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": ""}, {"Authorization": "Basic eDp5"}, {"X-Token": "Bearer good"}]
)
def test_a_missing_or_mismatching_identity_is_401_without_a_call(headers: dict[str, str]) -> None:
    """No token, an empty one, or one that the validation expression does not match: 401, and no call."""
    recorder = Recorder()
    with client_of(gateway(protected(identityValidationExpression="^Bearer .+$"), {"auth": recorder})) as client:
        response = client.get("/products", headers=headers)
    assert (response.status_code, response.json()) == (401, {"message": "Unauthorized"})
    assert recorder.events == []


def test_the_identity_source_names_the_header() -> None:
    """identitySource, where it is given, says which header holds the token."""
    recorder = Recorder()
    described = protected(identitySource="method.request.header.X-Token")
    with client_of(gateway(described, {"auth": recorder})) as client:
        assert client.get("/products", headers={"X-Token": "Bearer good"}).status_code == 200
        assert client.get("/products", headers=ALLOWED).status_code == 401


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (Exception("Unauthorized"), 401, "Unauthorized"),
        (ValueError("Unauthorized"), 401, "Unauthorized"),
        (Exception("unauthorized"), 500, None),
        (Exception("Unauthorized."), 500, None),
        (KeyError("Unauthorized"), 500, None),
        (SystemExit(1), 500, None),
        (result(effect="Deny"), 403, "User is not authorized to access this resource with an explicit deny"),
        (result(f"{ARN}/POST/*"), 403, "User is not authorized to access this resource"),
        (None, 500, None),
        ("Allow", 500, None),
        ([], 500, None),
        ({}, 500, None),
        ({"principalId": "me"}, 500, None),
        (result(principalId=""), 500, None),
        (result(principalId=None), 500, None),
        (result(principalId=7), 500, None),
        (result(policyDocument={"Version": "2012-10-17"}), 500, None),
        (result(effect="Maybe"), 500, None),
        (result(context={"scopes": ["a"]}), 500, None),
        (result(context={"claims": {}}), 500, None),
        (result(context={"nothing": None}), 500, None),
        (result(context="text"), 500, None),
        (result(context=""), 500, None),
        (result(context=[]), 500, None),
        (result(context={"large": "x" * 8192}), 500, None),
        (result(context={"not json": {1, 2}}), 500, None),
        (result(context={"not a number": float("nan")}), 500, None),
    ],
)
def test_each_result_has_its_answer(answer: Any, status: int, message: str | None) -> None:
    """`Unauthorized` raised is 401, a denying policy 403, every other exception and malformed result 500."""
    with client_of(gateway(protected(), {"auth": Recorder({"Bearer good": answer})})) as client:
        response = client.get("/products", headers=ALLOWED)
    assert (response.status_code, response.json()) == (status, {"message": message})


def test_a_result_of_exactly_8_kb_passes() -> None:
    """The limit on an authorizer's result is 8,192 bytes, itself allowed."""
    answer = result(context={"fill": ""})
    answer["context"]["fill"] = "x" * (8192 - len(json.dumps(answer)))
    with client_of(gateway(protected(), {"auth": Recorder({"Bearer good": answer})})) as client:
        assert statuses(client, [("GET", "/products")]) == [200]


def test_an_authorizer_that_takes_too_long_is_500(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time-out of the authorizer is a failure of it, not of the caller."""
    monkeypatch.setattr(token, "TIMEOUT_SECONDS", 0.05)
    with client_of(gateway(protected(), {"auth": lambda _event, _context: time.sleep(0.3)})) as client:
        response = client.get("/products", headers=ALLOWED)
    assert (response.status_code, response.json()) == (500, {"message": None})


def test_a_method_arn_over_1600_bytes_is_414() -> None:
    """A path that makes the method's ARN too long is 414, where there is an authorizer."""
    with client_of(gateway(protected(), {"auth": Recorder()})) as client:
        response = client.get(f"/products/{'a' * 1600}", headers=ALLOWED)
    assert (response.status_code, response.json()) == (414, {"message": "Request URI too long"})


def test_a_result_is_cached_for_its_token() -> None:
    """A second request with the same token does not call the authorizer, one with another token does."""
    recorder = Recorder({"Bearer good": result(), "Bearer other": result()})
    with client_of(gateway(protected(), {"auth": recorder})) as client:
        assert statuses(client, [("GET", "/products"), ("POST", "/products"), ("GET", "/products/7")]) == [200] * 3
        assert len(recorder.events) == 1
        assert statuses(client, [("GET", "/products")], "Bearer other") == [200]
    assert [event["authorizationToken"] for event in recorder.events] == ["Bearer good", "Bearer other"]


def test_a_cached_policy_is_evaluated_for_each_route() -> None:
    """The cache holds the policy and not its decision: one token is let in here and kept out there, by one call."""
    recorder = Recorder({"Bearer good": result(f"{ARN}/GET/products")})
    with client_of(gateway(protected(), {"auth": recorder})) as client:
        requests = [("GET", "/products"), ("POST", "/products"), ("GET", "/products/7"), ("GET", "/products")]
        assert statuses(client, requests) == [200, 403, 403, 200]
    assert len(recorder.events) == 1


def test_a_denying_policy_is_cached() -> None:
    """A Deny result is as good as any: the authorizer is not asked again."""
    recorder = Recorder({"Bearer good": result(effect="Deny")})
    with client_of(gateway(protected(), {"auth": recorder})) as client:
        assert statuses(client, [("GET", "/products")] * 3) == [403] * 3
    assert len(recorder.events) == 1


@pytest.mark.parametrize(("failure", "status"), [(Exception("Unauthorized"), 401), (Exception("down"), 500), ({}, 500)])
def test_a_refusal_or_failure_is_not_cached(failure: Any, status: int) -> None:
    """After `Unauthorized`, an exception or a malformed result the authorizer is asked again."""
    recorder = Recorder({"Bearer good": failure})
    with client_of(gateway(protected(), {"auth": recorder})) as client:
        assert statuses(client, [("GET", "/products")] * 2) == [status] * 2
        recorder.answers["Bearer good"] = result()
        assert statuses(client, [("GET", "/products")]) == [200]
    assert len(recorder.events) == 3


def test_a_ttl_of_0_caches_nothing() -> None:
    """With a TTL of 0 every request calls the authorizer."""
    recorder = Recorder()
    with client_of(gateway(protected(authorizerResultTtlInSeconds=0), {"auth": recorder})) as client:
        assert statuses(client, [("GET", "/products")] * 3) == [200] * 3
    assert len(recorder.events) == 3


@pytest.mark.parametrize(("settings", "ttl"), [({}, 300), ({"authorizerResultTtlInSeconds": "60"}, 60)])
def test_a_cached_result_expires(settings: dict[str, Any], ttl: int) -> None:
    """A result lives for the TTL, 300 seconds unless the document says otherwise, from when it was made."""
    recorder, clock = Recorder(), Clock()
    with client_of(gateway(protected(**settings), {"auth": recorder}, clock=clock)) as client:
        for seconds, calls in [(0, 1), (ttl - 1, 1), (ttl, 2), (2 * ttl - 1, 2), (2 * ttl, 3)]:
            clock.now = 1_790_000_000.0 + seconds
            assert statuses(client, [("GET", "/products")]) == [200]
            assert len(recorder.events) == calls, seconds


def test_each_authorizer_has_a_cache_of_its_own() -> None:
    """A token that one authorizer has let in is still asked of another."""
    first, second = Recorder(), Recorder({"Bearer good": result(effect="Deny")})
    with client_of(gateway(protected("auth", "other"), {"auth": first, "other": second})) as client:
        assert statuses(client, [("GET", "/products"), ("GET", "/other"), ("GET", "/auth")]) == [200, 403, 200]
    assert (len(first.events), len(second.events)) == (1, 1)


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the cache is full, the oldest result makes room."""
    monkeypatch.setattr(result_cache, "CACHED_RESULTS", 2)
    recorder = Recorder({f"Bearer {n}": result() for n in range(3)})
    with client_of(gateway(protected(), {"auth": recorder})) as client:
        for each, calls in [("0", 1), ("1", 2), ("2", 3), ("1", 3), ("2", 3), ("0", 4)]:
            statuses(client, [("GET", "/products")], f"Bearer {each}")
            assert len(recorder.events) == calls


def test_a_function_cannot_change_what_is_cached() -> None:
    """Each event has a context of its own, which a handler may write to without anyone else seeing it."""

    def spoil(event: Any, _context: Any) -> dict[str, Any]:
        seen = event["requestContext"]["authorizer"].pop("scope", "gone")
        return {"body": seen}

    recorder = Recorder({"Bearer good": result(context={"scope": "a"})})
    with client_of(gateway(protected(), {"auth": recorder, "echo": spoil})) as client:
        assert [client.get("/products", headers=ALLOWED).text for _ in range(2)] == ["a", "a"]


@pytest.mark.parametrize(
    "change",
    [
        {"authorizerResultTtlInSeconds": 3601},
        {"authorizerResultTtlInSeconds": -1},
        {"authorizerResultTtlInSeconds": "soon"},
        {"identityValidationExpression": "("},
        {"identitySource": "method.request.querystring.token"},
        {"authorizerUri": "arn:aws:lambda:us-east-1:123456789012:function:auth"},
        {"type": "request"},
        {"type": "cognito_user_pools"},
    ],
)
def test_an_authorizer_that_cannot_work_is_refused(change: dict[str, Any]) -> None:
    """Settings that API Gateway refuses, or that are not interpreted here, are refused when the document is loaded."""
    with pytest.raises(DocumentError):
        gateway(protected(**change), {"auth": Recorder()})


@dataclass
class Gate:
    """A REQUEST authorizer that lets everybody in."""

    events: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, event: Any, _context: Any) -> Any:
        """Let one request in."""
        self.events.append(event)
        return result()


def test_a_request_authorizer_gets_the_request_without_its_body() -> None:
    """The event of a REQUEST authorizer is that of an integration without body, and with empty objects for nulls."""
    gate = Gate()
    described = protected(type="request", authorizerResultTtlInSeconds=0)
    with client_of(gateway(described, {"auth": gate})) as client:
        integration = client.post("/products?a=1&a=2", content=b"secret", headers={"X-Tenant": "t"}).json()
    event = gate.events[0]
    assert (event.pop("type"), event.pop("methodArn")) == ("REQUEST", f"{ARN}/POST/products")
    assert (event["pathParameters"], event["stageVariables"]) == ({}, {})
    assert set(event) == set(integration) - {"body", "isBase64Encoded"}
    same = (
        "headers",
        "multiValueHeaders",
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "path",
        "resource",
    )
    assert {name: event[name] for name in same} == {name: integration[name] for name in same}
    assert "authorizer" not in event["requestContext"]


def test_a_request_authorizer_without_identity_sources_is_always_called() -> None:
    """Without a cache and sources, a request without any credentials reaches the authorizer too, each time."""
    gate = Gate()
    described = protected(type="request", authorizerResultTtlInSeconds=0)
    with client_of(gateway(described, {"auth": gate})) as client:
        assert [client.get("/products").status_code for _ in range(2)] == [200, 200]
    assert len(gate.events) == 2


SOURCES = "method.request.header.X-Tenant, method.request.querystring.key,context.stage , stageVariables.site"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/products?key=1", {"x-tenant": "a"}, 200),
        ("/products", {"x-tenant": "a"}, 401),
        ("/products?key=", {"x-tenant": "a"}, 401),
        ("/products?key=1", {}, 401),
        ("/products?key=1", {"x-tenant": ""}, 401),
    ],
)
def test_every_identity_source_must_be_there(path: str, headers: dict[str, str], status: int) -> None:
    """An identity source that is missing or empty is 401, and the authorizer is not called."""
    gate = Gate()
    described = protected(type="request", identitySource=SOURCES)
    with client_of(gateway(described, {"auth": gate}, stage_variables={"site": "eu"})) as client:
        assert client.get(path, headers=headers).status_code == status
    assert len(gate.events) == (status == 200)


def test_a_request_authorizer_is_cached_by_all_its_sources() -> None:
    """Only a request with the same value of every identity source gets the cached result."""
    gate = Gate()
    described = protected(type="request", identitySource="method.request.header.A,method.request.header.B")
    with client_of(gateway(described, {"auth": gate})) as client:
        for values, calls in [(("x", "y"), 1), (("x", "y"), 1), (("xy", ""), 1), (("y", "x"), 2), (("x,", "y"), 3)]:
            client.get("/products", headers=dict(zip("AB", values, strict=True)))
            assert len(gate.events) == calls, values
