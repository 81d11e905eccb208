"""Request validation: required parameters, and bodies against their models."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.gateway.errors import DocumentError, GatewayError
from infra.local.gateway.request import Stage, begin, parse_request
from infra.local.gateway.validation import compile_validator
from tests.local.gateway_api import client_of, document, gateway, proxy, token_scheme

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

VALIDATORS = {
    "all": {"validateRequestBody": True, "validateRequestParameters": True},
    "body": {"validateRequestBody": True, "validateRequestParameters": False},
    "parameters": {"validateRequestBody": False, "validateRequestParameters": True},
}
PRODUCT = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "price": {"type": "number", "minimum": 0, "maximum": 500},
        "kind": {"enum": ["cat", "dog"]},
        "tags": {"type": "array", "maxItems": 1, "items": {"$ref": "#/components/schemas/Tag"}},
    },
}
PARAMETERS = [
    {"name": "X-Tenant", "in": "header", "required": True, "schema": {"type": "string"}},
    {"$ref": "#/components/parameters/Query"},
    {"name": "optional", "in": "query"},
]
BODY = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Product"}}}}


def validated(name: str, **operation: Any) -> dict[str, Any]:
    """Return an operation with a validator."""
    return proxy(**{"x-amazon-apigateway-request-validator": name, "requestBody": BODY} | operation)


DOCUMENT = document(
    {
        "/all": {"parameters": PARAMETERS[:1], "post": validated("all", parameters=PARAMETERS[1:])},
        "/body": {"post": validated("body", parameters=PARAMETERS)},
        "/parameters": {"post": validated("parameters", parameters=PARAMETERS)},
        "/none": {"post": proxy(requestBody=BODY, parameters=PARAMETERS)},
        "/guarded": {"post": validated("body", security=[{"auth": []}])},
        "/default": {
            "post": validated(
                "body", requestBody={"content": {"$default": {"schema": {"type": "array"}}, "text/x": {}}}
            )
        },
    },
    components={
        "schemas": {"Product": PRODUCT, "Tag": {"type": "string"}},
        "parameters": {"Query": {"name": "q", "in": "query", "required": True}},
        "securitySchemes": {"auth": token_scheme()},
    },
    **{"x-amazon-apigateway-request-validators": VALIDATORS},
)
GOOD = {"name": "Marco", "price": 260, "kind": "dog"}
HEADERS = {"x-tenant": "a", "content-type": "application/json"}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """Yield a client of an API with validators."""
    with client_of(gateway(DOCUMENT, {"authorizer": lambda _event, _context: None})) as client:
        yield client


def test_a_good_request_passes(client: httpx.Client) -> None:
    """A request with its required parameters and a fitting body reaches the function."""
    assert client.post("/all?q=1", json=GOOD, headers=HEADERS).status_code == 200


@pytest.mark.parametrize(
    ("path", "headers", "missing"),
    [
        ("/all", {"X-Tenant": "a"}, "q"),
        ("/all?q=", {"X-Tenant": "a"}, "q"),
        ("/all?Q=1", {"X-Tenant": "a"}, "q"),
        ("/all?q=1", {}, "X-Tenant"),
        ("/all?q=1", {"X-Tenant": ""}, "X-Tenant"),
        ("/all", {}, "X-Tenant, q"),
        ("/parameters", {"X-Tenant": "a"}, "q"),
    ],
)
def test_a_missing_or_blank_parameter_is_400(
    client: httpx.Client, path: str, headers: dict[str, str], missing: str
) -> None:
    """A required parameter that is absent or blank is 400, with its name."""
    response = client.post(path, json=GOOD, headers=headers)
    message = f"Missing required request parameters: [{missing}]"
    assert (response.status_code, response.json()) == (400, {"message": message})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"text",
        b"{",
        b"\xff",
        b'{"name": ""}',
        b'{"name": 7}',
        b'{"name": "a", "price": 501}',
        b'{"name": "a", "price": NaN}',
        b'{"name": "a", "price": Infinity}',
        b'{"name": "a", "kind": "bird"}',
        b'{"name": "a", "tags": [7]}',
        b'{"name": "a", "price": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
    ],
)
def test_a_body_that_does_not_fit_its_model_is_400(client: httpx.Client, content: bytes) -> None:
    """A body that is not JSON or not what the model describes is 400; a missing one counts as an empty object."""
    response = client.post("/body", content=content, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()) == (400, {"message": "Invalid request body"})


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 400),
        ("APPLICATION/JSON; charset=utf-8", 400),
        (None, 400),
        ("text/plain", 200),
        ("application/x-www-form-urlencoded", 200),
    ],
)
def test_only_a_declared_content_type_is_validated(client: httpx.Client, content_type: str | None, status: int) -> None:
    """A body of a content type without a model passes; no Content-Type counts as application/json."""
    headers = {"Content-Type": content_type} if content_type else {}
    assert client.post("/body", content=b"bad", headers=headers).status_code == status


def test_a_default_model_is_for_all_content_types(client: httpx.Client) -> None:
    """`$default` validates a body of any content type."""
    assert client.post("/default", content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 400
    assert client.post("/default", content=b"[]", headers={"Content-Type": "text/plain"}).status_code == 200


def test_the_number_of_items_is_not_validated(client: httpx.Client) -> None:
    """API Gateway leaves minItems and maxItems out of its validation: the function must check them."""
    assert client.post("/body", json=GOOD | {"tags": ["a", "b"]}).status_code == 200


@pytest.mark.parametrize("path", ["/none", "/parameters?q=1"])
def test_what_no_validator_asks_for_passes(client: httpx.Client, path: str) -> None:
    """Without a validator, or with one that leaves bodies alone, any body passes."""
    assert client.post(path, content=b"bad", headers=HEADERS).status_code == 200


def test_the_authorizer_comes_before_the_validator(client: httpx.Client) -> None:
    """Who is not let in does not learn what is wrong with the body."""
    assert client.post("/guarded", content=b"bad").status_code == 401


def test_a_validator_of_the_document_is_for_every_operation() -> None:
    """The validator at the root holds for operations that name none."""
    described = DOCUMENT | {"x-amazon-apigateway-request-validator": "body"}
    with client_of(gateway(described, {"authorizer": lambda _event, _context: None})) as client:
        assert client.post("/none", content=b"bad").status_code == 400


@pytest.mark.parametrize(
    "operation",
    [
        validated("some"),
        validated("all", parameters=[{"$ref": "#/components/parameters/None"}]),
        validated("all", requestBody={"$ref": "#/components/requestBodies/None"}),
        validated("all", requestBody={"content": {"application/json": {"schema": {"type": "thing"}}}}),
    ],
)
def test_a_validator_that_cannot_work_is_refused(operation: dict[str, Any]) -> None:
    """An unknown validator, a dangling reference and a schema that is none are refused when the document is loaded."""
    with pytest.raises(DocumentError):
        gateway(DOCUMENT | {"paths": {"/": {"post": operation}}}, {"authorizer": lambda _event, _context: None})


@given(st.binary(max_size=200) | st.text(alphabet='{}[]":,0123456789.eE+-truefalsn ', max_size=60).map(str.encode))
def test_no_body_breaks_the_validator(body: bytes) -> None:
    """Any bytes are a fitting body or an invalid one."""
    validator = compile_validator(DOCUMENT, validated("body"), [])
    assert validator is not None
    scope = {"method": "POST", "path": "/", "http_version": "1.1", "headers": [], "query_string": b""}
    exchange = begin(Stage("prod", "us-east-1", "1", "a", {}), parse_request(scope, body), 0.0)
    with contextlib.suppress(GatewayError):
        validator.check(exchange)
