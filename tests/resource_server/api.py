"""The handler under test, imported with its own environment, and a store in memory for tests without a table."""

import importlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from resource_server.app import App
from resource_server.log import Log
from resource_server.messages import LATEST, Message
from resource_server.products import Page, Product
from resource_server.settings import Settings
from tests.resource_server.events import Event

RESOURCE = "https://api.example.com"
ISSUER = "https://auth.example.com"
SETTINGS = Settings(
    products_table="products", messages_table="messages", resource=RESOURCE, issuer=ISSUER, log_level="INFO"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A Lambda's result, with its body read."""

    status: int
    headers: Mapping[str, str]
    document: Any


class Api:
    """Calls one imported handler."""

    def __init__(self, lambda_handler: Callable[[Any, object], dict[str, Any]]) -> None:
        self._lambda_handler = lambda_handler

    def __call__(self, event: Any) -> Answer:
        """Return the handler's answer to an event."""
        result = self._lambda_handler(event, None)
        assert result.keys() == {"statusCode", "headers", "body", "isBase64Encoded"}
        assert result["isBase64Encoded"] is False
        return Answer(result["statusCode"], result["headers"], json.loads(result["body"]))


def messages_table_of(products_table: str) -> str:
    """Return the name of the messages table that goes with a products table."""
    return f"{products_table}-messages"


def cold_start(monkeypatch: pytest.MonkeyPatch, endpoint: str, table: str, **changed: str) -> Api:
    """Import the handler anew, as a cold start does, with an environment of its own."""
    environ = {
        "PRODUCTS_TABLE": table,
        "MESSAGES_TABLE": messages_table_of(table),
        "RESOURCE": RESOURCE,
        "ISSUER": ISSUER,
        "LOG_LEVEL": "INFO",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        **changed,
    }
    with monkeypatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        patch.delitem(sys.modules, "resource_server.handler", raising=False)
        handler = importlib.import_module("resource_server.handler")
    # Nothing after the import may read the environment: it is gone by now.
    return Api(handler.lambda_handler)


@dataclass(slots=True)
class StoreInMemory:
    """A `ProductStore` that is a dict."""

    products: dict[str, Product] = field(default_factory=dict)

    def get(self, product_id: str) -> Product | None:
        """Return the product, or None."""
        return self.products.get(product_id)

    def put(self, product: Product) -> None:
        """Keep the product."""
        self.products[product.id] = product

    def page(self, limit: int, after_id: str | None) -> Page:
        """Return the products with ids after `after_id`."""
        ids = sorted(product_id for product_id in self.products if product_id > (after_id or ""))
        last_id = ids[limit - 1] if len(ids) >= limit else None
        return Page(tuple(self.products[product_id] for product_id in ids[:limit]), last_id)


@dataclass(slots=True)
class BoardInMemory:
    """A `MessageBoard` that is a list."""

    messages: list[Message] = field(default_factory=list)

    def post(self, message: Message) -> None:
        """Keep the message."""
        self.messages.insert(0, message)

    def latest(self) -> tuple[Message, ...]:
        """Return the latest messages."""
        return tuple(self.messages[:LATEST])


def app_in_memory(store: Any = None, settings: Settings = SETTINGS, board: Any = None) -> App:
    """Return an app over a store and a board in memory, on 31 January 2026."""
    return App(
        settings=settings,
        store=StoreInMemory() if store is None else store,
        board=BoardInMemory() if board is None else board,
        log=Log(settings.log_level),
        clock=lambda: datetime(2026, 1, 31, 12, tzinfo=UTC),
    )


def log_lines(capsys: pytest.CaptureFixture[str]) -> list[Event]:
    """Return the lines logged so far; each must be one JSON object."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]
