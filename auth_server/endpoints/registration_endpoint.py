"""Dynamic client registration (RFC 7591) and its management (RFC 7592).

POST /oauth/register HTTP/1.1
Authorization: Bearer eyJ...
Content-Type: application/json

{"client_name": "Reporting", "scope": "products:read", "audience": ["https://api.example.com"]}

HTTP/1.1 201 Created
Content-Type: application/json
Cache-Control: no-store

{"client_id": "...", "client_secret": "...", "client_secret_expires_at": 0, "registration_access_token": "...",
 "registration_client_uri": "https://auth.example.com/oauth/register/...", "scope": "products:read", ...}

Whoever registers needs an access token of this server, for this server, with the scope `clients:register`. What it may
grant stands in its client's record, apart from what it may do itself.
"""

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from auth_server import bearer_token, client_metadata, json_body, own_tokens, revocation, scope
from auth_server.audit import Decision
from auth_server.client_metadata import Authority, ClientMetadata
from auth_server.client_registration import InvalidClientMetadataError, check, new_secret
from auth_server.clients import (
    REGISTER_SCOPE,
    REGISTERED_ID_PREFIX,
    SECRET_METHODS,
    Client,
    ClientChangedError,
    ClientRegistry,
    Registration,
    digest_secret,
    generate_secret,
    is_client_id,
)
from auth_server.errors import (
    AccessDeniedError,
    InsufficientScopeError,
    InvalidTokenError,
    RejectedMetadataError,
    TemporarilyUnavailableError,
)
from auth_server.jwks_fetch import is_fetchable
from auth_server.services import Services
from auth_server.wire import Request, Response

PATH = "/oauth/register"
CLIENT_ID_BYTES = 16
# Stands in where no client, or no registered one, has the id: no token has this digest.
_NO_DIGEST = bytes(32)
# RFC 7592 2.2: what a client must not say about itself.
_SERVER_MEMBERS = frozenset(
    {"registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"}
)

Routes = Mapping[str, tuple[str, Mapping[str, Callable[[Request, Services, Decision], Response]]]]


@dataclass(frozen=True, slots=True)
class RegistrationEndpoint:
    """The endpoint over the registry that it writes to."""

    registry: ClientRegistry

    def routes(self) -> Routes:
        """Give its paths, for `App`."""
        managed = {"GET": self.read, "PUT": self.update, "DELETE": self.delete}
        return {PATH: ("registration", {"POST": self.register}), f"{PATH}/{{}}": ("registration", managed)}

    def register(self, request: Request, services: Services, decision: Decision) -> Response:
        """Register a client (RFC 7591 3)."""
        registrar = self._registrar(request, services, decision)
        authority = Authority.of(registrar)
        metadata = _metadata(json_body.parse(request), authority, services)
        now, token = services.now(), generate_secret()
        ceiling = Registration(
            registrar.client_id, digest_secret(token), tuple(sorted(authority.scopes)), authority.audiences
        )
        client_id = REGISTERED_ID_PREFIX + secrets.token_hex(CLIENT_ID_BYTES)
        blank = Client(client_id, scopes=(), created_at=now, updated_at=now, registration=ceiling)
        client, secret = _with_credentials(_checked(metadata.apply(blank), services), now)
        self.registry.create(client)
        _record(decision, "registered", client)
        return Response(201, _document(client, token, secret, services))

    def read(self, request: Request, services: Services, decision: Decision) -> Response:
        """Show a client its registration (RFC 7592 2.1): all but its secret, which nobody knows."""
        client, _, token = self._managed(request, decision)
        _record(decision, "read", client)
        return Response(200, _document(client, token, None, services))

    def update(self, request: Request, services: Services, decision: Decision) -> Response:
        """Put new metadata in the place of all that there was (RFC 7592 2.2), with a new registration access token."""
        client, registration, _ = self._managed(request, decision)
        document = json_body.parse(request)
        _require_own_identity(document, client, services.now())
        metadata = _metadata(document, self._authority_over(client, registration), services)
        token = generate_secret()
        renewed = replace(client, registration=replace(registration, token_digest=digest_secret(token)))
        changed, secret = _with_credentials(_checked(metadata.apply(renewed), services), services.now())
        try:
            written = self.registry.update(changed, now=services.now())
        except ClientChangedError:
            raise TemporarilyUnavailableError(reason="the client was changed meanwhile") from None
        _record(decision, "changed", written)
        return Response(200, _document(written, token, secret, services))

    def delete(self, request: Request, services: Services, decision: Decision) -> Response:  # noqa: ARG002 - as every endpoint
        """Delete a client (RFC 7592 2.3). Tokens that it has stay good until they expire."""
        client, _, _ = self._managed(request, decision)
        self.registry.delete(client.client_id)
        _record(decision, "deleted", client)
        return Response(204, "")

    def _registrar(self, request: Request, services: Services, decision: Decision) -> Client:
        """Give the client whose initial access token this is; raises `InvalidTokenError`, `InsufficientScopeError`."""
        text, settings = bearer_token.of(request), services.settings
        own = own_tokens.verify(text, keys=services.keys, issuer=settings.issuer, now=services.now())
        if own is None:
            raise InvalidTokenError(reason="not a token of this server, or expired")
        token, registrar = own.token, self.registry.get(own.token.client_id)
        decision.registered_by = registrar.client_id if registrar else None
        if settings.issuer not in token.aud:
            raise InvalidTokenError(reason="a token for another audience")
        if token.identity_provider is not None:
            raise InvalidTokenError(reason="a token that was vended to somebody, and is no client's own")
        if "cnf" in own.claims:
            raise InvalidTokenError(reason="a token bound to a key, without proof of it")  # RFC 9449 7.2
        if registrar is None:
            raise InvalidTokenError(reason="the registrar is gone")
        if (ended := revocation.why_ended(token, registrar, services)) is not None:
            raise InvalidTokenError(reason=ended)
        if REGISTER_SCOPE not in token.scope.split() or REGISTER_SCOPE not in registrar.scopes:
            raise InsufficientScopeError(REGISTER_SCOPE)
        return registrar

    def _managed(self, request: Request, decision: Decision) -> tuple[Client, Registration, str]:
        """Give the client of this path whose registration access token this is, and the token.

        Unknown, disabled, registered by no registrar, or another's: one answer for all (RFC 7592 2).
        """
        token = bearer_token.of(request)
        client_id = request.path.rpartition("/")[2]
        client = self.registry.get(client_id) if is_client_id(client_id) else None
        registration = client.registration if client else None
        proven = hmac.compare_digest(
            digest_secret(token), registration.token_digest if registration is not None else _NO_DIGEST
        )
        decision.client_id = client.client_id if client else None
        if client is None or registration is None or not proven or not client.enabled:
            raise InvalidTokenError(reason="not the registration access token of an enabled client")
        decision.registered_by = registration.registered_by
        return client, registration, token

    def _authority_over(self, client: Client, registration: Registration) -> Authority:
        """Give what the registrar could grant when it registered the client, and can still; raises `AccessDeniedError`.

        Fails closed where the registrar is gone, disabled, may register no more, or is another of the same id.
        """
        registrar = self.registry.get(registration.registered_by)
        may_register = registrar is not None and registrar.enabled and REGISTER_SCOPE in registrar.scopes
        if registrar is None or not may_register or registrar.created_at > client.created_at:
            raise AccessDeniedError("The registrar of this client may register no clients any more.")
        then = Authority(frozenset(registration.scopes), registration.audiences)
        return Authority.of(registrar).within(then)


def _metadata(document: Mapping[str, Any], authority: Authority, services: Services) -> ClientMetadata:
    """Read metadata that the registrar may grant and this deployment can keep."""
    metadata = client_metadata.parse(document)
    if metadata.tls_client_certificate_bound_access_tokens and services.settings.mtls != "on":
        # Left out silently, the client would take its tokens for bound ones (RFC 8705 3.4).
        raise RejectedMetadataError("This server binds no tokens to certificates: it has no mutual TLS.")
    return metadata.granted_by(authority)


def _require_own_identity(document: Mapping[str, Any], client: Client, now: int) -> None:
    """Hold what is said of the client's id and secret against what they are (RFC 7592 2.2)."""
    if document.get("client_id") != client.client_id:
        raise RejectedMetadataError("The client_id must be that of this client.")
    if not _SERVER_MEMBERS.isdisjoint(document):
        raise RejectedMetadataError("These are the server's own: " + ", ".join(sorted(_SERVER_MEMBERS)) + ".")
    said = document.get("client_secret")
    if said is None:
        return
    live = [secret.digest for secret in client.secrets if secret.is_live(now)]
    presented = digest_secret(said) if isinstance(said, str) else _NO_DIGEST
    if not any([hmac.compare_digest(presented, digest) for digest in live]):  # noqa: C419 - all of them: no early way out
        raise RejectedMetadataError("A client_secret must be the client's own: it cannot be chosen.")


def _checked(client: Client, services: Services) -> Client:
    if client.jwks_uri is not None and not is_fetchable(client.jwks_uri, loopback=services.settings.is_on_loopback):
        raise RejectedMetadataError("A jwks_uri is an https URL without a fragment.")
    try:
        return check(client)
    except InvalidClientMetadataError as error:
        raise RejectedMetadataError(str(error)) from None


def _with_credentials(client: Client, now: int) -> tuple[Client, str | None]:
    """Make a secret where the client's method takes one and none is live; the secret is None where none was made."""
    if client.auth_methods[0] not in SECRET_METHODS:
        return replace(client, secrets=()), None
    if any(secret.is_live(now) for secret in client.secrets):
        return client, None
    secret, record = new_secret(imported=None, now=now)
    return replace(client, secrets=(record,)), secret


def _document(client: Client, token: str, secret: str | None, services: Services) -> dict[str, Any]:
    """Give the client information response (RFC 7591 3.2.1, RFC 7592 3)."""
    document: dict[str, Any] = {"client_id": client.client_id, "client_id_issued_at": client.created_at}
    if secret is not None:
        document["client_secret"] = secret
    if client.secrets:
        document["client_secret_expires_at"] = client.secrets[-1].expires_at or 0
    return {
        **document,
        **client_metadata.render(client),
        "registration_access_token": token,
        "registration_client_uri": f"{services.settings.issuer}{PATH}/{client.client_id}",
    }


def _record(decision: Decision, outcome: str, client: Client) -> None:
    decision.outcome, decision.client_id = outcome, client.client_id
    decision.scope, decision.audience = scope.render(client.scopes), client.audiences
