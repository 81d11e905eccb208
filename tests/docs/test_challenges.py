"""The HTTP exchanges of docs/challenges.md, replayed over HTTP against each kind of API that they are told of."""

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import pytest

from infra.cloudformation import Stack
from infra.local.lambda_runtime import load_function
from tests.conftest import AWS_ENVIRON
from tests.docs.test_exchanges import TOKEN, like, messages
from tests.local.variants import AUDIENCE, issuing, serving_variant

PAGE = "challenges.md"
# What a page tells by leaving it out.
TELLING = ("WWW-Authenticate", "x-amzn-Remapped-WWW-Authenticate", "Access-Control-Allow-Origin")
REST, HTTP = ("rest_token", "rest_request"), ("http_policy", "http_simple", "http_1_0")
READING = {"scope": "products:read"}
EXPIRED = {"iat": 1_000_000_000, "exp": 1_000_003_600}


@dataclass(frozen=True)
class Exchange:
    """The number of a request on the page, which its response follows; where it is sent, and with what token."""

    request: int
    variants: tuple[str, ...]
    claims: Mapping[str, Any] = field(default_factory=dict)
    mapped: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)


EXCHANGES = (
    Exchange(0, REST),
    Exchange(2, REST, READING, mapped=True),
    Exchange(4, REST, READING),
    Exchange(6, REST, EXPIRED, environ={"INVALID_TOKEN_RESULT": "deny"}),
    Exchange(8, HTTP),
    Exchange(10, HTTP, READING, mapped=True),
    Exchange(12, HTTP, READING),
    Exchange(14, ("http_jwt",)),
    Exchange(16, ("http_jwt",), {"aud": "https://elsewhere.example.com"}),
    Exchange(18, ("http_jwt",), READING),
)


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """Give the URL of an issuer."""
    with issuing() as url:
        yield url


@pytest.mark.parametrize(
    ("exchange", "variant"),
    [(exchange, name) for exchange in EXCHANGES for name in exchange.variants],
    ids=lambda value: value if isinstance(value, str) else str(value.request),
)
def test_an_exchange_is_as_the_page_shows_it(issuer: str, exchange: Exchange, variant: str) -> None:
    """Status line, headers and JSON are those of the page; a challenge or CORS that it does not show is absent."""
    denies = {"InvalidTokenResult": exchange.environ.get("INVALID_TOKEN_RESULT", "unauthorized")}
    pseudo = {"AWS::StackName": f"test-{uuid.uuid4()}"}
    stack = Stack(parameters={"ApiUrl": AUDIENCE, **denies}, pseudo_parameters=pseudo)
    # No exchange of the page gets as far as a table.
    own = {"PRODUCTS_TABLE": "products", "MESSAGES_TABLE": "messages", "RESOURCE": AUDIENCE, "ISSUER": issuer}
    resource = load_function("resource_server.handler", AWS_ENVIRON | own)
    served: dict[str, Any] = {"mapped": exchange.mapped, "environ": exchange.environ}
    asked, told = messages(PAGE)[exchange.request : exchange.request + 2]
    with serving_variant(variant, stack, issuer, resource, **served) as api:
        token = api.token(**exchange.claims)
        method, path, _ = asked.start.split(" ")
        headers = {name: TOKEN.sub(token, value.removesuffix("...")) for name, value in asked.headers.items()}
        sent = api.client.request(method, path, headers=headers)
    status = HTTPStatus(sent.status_code)
    assert f"HTTP/1.1 {status.value} {status.phrase}" == told.start
    assert like(dict(told.headers), {name: sent.headers.get(name) for name in told.headers}), sent.headers
    assert {name for name in TELLING if name in sent.headers} == told.headers.keys() & set(TELLING)
    assert sent.json() == json.loads(told.body or "null")


def test_no_message_is_left_out() -> None:
    """Every request of the page is sent, and every response belongs to one."""
    numbers = [number for exchange in EXCHANGES for number in (exchange.request, exchange.request + 1)]
    assert numbers == list(range(len(messages(PAGE))))
