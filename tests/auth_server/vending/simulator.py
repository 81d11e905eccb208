"""A vending function with everything around it in memory, and the events of each kind of API for it."""

import json
import threading
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jwt

from auth_server.app import App
from auth_server.audit import AuditLog
from auth_server.clients import Client
from auth_server.errors import DependencyError
from auth_server.key_ring import KeyRing
from auth_server.people.people import Person
from auth_server.vending.endpoint import ROUTES
from auth_server.vending.services import VendingServices
from auth_server.vending.settings import VendingSettings
from auth_server.vending.token_cache import Kept
from auth_server.vending.vending import Vending
from auth_server.wire import response_to_event
from tests.simulator import (
    AUDIENCE,
    ISSUER,
    NOW,
    PRIVATE_KEY,
    LocalKeySource,
    MemoryClientStore,
    MemoryStateStore,
    Response,
    client,
)

ORIGIN = "https://app.example.com"
ENVIRON = {
    "ISSUER": ISSUER,
    "CLIENTS_TABLE": "clients",
    "STATE_TABLE": "state",
    "VENDING_TABLE": "vending",
    "SIGNING_KEY_ID": "alias/latchkey",
    "VENDED_TOKEN_KEY_ID": "alias/vended",
    "VENDING_AUDIENCE": AUDIENCE,
    "VENDING_MODE": "open",
    "VENDING_SCOPE": "products:read",
    "GROUP_SCOPES": '{"writers": "products:read products:write", "readers": "products:read"}',
    "PEOPLE_TABLE": "people",
    "CORS_ORIGINS": ORIGIN,
    "LOG_LEVEL": "DEBUG",
}
BROWSER = client(
    client_id="browser",
    secrets=(),
    auth_methods=("none",),
    scopes=("products:read", "products:write"),
    audiences=(AUDIENCE,),
)
EVENTS = Path(__file__).parents[2] / "events"
REST, HTTP_1, HTTP_2 = "REST", "HTTP 1.0", "HTTP 2.0"
KINDS = (REST, HTTP_1, HTTP_2)


class CountingKeySource(LocalKeySource):
    """A `LocalKeySource` that counts what it signs."""

    signatures = 0

    def _sign(self, message: bytes) -> bytes:
        self.signatures += 1
        return super()._sign(message)


class MemoryTokenCache:
    """A `TokenCache` over a dictionary, which can be told to fail."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._lock = threading.Lock()
        self.tokens: dict[str, str] = {}
        self.finds = 0
        self.failing = False

    def _answer(self) -> None:
        if self.failing:
            raise DependencyError("dynamodb:GetItem: ThrottlingException")

    def find(self, item_id: str) -> Kept:
        """Look a token up."""
        self._answer()
        self.finds += 1
        token = self.tokens.get(item_id)
        return Kept(token, token)

    def keep(self, item_id: str, token: str, *, expires_at: int, instead_of: Kept | None) -> bool:  # noqa: ARG002 - the protocol's
        """Keep a token, as DynamoDB does: one of many at once."""
        self._answer()
        with self._lock:
            if instead_of is not None and self.tokens.get(item_id) != instead_of.as_found:
                return False
            self.tokens[item_id] = token
            return True


class MemoryPeople:
    """A `PeopleStore` over a dictionary."""

    def __init__(self, *people: Person) -> None:
        """Hold these people."""
        self.people = {each.username: each for each in people}

    def get(self, username: str) -> Person | None:
        """Look a person up."""
        return self.people.get(username)


def person(**changes: Any) -> Person:
    """Give somebody who may log in."""
    usual = Person("alice", "$argon2id$...", ("readers",), created_at=NOW - 1000)
    return replace(usual, **changes)


@dataclass
class VendingSimulator:
    """A vending function, as many Lambdas as one asks for."""

    environ: Mapping[str, str] = field(default_factory=lambda: ENVIRON)
    clients: MemoryClientStore = field(default_factory=lambda: MemoryClientStore(BROWSER))
    state: MemoryStateStore = field(default_factory=MemoryStateStore)
    keys: CountingKeySource = field(default_factory=CountingKeySource)
    cache: Any = field(default_factory=MemoryTokenCache)
    people: MemoryPeople = field(default_factory=lambda: MemoryPeople(person()))
    now: float = NOW

    def __post_init__(self) -> None:
        """Start the first Lambda."""
        self.start()

    def start(self) -> None:
        """Start a Lambda in the place of the last one: what that remembered is gone."""
        self.settings = VendingSettings.from_environ(self.environ)
        self.vending = Vending(
            self.settings.terms,
            clients=self.clients,
            state=self.state,
            keys=KeyRing(self.keys, max_age=300, clock=lambda: self.now),
            cache=self.cache,
            clock=lambda: self.now,
        )
        services = VendingServices(self.settings, self.vending, self.people)
        self.app = App(services, AuditLog(self.settings.log_level), ROUTES, origins=self.settings.cors_origins)

    def send(self, event: Any) -> Response:
        """Send an event, give the Lambda's answer."""
        return response_to_event(self.app.handle(event))

    def change_client(self, **changes: Any) -> None:
        """Change the record of the client that vends, as an operator would."""
        self.clients.clients["browser"] = replace(self.clients.clients["browser"], **changes)


def configured(mode: str = "open", client_record: Client = BROWSER, **variables: str) -> VendingSimulator:
    """Give a function with this mode, and with what else the test changes."""
    return VendingSimulator({**ENVIRON, "VENDING_MODE": mode, **variables}, clients=MemoryClientStore(client_record))


def tokens_event(  # noqa: PLR0913 - what tests change about an event
    kind: str = REST,
    *,
    method: str = "GET",
    path: str = "/tokens",
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    address: str = "203.0.113.7",
    authorizer: Mapping[str, Any] | None = None,
    body: str | None = None,
) -> dict[str, Any]:
    """Give an event as API Gateway writes it, for each kind of API."""
    sent = {"Accept": "*/*", "X-Forwarded-For": "198.51.100.1", **(headers or {})}
    if kind == HTTP_2:
        event = _event("http_api_list_products.json")
        event["headers"] = {name.lower(): value for name, value in sent.items()}
        event["requestContext"]["http"] |= {"method": method, "path": path, "sourceIp": address}
        event |= {"rawPath": path, "routeKey": f"{method} {path}", "queryStringParameters": dict(query or {})}
    else:
        event = _event("rest_list_products.json")
        event |= {"version": "1.0"} if kind == HTTP_1 else {}
        event |= {"headers": sent, "multiValueHeaders": {name: [value] for name, value in sent.items()}}
        event["requestContext"]["identity"]["sourceIp"] = address
        event |= {"httpMethod": method, "path": path, "resource": path, "queryStringParameters": dict(query or {})}
    event["requestContext"]["authorizer"] = authorizer
    return event if body is None else {**event, "body": body}


def _event(name: str) -> dict[str, Any]:
    event: dict[str, Any] = deepcopy(json.loads((EVENTS / name).read_text(encoding="utf-8")))
    return event


def lambda_context(kind: str, **said: Any) -> dict[str, Any]:
    """Give `requestContext.authorizer` as a Lambda authorizer's context stands there."""
    if kind == HTTP_2:
        return {"lambda": said}
    return {"principalId": "demo", "integrationLatency": 31, **said} if kind == REST else said


def pool_claims(kind: str, sub: str = "5e1a", groups: tuple[str, ...] | None = ()) -> dict[str, Any]:
    """Give `requestContext.authorizer` as a user pool's authorizer leaves it: every claim is a text."""
    written = (
        {} if groups is None else {"cognito:groups": ",".join(groups) if kind == REST else f"[{' '.join(groups)}]"}
    )
    claims = {"sub": sub, "token_use": "access", "scope": "openid admin", "username": sub, **written}
    if kind == HTTP_2:
        return {"jwt": {"claims": claims, "scopes": None}}
    return {"claims": claims, "scopes": None} if kind == HTTP_1 else {"claims": claims}


def claims_of(text: str, key: Any = PRIVATE_KEY) -> dict[str, Any]:
    """Verify a token with PyJWT, and give its claims."""
    options: Any = {"verify_aud": False, "verify_exp": False, "verify_iat": False}
    claims: dict[str, Any] = jwt.decode(text, key.public_key(), algorithms=["RS256"], options=options)
    return claims


def said(response: Response, status: int = 200) -> dict[str, Any]:
    """Give the document of an answer that has this status."""
    assert response["statusCode"] == status, response
    document: dict[str, Any] = json.loads(response["body"])
    return document


def vended(response: Response) -> dict[str, Any]:
    """Give the claims of the token in an answer."""
    return claims_of(said(response)["token"])
