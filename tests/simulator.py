"""The parts around the core, in memory: a client store, an RSA key and a clock that stands where it is put.

They take the place of DynamoDB and KMS where a test is about the protocol alone; the adapters' own tests, and those of
the local stack, use the AWS endpoint.
"""

import base64
import json
import threading
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote_plus, urlencode

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auth_server import jwk
from auth_server.app import App
from auth_server.audit import AuditLog
from auth_server.clients import Client, ClientChangedError, ClientExistsError, ClientSecret, digest_secret
from auth_server.endpoints.registration_endpoint import RegistrationEndpoint
from auth_server.errors import DependencyError
from auth_server.key_ring import KeyRing, LaterKeySource, SigningKey
from auth_server.last_use import LastUse
from auth_server.quota import Quota
from auth_server.remote_keys import RemoteKeys
from auth_server.routes import ROUTES
from auth_server.services import Services
from auth_server.settings import Settings
from auth_server.state import Revocations
from auth_server.throttle import Throttle
from auth_server.token_reuse import TokenReuse
from auth_server.wire import response_to_event

ISSUER = "https://auth.example.com"
AUDIENCE = "https://api.example.com"
NOW = 1_790_000_000
SECRET = "k5vX2mPq9sTw4zB7cE1fH3jL6nR8uY0aD2gK4iM6oQs"
ENVIRON = {
    "ISSUER": ISSUER,
    "AUDIENCE": AUDIENCE,
    "CLIENTS_TABLE": "clients",
    "STATE_TABLE": "state",
    "SIGNING_KEY_ID": "alias/latchkey",
    "LOG_LEVEL": "DEBUG",
}
PRIVATE_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)

Response = dict[str, Any]


def client(**changes: Any) -> Client:
    """Give a good client, with what the test changes about it."""
    usual = Client(
        client_id="demo",
        scopes=("products:read", "products:write"),
        created_at=NOW - 1000,
        secrets=(ClientSecret(digest_secret(SECRET), created_at=NOW - 1000),),
    )
    return replace(usual, **changes)


class MemoryClientStore:
    """A `ClientStore` over a dictionary, which can be told to fail."""

    def __init__(self, *clients: Client) -> None:
        """Hold these clients."""
        self.clients = {each.client_id: each for each in clients}
        self.failing = False
        self.reads = 0

    def get(self, client_id: str) -> Client | None:
        """Look a client up."""
        self.reads += 1
        if self.failing:
            raise DependencyError("dynamodb:GetItem: ProvisionedThroughputExceededException")
        return self.clients.get(client_id)

    def create(self, client: Client) -> None:
        """Add a client."""
        if client.client_id in self.clients:
            raise ClientExistsError(client.client_id)
        self.clients[client.client_id] = client

    def update(self, client: Client, *, now: int) -> Client:
        """Replace a client that nobody else has changed."""
        kept = self.clients.get(client.client_id)
        if kept is None or kept.version != client.version:
            raise ClientChangedError(client.client_id)
        self.clients[client.client_id] = replace(client, version=client.version + 1, updated_at=now)
        return self.clients[client.client_id]

    def delete(self, client_id: str) -> bool:
        """Remove a client."""
        return self.clients.pop(client_id, None) is not None


class MemoryStateStore:
    """A `StateStore` over dictionaries, which can be told to fail."""

    def __init__(self) -> None:
        """Remember nothing."""
        self._lock = threading.Lock()
        self.used: dict[tuple[str, str], int] = {}
        self.tokens: dict[str, int] = {}
        self.clients: dict[str, int] = {}
        self.counts: dict[tuple[str, str], int] = {}
        self.counted_until: dict[tuple[str, str], int] = {}
        self.last_seen: dict[tuple[str, str], int] = {}
        self.sights = 0
        self.reads = 0
        self.failing = False

    def _answer(self) -> None:
        if self.failing:
            raise DependencyError("dynamodb:PutItem: ThrottlingException")

    def use_once(self, kind: str, name: str, *, until: int, now: int) -> bool:
        """Remember a name."""
        self._answer()
        with self._lock:  # as DynamoDB does, one of many at once
            if self.used.get((kind, name), 0) > now:
                return False
            self.used[kind, name] = until
            return True

    def revoke_token(self, jti: str, *, client_id: str, expires_at: int) -> None:  # noqa: ARG002 - the protocol's
        """Remember a token."""
        self._answer()
        self.tokens[jti] = expires_at

    def revoke_client(self, client_id: str, *, not_before: int, until: int) -> None:  # noqa: ARG002 - the protocol's
        """Remember a client."""
        self._answer()
        self.clients[client_id] = max(not_before, self.clients.get(client_id, 0))

    def count(self, kind: str, name: str, *, until: int, by: int = 1) -> int:
        """Count."""
        self._answer()
        with self._lock:
            self.counts[kind, name] = self.counts.get((kind, name), 0) + by
            self.counted_until[kind, name] = until
            return self.counts[kind, name]

    def counted(self, kind: str, name: str, *, now: int) -> int:
        """Tell a count."""
        self._answer()
        self.reads += 1
        return self.counts.get((kind, name), 0) if self.counted_until.get((kind, name), 0) > now else 0

    def see(self, kind: str, name: str, *, at: int, every: int, until: int) -> None:  # noqa: ARG002 - the protocol's
        """Remember when."""
        self.sights += 1
        self._answer()
        if self.last_seen.get((kind, name), at - every) <= at - every:
            self.last_seen[kind, name] = at

    def seen(self, kind: str, name: str) -> int | None:
        """Tell when."""
        self._answer()
        return self.last_seen.get((kind, name))

    def all_seen(self, kind: str) -> dict[str, int]:
        """Tell when, of all."""
        self._answer()
        return {name: at for (of, name), at in self.last_seen.items() if of == kind}

    def is_revoked(self, *, jti: str, client_ids: tuple[str, ...], issued_at: int) -> bool:
        """Tell."""
        self._answer()
        self.reads += 1 + len(client_ids)
        return jti in self.tokens or any(issued_at < self.clients.get(each, 0) for each in client_ids)

    def revocations(self, now: int) -> Revocations:
        """Tell all."""
        self._answer()
        return Revocations({jti: at for jti, at in self.tokens.items() if at > now}, dict(self.clients))


class LocalKeySource:
    """A `KeySource` that signs in this process."""

    def __init__(self, private_key: rsa.RSAPrivateKey = PRIVATE_KEY) -> None:
        """Sign with this key."""
        self.private_key = private_key
        self.loads = 0
        self.failing = False

    def load(self) -> SigningKey:
        """Give the key."""
        self.loads += 1
        if self.failing:
            raise DependencyError("kms:GetPublicKey: DisabledException")
        der = self.private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        members = jwk.from_der(der)
        return SigningKey(kid=members["kid"], jwk=members, sign=self._sign)

    def _sign(self, message: bytes) -> bytes:
        if self.failing:
            raise DependencyError("kms:Sign: ThrottlingException")
        return self.private_key.sign(message, padding.PKCS1v15(), hashes.SHA256())


@dataclass
class Simulator:
    """The authorization server with everything around it in reach. Requests are REST API events."""

    clients: MemoryClientStore = field(default_factory=lambda: MemoryClientStore(client()))
    keys: LocalKeySource = field(default_factory=LocalKeySource)
    state: MemoryStateStore = field(default_factory=MemoryStateStore)
    environ: dict[str, str] = field(default_factory=lambda: dict(ENVIRON))
    now: float = NOW
    later: LaterKeySource | None = None

    def __post_init__(self) -> None:
        """Wire the server."""
        settings = Settings.from_environ(self.environ)
        ring = KeyRing(self.keys, max_age=settings.key_cache_seconds, clock=lambda: self.now, later=self.later)
        services = Services(
            settings=settings,
            clients=self.clients,
            state=self.state,
            keys=ring,
            remote_keys=RemoteKeys(clock=lambda: self.now, loopback=settings.is_on_loopback),
            clock=lambda: self.now,
            throttle=Throttle(self.state, lambda: self.now, address_failures=settings.address_failures),
            last_use=LastUse(self.state, lambda: self.now),
            quota=Quota(self.state, lambda: self.now),
            reuse=TokenReuse(self.state, lambda: self.now, by_default=settings.reuses_tokens),
        )
        self.app = App(services, AuditLog(settings.log_level), ROUTES)
        registration = RegistrationEndpoint(self.clients)  # a function of its own, with routes of its own
        self.registration = App(services, AuditLog(settings.log_level), registration.routes())

    def send(self, event: dict[str, Any]) -> Response:
        """Send an event, give the Lambda's answer."""
        app = self.registration if str(event.get("path")).startswith("/oauth/register") else self.app
        return response_to_event(app.handle(event))

    def post(self, body: Any, *, headers: dict[str, Any] | None = None, **changes: Any) -> Response:
        """Post a body (a mapping, pairs or a string) to the token endpoint."""
        text = body if isinstance(body, str) else urlencode(body)
        return self.send(event("POST", "/oauth/token", body=text, headers=headers, **changes))

    def token(self, client_id: str = "demo", secret: str = SECRET, **parameters: Any) -> Response:
        """Ask for a token with Basic authentication."""
        body = urlencode({"grant_type": "client_credentials", **parameters}, doseq=True)
        return self.post(body, headers=basic(client_id, secret))

    def claims(self, response: Response) -> dict[str, Any]:
        """Verify the token of an answer with PyJWT, and give its claims."""
        document = json.loads(response["body"])
        assert "access_token" in document, document
        options: Any = {"verify_aud": False, "verify_exp": False, "verify_iat": False}
        public_key = self.keys.private_key.public_key()
        claims: dict[str, Any] = jwt.decode(document["access_token"], public_key, algorithms=["RS256"], options=options)
        return claims


def basic(client_id: str, secret: str) -> dict[str, str]:
    """Give the header of HTTP Basic authentication, form-urlencoded as RFC 6749 2.3.1 asks."""
    credentials = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return {"Authorization": "Basic " + base64.b64encode(credentials.encode()).decode()}


def event(
    method: str, path: str, *, body: str | None = None, headers: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """Give a REST API event (payload 1.0). A header whose value is a list is sent once for each."""
    sent = (
        {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})} if body is not None else headers or {}
    )
    many = {name: value if isinstance(value, list) else [value] for name, value in sent.items() if value is not None}
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": {name: values[-1] for name, values in many.items()},
        "multiValueHeaders": many,
        "requestContext": {"requestId": "request-1", "identity": {"sourceIp": "203.0.113.7"}},
        "body": body,
        "isBase64Encoded": False,
        **changes,
    }


def document(response: Response) -> dict[str, Any]:
    """Give the JSON document of an answer."""
    parsed: dict[str, Any] = json.loads(response["body"])
    return parsed
