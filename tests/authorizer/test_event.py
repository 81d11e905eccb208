"""The events of every kind of authorizer."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authorizer import event
from authorizer.errors import EventError
from authorizer.event import CONNECT, Kind, MethodArn, Route
from tests.authorizer.authorizer_events import event_of, recorded, with_certificate
from tests.authorizer.issuer import METHOD_ARN

_NOT_AN_EVENT = st.none() | st.text() | st.integers() | st.lists(st.text())
_REQUESTS = [Kind.REST_REQUEST, Kind.HTTP_1, Kind.HTTP_2, Kind.WEBSOCKET]
_WITH_ROUTES = _REQUESTS[:3]
_PRODUCT = Route("GET", "/products/{id}")


def test_a_token_event_is_read_once() -> None:
    """The header's value is passed on unread, the ARN is taken apart, and nothing else is known."""
    request = event.parse({"type": "TOKEN", "authorizationToken": "Bearer x", "methodArn": METHOD_ARN})
    assert (request.kind, request.authorization) == (Kind.REST_TOKEN, "Bearer x")
    assert (request.method_arn.api, request.method_arn.stage) == ("abcdef1234", "prod")
    assert (request.method_arn.method, request.method_arn.path) == ("GET", "/products")
    assert (request.route, request.path, request.proofs, request.certificate) == (None, None, (), None)


def test_an_absent_token_is_not_a_malformed_event() -> None:
    """An event without `authorizationToken` is for the decision, which answers 401."""
    assert event.parse({"type": "TOKEN", "methodArn": METHOD_ARN}).authorization is None


@pytest.mark.parametrize(
    ("kind", "api", "stage", "route", "path"),
    [
        (Kind.REST_REQUEST, "f6g7h8i9j0", "prod", _PRODUCT, "/prod/products/kettle"),
        (Kind.HTTP_1, "k1l2m3n4o5", "$default", _PRODUCT, "/products/kettle"),
        (Kind.HTTP_2, "k1l2m3n4o5", "$default", _PRODUCT, "/products/kettle"),
        (Kind.WEBSOCKET, "p1q2r3s4t5", "prod", None, None),
    ],
)
def test_a_request_event_is_read_once(kind: Kind, api: str, stage: str, route: Route | None, path: str | None) -> None:
    """The header, the ARN, the route that was found, and the path that a client's URL has."""
    request = event.parse(event_of(kind, "Bearer x"))
    assert (request.kind, request.authorization) == (kind, "Bearer x")
    assert (request.method_arn.api, request.method_arn.stage) == (api, stage)
    assert (request.route, request.path) == (route, path)


def test_the_path_of_payload_1_is_the_one_that_has_the_api_mapping() -> None:
    """The member that AWS names for it ("Create AWS Lambda proxy integrations for HTTP APIs in API Gateway")."""
    assert event.parse(recorded(Kind.HTTP_1) | {"path": "/shop/products/kettle"}).path == "/shop/products/kettle"


def test_the_connect_route_has_no_path() -> None:
    """A WebSocket API's ARN ends in $connect."""
    arn = event.parse(recorded(Kind.WEBSOCKET)).method_arn
    assert (arn.method, arn.path) == (CONNECT, "")
    assert arn.call_resource == "arn:aws:execute-api:us-east-1:123456789012:p1q2r3s4t5/prod/$connect"


@pytest.mark.parametrize("kind", _REQUESTS)
def test_the_name_of_a_header_has_no_case(kind: Kind) -> None:
    """A client may write it as it likes (RFC 9110 5.1)."""
    sent = event_of(kind, None, {"aUTHORIZATION": "Bearer x"})
    assert event.parse(sent).authorization == "Bearer x"
    assert event.parse(event_of(kind, None)).authorization is None


@pytest.mark.parametrize("kind", [Kind.REST_REQUEST, Kind.HTTP_1, Kind.WEBSOCKET])
def test_of_two_headers_none_counts(kind: Kind) -> None:
    """Two values, or two spellings: which of them the gateway kept its answer by is not guessed."""
    sent = event_of(kind, "Bearer x")
    twice = sent | {"multiValueHeaders": {"Authorization": ["Bearer x", "Bearer y"]}}
    spelt = sent | {"multiValueHeaders": {"Authorization": ["Bearer x"], "authorization": ["Bearer y"]}}
    for several in (twice, spelt):
        assert event.parse(several).authorization == ("Bearer x", "Bearer y")


@pytest.mark.parametrize("kind", _WITH_ROUTES)
def test_a_proof_and_a_certificate_are_found(kind: Kind) -> None:
    """The DPoP header, and what mutual TLS has verified."""
    sent = with_certificate(kind, event_of(kind, "DPoP x", {"DPoP": "a.b.c"}), "PEM")
    request = event.parse(sent)
    assert (request.proofs, request.certificate) == (("a.b.c",), "PEM")


@pytest.mark.parametrize(
    ("key", "route"),
    [
        ("GET /products/{id}", _PRODUCT),
        ("ANY /{proxy+}", Route("ANY", "/{proxy+}")),
        ("$default", Route("", "$default")),
        ("GET", None),
        ("get /products", None),
        ("GET  /products", None),
        ("GET products", None),
        (None, None),
        (7, None),
    ],
)
def test_the_route_key_of_an_http_api(key: object, route: Route | None) -> None:
    """Method and template, or $default; anything else is no route, which permits nothing."""
    assert event.parse(recorded(Kind.HTTP_2) | {"routeKey": key}).route == route


@pytest.mark.parametrize("kind", [Kind.REST_REQUEST, Kind.HTTP_1])
@pytest.mark.parametrize("half", ["resource", "httpMethod"])
@pytest.mark.parametrize("value", [None, 7, ["GET"]])
def test_half_a_route_is_none(kind: Kind, half: str, value: object) -> None:
    """A route is a method and a template, both texts."""
    assert event.parse(recorded(kind) | {half: value}).route is None


def test_the_identity_sources_of_payload_2() -> None:
    """What the gateway keeps the answer by, as far as it is text."""
    sent = recorded(Kind.HTTP_2) | {"identitySource": ["Bearer x", None, 7, "GET /products"]}
    assert event.parse(sent).identity_sources == frozenset({"Bearer x", "GET /products"})
    assert event.parse(recorded(Kind.HTTP_2) | {"identitySource": None}).identity_sources == frozenset()
    assert event.parse(recorded(Kind.REST_REQUEST)).identity_sources is None


@pytest.mark.parametrize(
    ("arn", "resource"),
    [
        (METHOD_ARN, "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/*"),
        (
            "arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:abcdef1234/prod/POST/products/a/b",
            "arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:abcdef1234/prod/*",
        ),
        (
            "arn:aws-cn:execute-api:cn-north-1:123456789012:abcdef1234/v1_2-x/DELETE/",
            "arn:aws-cn:execute-api:cn-north-1:123456789012:abcdef1234/v1_2-x/*",
        ),
        (
            "arn:aws:execute-api:eu-central-1:123456789012:abcdef1234/test-invoke-stage/GET",
            "arn:aws:execute-api:eu-central-1:123456789012:abcdef1234/test-invoke-stage/*",
        ),
        (
            "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/$default/GET/products",
            "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/$default/*",
        ),
        (
            "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/$connect",
            "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/*",
        ),
        (
            "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/GET/a/../*/:x?\n/b",
            "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/*",
        ),
    ],
)
def test_the_resource_is_the_stage_in_its_own_partition(arn: str, resource: str) -> None:
    """Partition, Region, account, API and stage stay; whatever the path is does not widen the resource."""
    assert MethodArn.parse(arn).stage_resource == resource


@pytest.mark.parametrize(
    "arn",
    [
        None,
        7,
        "",
        "*",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/*/GET/products",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/pro?/GET/products",
        "arn:aws:execute-api:us-east-1:123456789012:*/prod/GET/products",
        "arn:aws:execute-api:us-east-1:*:abcdef1234/prod/GET/products",
        "arn:aws:execute-api:*:123456789012:abcdef1234/prod/GET/products",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/*/products",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234//GET/products",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/GETx",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/GET\n",
        "arn:aws:execute-api:us-east-1:123456789012:/prod/GET/products",
        "arn:aws:execute-api:us-east-1:12345:abcdef1234/prod/GET/products",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod\n/GET/products",
        "arn:aws:s3:us-east-1:123456789012:abcdef1234/prod/GET/products",
        "arn:*:execute-api:us-east-1:123456789012:abcdef1234/prod/GET/products",
        "arn:azure:execute-api:us-east-1:123456789012:abcdef1234/prod/GET/products",
        " " + METHOD_ARN,
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/$other/GET/products",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/$default/",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/$connect/x",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/$disconnect",
        "arn:aws:execute-api:us-east-1:123456789012:" + "a" * 65 + "/prod/GET/products",
    ],
)
def test_a_malformed_arn_is_an_error(arn: object) -> None:
    """A missing part, a wildcard, another service or partition: no policy can be made of it."""
    with pytest.raises(EventError):
        event.parse({"type": "TOKEN", "authorizationToken": "Bearer x", "methodArn": arn})


@given(st.text(max_size=80) | st.builds("arn:aws:execute-api:{}".format, st.text(max_size=60)))
def test_no_arn_becomes_a_resource_with_a_second_wildcard(arn: str) -> None:
    """Whatever the ARN is, it is refused or becomes a resource of six parts with one `*`, at its end."""
    try:
        resource = MethodArn.parse(arn).stage_resource
    except EventError:
        return
    assert resource.startswith("arn:aws")
    assert (resource.count("*"), resource[-2:], resource.count(":")) == (1, "/*", 5)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "token"},
        {"type": ""},
        {"type": None},
        {"version": "3.0"},
        {"version": 2.0},
        {"version": ["2.0"]},
        {"version": "2.0", "methodArn": METHOD_ARN},
        {"methodArn": METHOD_ARN.replace("GET/products", "$connect"), "version": "1.0"},
        {"methodArn": METHOD_ARN.replace("GET/products", "$connect"), "type": "TOKEN"},
    ],
    ids=str,
)
def test_an_event_of_another_kind_is_an_error(changes: dict[str, Any]) -> None:
    """Another type or version, an ARN in another place, a $connect where there can be none."""
    good = recorded(Kind.REST_REQUEST)
    assert event.parse(good)
    with pytest.raises(EventError):
        event.parse(good | changes)


@given(_NOT_AN_EVENT | st.dictionaries(st.text(), _NOT_AN_EVENT))
def test_anything_else_is_an_error_of_ours(value: object) -> None:
    """Whatever the event is, what is raised is an `EventError`."""
    with pytest.raises(EventError):
        event.parse(value)


@given(
    st.sampled_from(_REQUESTS),
    st.dictionaries(
        st.sampled_from(
            [
                "headers",
                "multiValueHeaders",
                "requestContext",
                "routeKey",
                "resource",
                "httpMethod",
                "path",
                "rawPath",
                "queryStringParameters",
                "cookies",
                "identitySource",
                "version",
                "type",
                "methodArn",
                "routeArn",
            ]
        ),
        st.recursive(
            _NOT_AN_EVENT | st.booleans() | st.floats(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("authorization"), inner),
        ),
    ),
)
def test_no_member_breaks_the_reading(kind: Kind, changes: dict[str, Any]) -> None:
    """Members of whatever type are read, or refused with an `EventError`."""
    try:
        event.parse(recorded(kind) | changes)
    except EventError:
        return
