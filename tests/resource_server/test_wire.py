"""Events to requests: both payload formats say the same thing, and neither can fail."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resource_server.wire import Request, Response, request_of, result_of
from tests.resource_server.events import BUILDERS, http_event, rest_event

TEXT = st.text(max_size=20)
PAIRS = st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=4)


@pytest.mark.parametrize("build", BUILDERS)
def test_both_formats_give_the_same_request(build: object) -> None:
    """Method, path, body, caller and request id are found in both formats."""
    assert callable(build)
    request = request_of(build("POST", "/products", body="{}"), "")
    assert (request.method, request.path, request.body, request.request_id) == ("POST", "/products", b"{}", "request-1")
    assert request.caller.client_id == "shop"
    assert request.caller.permissions == {"products:read", "products:write"}


def test_an_answer_is_compact_json() -> None:
    """No byte of a body is a space between its members."""
    assert result_of(Response(200, {"products": [1, 2], "next": None}))["body"] == '{"products":[1,2],"next":null}'


@pytest.mark.parametrize("build", BUILDERS)
def test_a_base64_body_is_decoded(build: object) -> None:
    """API Gateway sends binary media types as base64, and says so."""
    assert callable(build)
    event = build("POST", "/products", body=base64.b64encode(b"\xff{}").decode())
    event["isBase64Encoded"] = True
    assert request_of(event, "").body == b"\xff{}"


@pytest.mark.parametrize("body", ["!", "e30", "e30=\n", "\u00e9", "\ud800"])
def test_a_body_that_is_no_base64_is_no_body(body: str) -> None:
    """Base64 is read strictly."""
    event = rest_event("POST", "/products", body=body) | {"isBase64Encoded": True}
    assert request_of(event, "").body is None


def test_a_body_that_utf_8_cannot_write_is_no_body() -> None:
    """Half a surrogate pair is no text."""
    assert request_of(rest_event("POST", "/products", body="\ud800"), "").body is None


def test_the_query_keeps_repeated_names() -> None:
    """A parameter sent twice is seen twice, in both formats."""
    event = rest_event("GET", "/products", limit="1")
    event["multiValueQueryStringParameters"] = {"limit": ["1", "2"]}
    assert request_of(event, "").query == (("limit", "1"), ("limit", "2"))
    event = http_event("GET", "/products", raw_query="limit=1&limit=2")
    assert request_of(event, "").query == (("limit", "1"), ("limit", "2"))


def test_a_query_without_its_multi_valued_form_is_read() -> None:
    """The single-valued form of a REST event is enough."""
    event = rest_event("GET", "/products", limit="5")
    del event["multiValueQueryStringParameters"]
    assert request_of(event, "").query == (("limit", "5"),)


@pytest.mark.parametrize(
    ("stage", "path", "expected"),
    [
        ("$default", "/products", "/products"),
        ("prod", "/prod/products", "/products"),
        ("prod", "/products", "/products"),
        ("prod", "/production/products", "/production/products"),
        ("$default", "/$default/products", "/$default/products"),
        ("", "/products", "/products"),
        ("", "//products", "//products"),
    ],
)
def test_an_http_api_path_loses_its_stage(stage: str, path: str, expected: str) -> None:
    """A named stage begins the raw path of payload format 2.0."""
    event = http_event("GET", path)
    event["requestContext"]["stage"] = stage
    assert request_of(event, "").path == expected


@pytest.mark.parametrize(("path", "expected"), [("/shop/products", "/products"), ("/shopping", "/shopping")])
def test_a_path_loses_the_path_of_the_api_itself(path: str, expected: str) -> None:
    """A custom domain's mapping leaves its base path in a REST event."""
    assert request_of(rest_event("GET", path), "/shop").path == expected


def test_the_claims_of_a_jwt_authorizer_are_read() -> None:
    """Behind API Gateway's own JWT authorizer the scope permits; a claim of the name permissions does not."""
    event = http_event("GET", "/products", permissions=None)
    claims = {"client_id": "shop", "scope": "products:read", "permissions": "products:write", "exp": "4102444800"}
    event["requestContext"]["authorizer"] = {"jwt": {"claims": claims, "scopes": None}}
    caller = request_of(event, "").caller
    assert (caller.client_id, caller.permissions) == ("shop", frozenset({"products:read"}))
    assert not caller.has_expired(4_102_444_799)


def test_a_lambda_authorizers_context_is_the_only_one_read() -> None:
    """Where a Lambda authorizer has answered, claims beside its context count for nothing."""
    event = http_event("GET", "/products", permissions="products:read")
    event["requestContext"]["authorizer"]["jwt"] = {"claims": {"scope": "products:write"}}
    assert request_of(event, "").caller.permissions == {"products:read"}


def test_an_http_api_event_is_not_read_as_a_rest_event() -> None:
    """Payload format 2.0 has its context one level deeper; permissions beside it are not the authorizer's."""
    event = http_event("GET", "/products", permissions=None)
    event["requestContext"]["authorizer"] = {"permissions": "products:read"}
    assert request_of(event, "").caller.permissions == frozenset()


def test_a_request_does_not_show_its_body() -> None:
    """A request that ends up in a text says nothing about its body."""
    assert "Kettle" not in repr(request_of(rest_event("POST", "/products", body="Kettle"), ""))


@given(PAIRS)
def test_pairs_of_a_rest_query_come_through(pairs: list[tuple[str, str]]) -> None:
    """What API Gateway decoded is not decoded again."""
    event = rest_event("GET", "/products")
    event["multiValueQueryStringParameters"] = {name: [value] for name, value in dict(pairs).items()}
    assert request_of(event, "").query == tuple(dict(pairs).items())


@given(st.text(), st.text())
def test_any_raw_path_and_query_is_a_request(path: str, query: str) -> None:
    """No path and no query is too odd to be read."""
    assert isinstance(request_of(http_event("GET", path, raw_query=query), ""), Request)
