"""The people function with everything around it in memory and in reach. Requests are REST API events."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from auth_server.app import App
from auth_server.audit import AuditLog
from auth_server.clients import NO_AUTHENTICATION, Client
from auth_server.errors import DependencyError
from auth_server.key_ring import KeyRing
from auth_server.people.password_hash import Parameters, PasswordHasher
from auth_server.people.people import Person, PersonChangedError, PersonExistsError
from auth_server.people.routes import ROUTES
from auth_server.people.services import PeopleServices
from auth_server.people.settings import PeopleSettings
from auth_server.people.throttle import Throttle
from auth_server.vending import Vending
from auth_server.vending.token_cache import Kept
from auth_server.wire import response_to_event
from tests.simulator import AUDIENCE, ISSUER, NOW, LocalKeySource, MemoryClientStore, MemoryStateStore, Response
from tests.simulator import event as rest_event

ORIGIN = "https://app.example.com"
PASSWORD = "seven herons on the jetty"
QUICK = Parameters(memory_kib=32, passes=1, lanes=4)  # the least that there is: what is hashed here is no secret
ENVIRON = {
    "ISSUER": ISSUER,
    "CLIENTS_TABLE": "clients",
    "STATE_TABLE": "state",
    "VENDING_TABLE": "vending",
    "PEOPLE_TABLE": "people",
    "SIGNING_KEY_ID": "alias/latchkey",
    "VENDED_TOKEN_KEY_ID": "alias/latchkey-vended",
    "VENDING_AUDIENCE": AUDIENCE,
    "GROUP_SCOPES": '{"members": "products:read messages:write", "readers": "products:read"}',
    "CORS_ORIGINS": ORIGIN,
    "LOG_LEVEL": "DEBUG",
}
BROWSER = Client(
    client_id="browser",
    scopes=("products:read", "messages:write"),
    created_at=NOW - 1000,
    audiences=(AUDIENCE,),
    auth_methods=(NO_AUTHENTICATION,),
)


class MemoryPeople:
    """A `PeopleRegistry` over a dictionary, which counts its calls and can be told to fail."""

    def __init__(self, *people: Person) -> None:
        """Hold these people."""
        self.people = {each.username: each for each in people}
        self.failing = False
        self.calls: list[str] = []

    def _answer(self, call: str) -> None:
        self.calls.append(call)
        if self.failing:
            raise DependencyError("dynamodb:GetItem: ProvisionedThroughputExceededException")

    def get(self, username: str) -> Person | None:
        """Look a person up."""
        self._answer("get")
        return self.people.get(username)

    def create(self, person: Person) -> None:
        """Add a person."""
        self._answer("create")
        if person.username in self.people:
            raise PersonExistsError(person.username)
        self.people[person.username] = person

    def update(self, person: Person, *, now: int) -> Person:
        """Replace a person whom nobody else has changed."""
        self._answer("update")
        kept = self.people.get(person.username)
        if kept is None or kept.version != person.version:
            raise PersonChangedError(person.username)
        self.people[person.username] = replace(person, version=person.version + 1, updated_at=now)
        return self.people[person.username]

    def delete(self, username: str) -> bool:
        """Remove a person."""
        self._answer("delete")
        return self.people.pop(username, None) is not None


class MemoryTokenCache:
    """A `TokenCache` over a dictionary."""

    def __init__(self) -> None:
        """Keep nothing."""
        self.tokens: dict[str, str] = {}

    def find(self, item_id: str) -> Kept:
        """Give what is kept."""
        return Kept(self.tokens.get(item_id))

    def keep(self, item_id: str, token: str, *, expires_at: int, instead_of: Kept | None) -> bool:  # noqa: ARG002 - the protocol's
        """Keep a token in the place of what was found."""
        if instead_of is not None and instead_of.token != self.tokens.get(item_id):
            return False
        self.tokens[item_id] = token
        return True


class CountingHasher(PasswordHasher):
    """A hasher that says what it was asked to compute."""

    def __init__(self, parameters: Parameters = QUICK) -> None:
        """Compute little."""
        super().__init__(parameters)
        self.computed: list[str] = []

    def hash(self, password: str) -> str:
        """Hash."""
        self.computed.append("hash")
        return super().hash(password)

    def verify(self, password: str, kept: str | None) -> bool:
        """Verify."""
        self.computed.append("verify")
        return super().verify(password, kept)


class CountingState(MemoryStateStore):
    """A `StateStore` that says how often it was called."""

    def __init__(self) -> None:
        """Start with no call."""
        super().__init__()
        self.calls = 0

    def _answer(self) -> None:
        self.calls += 1
        super()._answer()


@dataclass
class PeopleSimulator:
    """The function and its parts."""

    people: MemoryPeople = field(default_factory=MemoryPeople)
    clients: MemoryClientStore = field(default_factory=lambda: MemoryClientStore(BROWSER))
    keys: LocalKeySource = field(default_factory=LocalKeySource)
    state: CountingState = field(default_factory=CountingState)
    hasher: CountingHasher = field(default_factory=CountingHasher)
    environ: dict[str, str] = field(default_factory=dict)
    now: float = NOW

    def __post_init__(self) -> None:
        """Wire the function."""
        settings = PeopleSettings.from_environ({**ENVIRON, **self.environ})

        def clock() -> float:
            return self.now

        vending = Vending(
            settings.terms,
            clients=self.clients,
            state=self.state,
            keys=KeyRing(self.keys, max_age=settings.key_cache_seconds, clock=clock),
            cache=MemoryTokenCache(),
            clock=clock,
        )
        services = PeopleServices(settings, self.people, self.hasher, Throttle(self.state, clock), vending)
        self.app = App(services, AuditLog(settings.log_level), ROUTES, origins=settings.cors_origins)

    def send(self, event: dict[str, Any]) -> Response:
        """Send an event, give the Lambda's answer."""
        return response_to_event(self.app.handle(event))

    def post(self, path: str, body: Any = None, *, address: str = "203.0.113.7", **headers: Any) -> Response:
        """Post a JSON document (or a text) from an address, as a page does."""
        text = body if isinstance(body, str) or body is None else json.dumps(body)
        sent = {"Content-Type": "application/json", "Origin": ORIGIN, **headers}
        context = {"requestId": "request-1", "identity": {"sourceIp": address}}
        return self.send(rest_event("POST", path, body=text, headers=sent, requestContext=context))

    def sign_up(self, username: str = "alice", password: str = PASSWORD, **more: Any) -> Response:
        """Sign up."""
        return self.post("/signup", {"username": username, "password": password}, **more)

    def log_in(self, username: str = "alice", password: str = PASSWORD, **more: Any) -> Response:
        """Log in."""
        return self.post("/login", {"username": username, "password": password}, **more)

    def log_out(self, token: str | None) -> Response:
        """Log out with a token."""
        return self.post("/logout", Authorization=None if token is None else f"Bearer {token}")
