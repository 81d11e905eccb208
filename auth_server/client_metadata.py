"""Client metadata (RFC 7591 2): what a client is to be, as its registrar says it in JSON, and back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from auth_server import scope
from auth_server.client_authentication import private_key_jwt
from auth_server.clients import CLIENT_CREDENTIALS, REGISTER_SCOPE, SECRET_METHODS, TOKEN_EXCHANGE, Client
from auth_server.errors import InvalidRedirectUriError, InvalidScopeError, RejectedMetadataError

REGISTRABLE_METHODS = (*SECRET_METHODS, private_key_jwt.METHOD)
REGISTRABLE_GRANT_TYPES = (CLIENT_CREDENTIALS, TOKEN_EXCHANGE)
DPOP_BOUND = "dpop_bound_access_tokens"  # RFC 9449 5.2
TLS_BOUND = "tls_client_certificate_bound_access_tokens"  # RFC 8705 3.4


@dataclass(frozen=True, slots=True)
class Authority:
    """What a registrar may grant, and nothing beyond it."""

    scopes: frozenset[str]
    audiences: tuple[str, ...]

    @classmethod
    def of(cls, registrar: Client) -> "Authority":
        """Give what the registrar's record allows. The scope that registers is for operators to give, never for it."""
        return cls(frozenset(registrar.registrable_scopes) - {REGISTER_SCOPE}, registrar.registrable_audiences)

    def within(self, other: "Authority") -> "Authority":
        """Give what both allow."""
        return Authority(self.scopes & other.scopes, tuple(name for name in self.audiences if name in other.audiences))


@dataclass(frozen=True, slots=True)
class ClientMetadata:
    """The members that this server understands. Those that it does not are ignored (RFC 7591 2)."""

    name: str
    grant_types: tuple[str, ...]
    auth_method: str
    scopes: tuple[str, ...]
    audiences: tuple[str, ...]
    jwks: Mapping[str, Any] | None
    jwks_uri: str | None
    dpop_bound_access_tokens: bool
    tls_client_certificate_bound_access_tokens: bool

    def granted_by(self, authority: Authority) -> "ClientMetadata":
        """Hold it against what may be granted, with the first audience where none is named.

        A client without an audience could ask for the server's default, which nobody granted: so there is always one.
        Raises `RejectedMetadataError`.
        """
        if not set(self.scopes) <= authority.scopes:
            raise RejectedMetadataError("The registrar may not grant this scope.")
        audiences = self.audiences or authority.audiences[:1]
        if not audiences or not set(audiences) <= set(authority.audiences):
            raise RejectedMetadataError("The registrar may not grant this audience.")
        return replace(self, audiences=audiences)

    def apply(self, client: Client) -> Client:
        """Give the client as it is to be; what is no metadata stays as it was."""
        return replace(
            client,
            name=self.name,
            grant_types=self.grant_types,
            auth_methods=(self.auth_method,),
            scopes=self.scopes,
            default_scopes=tuple(name for name in client.default_scopes if name in self.scopes),
            audiences=self.audiences,
            jwks=self.jwks,
            jwks_uri=self.jwks_uri,
            dpop_bound_access_tokens=self.dpop_bound_access_tokens,
            tls_client_certificate_bound_access_tokens=self.tls_client_certificate_bound_access_tokens,
        )


def parse(document: Mapping[str, Any]) -> ClientMetadata:
    """Read metadata; null counts as absent (RFC 7592 2.2).

    Raises `RejectedMetadataError`, or `InvalidRedirectUriError` for any redirection URI: nothing redirects here.
    """
    if _texts(document, "redirect_uris"):
        raise InvalidRedirectUriError("No grant of this server redirects: leave redirect_uris out.")
    if _texts(document, "response_types"):
        raise RejectedMetadataError("There is no authorization endpoint: leave response_types out.")
    return ClientMetadata(
        name=_text(document, "client_name"),
        grant_types=_some_of(REGISTRABLE_GRANT_TYPES, document, "grant_types") or (CLIENT_CREDENTIALS,),
        auth_method=_one_of(REGISTRABLE_METHODS, document, "token_endpoint_auth_method"),
        scopes=_scopes(document),
        audiences=_texts(document, "audience"),
        jwks=_object(document, "jwks"),
        jwks_uri=_text(document, "jwks_uri") or None,
        dpop_bound_access_tokens=_flag(document, DPOP_BOUND),
        tls_client_certificate_bound_access_tokens=_flag(document, TLS_BOUND),
    )


def render(client: Client) -> dict[str, Any]:
    """Give a client's metadata as it is registered, defaults included (RFC 7591 3.2.1)."""
    document: dict[str, Any] = {
        "grant_types": list(client.grant_types),
        "response_types": [],
        "token_endpoint_auth_method": client.auth_methods[0],
        "audience": list(client.audiences),
        DPOP_BOUND: client.dpop_bound_access_tokens,
        TLS_BOUND: client.tls_client_certificate_bound_access_tokens,
    }
    if client.name:
        document["client_name"] = client.name
    if client.scopes:
        document["scope"] = scope.render(client.scopes)
    if client.jwks is not None:
        document["jwks"] = dict(client.jwks)
    if client.jwks_uri is not None:
        document["jwks_uri"] = client.jwks_uri
    return document


def _flag(document: Mapping[str, Any], name: str) -> bool:
    value = document.get(name)
    if value is not None and not isinstance(value, bool):
        raise RejectedMetadataError(f"{name} is true or false.")
    return bool(value)


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RejectedMetadataError(f"{name} is a string.")
    return value


def _texts(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Give an array of strings, each once, in the order given."""
    value = document.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise RejectedMetadataError(f"{name} is an array of strings.")
    return tuple(dict.fromkeys(value))


def _object(document: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    value = document.get(name)
    if value is not None and not isinstance(value, dict):
        raise RejectedMetadataError(f"{name} is an object.")
    return value


def _some_of(known: tuple[str, ...], document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values = _texts(document, name)
    if not set(values) <= set(known):
        raise RejectedMetadataError(f"{name} are some of: {', '.join(known)}.")
    return values


def _one_of(known: tuple[str, ...], document: Mapping[str, Any], name: str) -> str:
    """Give the value; the first of those known where there is none (RFC 7591 2)."""
    value = known[0] if document.get(name) is None else _text(document, name)
    if value not in known:
        raise RejectedMetadataError(f"{name} is one of: {', '.join(known)}.")
    return value


def _scopes(document: Mapping[str, Any]) -> tuple[str, ...]:
    text = _text(document, "scope")
    try:
        return scope.parse(text) if text else ()
    except InvalidScopeError as error:
        raise RejectedMetadataError(error.description) from None
