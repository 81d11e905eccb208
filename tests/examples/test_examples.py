"""The examples of docs/resource-lambda.md: the same answers from each framework, with events that API Gateway sends."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from infra.local.lambda_runtime import LambdaContext
from tests.authorizer.cold_start import ENVIRON, cold_start
from tests.authorizer.issuer import claims, header, sign
from tests.local.gateway_api import client_of, document, gateway, proxy, token_scheme

ROOT = Path(__file__).parents[2]
EXAMPLES, EVENTS = ROOT / "examples", ROOT / "tests" / "events"
CONTEXT = LambdaContext("request-1", "arn:aws:lambda:us-east-1:123456789012:function:products", time.monotonic() + 60)

Handler = Callable[[Any, Any], Any]
Event = dict[str, Any]


@dataclass(frozen=True)
class Way:
    """An example, the name of its handler in it, the kind of API, and the words that its comment tells to change."""

    example: str
    kind: str = "rest"
    entry: str = "lambda_handler"
    changed: tuple[str, str] = ("", "")

    def handler(self) -> Handler:
        """Import the example anew, and return its handler."""
        source = (EXAMPLES / f"{self.example}.py").read_text(encoding="utf-8")
        assert self.changed[0] in source
        module = ModuleType(f"{self.example}_on_{self.kind}")
        exec(compile(source.replace(*self.changed), module.__name__, "exec"), module.__dict__)  # noqa: S102 - our own
        entry: Handler = getattr(module, self.entry)
        return entry


WAYS = (
    Way("plain_api"),
    Way("powertools_api"),
    Way("fastapi_api"),
    Way("chalice_api", entry="app"),
    Way("plain_api", kind="http_api"),
    Way("powertools_api", kind="http_api", changed=("APIGatewayRestResolver", "APIGatewayHttpResolver")),
    Way("fastapi_api", kind="http_api"),
)
REST_WAYS = tuple(way for way in WAYS if way.kind == "rest")
each_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.example}-{way.kind}")


@contextmanager
def event_loop() -> Iterator[None]:
    """Give this thread an event loop. Mangum runs the one that it finds, and Lambda has a single thread."""
    with asyncio.Runner() as runner:
        asyncio.set_event_loop(runner.get_loop())
        try:
            yield
        finally:
            asyncio.set_event_loop(None)


@pytest.fixture
def handler(way: Way) -> Handler:
    """Return the handler of an example, which may be called in any thread."""
    with event_loop():
        handler = way.handler()

    def call(event: Any, context: Any) -> Any:
        with event_loop():
            return handler(event, context)

    return call


def recorded(kind: str, method: str) -> Event:
    """Give the event of a GET or POST of /products, as API Gateway sends it."""
    name = "rest_create_product" if (kind, method) == ("rest", "POST") else f"{kind}_list_products"
    event: Event = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    if (kind, method) == ("http_api", "POST"):
        event |= {"routeKey": "POST /products", "body": json.dumps({"name": "Kettle"})}
        event["headers"]["content-type"] = "application/json"
        event["requestContext"]["http"]["method"] = "POST"
    return event


def authorizer_of(event: Event) -> dict[str, Any]:
    """Give the authorizer's context in an event."""
    authorizer: dict[str, Any] = event["requestContext"]["authorizer"]
    context: dict[str, Any] = authorizer.get("lambda", authorizer)
    return context


def answer(handler: Handler, event: Event) -> tuple[int, dict[str, str], Any]:
    """Give status, headers by their names in small letters, and JSON of an answer."""
    result = handler(event, CONTEXT)
    several = {name: values[0] for name, values in result.get("multiValueHeaders", {}).items()}
    headers = {name.lower(): value for name, value in {**result.get("headers", {}), **several}.items()}
    assert headers.get("content-type", "application/json") == "application/json"  # without one, REST APIs say this
    return result["statusCode"], headers, json.loads(result["body"])


@each_way
def test_a_token_with_the_scope_is_served(handler: Handler, way: Way) -> None:
    """Reading says what the caller may do besides, and writing who did."""
    status, _, body = answer(handler, recorded(way.kind, "GET"))
    assert (status, body) == (200, {"products": [], "may_write": True})
    status, _, body = answer(handler, recorded(way.kind, "POST"))
    assert (status, body["created_by"]) == (201, "demo")


@pytest.mark.spec("RFC 6750", "3.1")
@each_way
def test_a_token_without_the_scope_is_answered_with_a_challenge(handler: Handler, way: Way) -> None:
    """Writing with a token for reading alone: 403, and header and body name what is needed."""
    event = recorded(way.kind, "POST")
    authorizer_of(event)["permissions"] = "products:read"
    status, headers, body = answer(handler, event)
    assert (status, body["error"], body["scope"]) == (403, "insufficient_scope", "products:write")
    assert headers["www-authenticate"] == 'Bearer realm="api", error="insufficient_scope", scope="products:write"'


@each_way
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_expired_token_is_refused(handler: Handler, way: Way, method: str) -> None:
    """API Gateway may keep an answer past the token's end; the API does not."""
    event = recorded(way.kind, method)
    authorizer_of(event)["exp"] = "1000000000"
    status, headers, body = answer(handler, event)
    assert (status, body["error"]) == (401, "invalid_token")
    assert headers["www-authenticate"] == 'Bearer realm="api", error="invalid_token"'


@each_way
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_an_authorizer_nothing_is_served(handler: Handler, way: Way, method: str) -> None:
    """On a route whose authorizer was forgotten: 401, whatever the caller sends."""
    event = recorded(way.kind, method)
    del event["requestContext"]["authorizer"]
    status, headers, _ = answer(handler, event)
    assert (status, headers["www-authenticate"]) == (401, 'Bearer realm="api"')


@pytest.mark.parametrize("way", REST_WAYS, ids=lambda way: way.example)
def test_an_example_behind_the_gateway_and_the_authorizer(handler: Handler) -> None:
    """From the token over the authorizer and the gateway's event to the answer, and its renamed header."""
    methods = {method: proxy("api", security=[{"auth": []}]) for method in ("get", "post")}
    described = document({"/products": methods}, components={"securitySchemes": {"auth": token_scheme()}})
    functions = {"api": handler, "authorizer": cold_start(ENVIRON).lambda_handler}
    token = sign(header(), claims(time.time(), scope="products:read"))
    with client_of(gateway(described, functions)) as client:
        served = ask(client, "GET", token)
        assert (served.status_code, served.json()) == (200, {"products": [], "may_write": False})
        refused = ask(client, "POST", token)
        assert (refused.status_code, refused.json()["scope"]) == (403, "products:write")
        assert 'scope="products:write"' in refused.headers["x-amzn-remapped-www-authenticate"]
        assert ask(client, "GET", "a.b.c").status_code == 401


def ask(client: httpx.Client, method: str, token: str) -> httpx.Response:
    """Call the API with a token."""
    body = {"name": "Kettle"} if method == "POST" else None
    return client.request(method, "/products", json=body, headers={"Authorization": f"Bearer {token}"})
