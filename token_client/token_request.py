"""The token request: client credentials (RFC 6749 4.4.2) for scopes and resources (RFC 8707 2)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from authlib.oauth2.rfc6749.parameters import prepare_token_request

from token_client.credentials.protocol import Authenticated
from token_client.errors import ConfigurationError
from token_client.transport import HttpRequest

_SCOPE_TOKEN = re.compile(r"[!#-\[\]-~]+")  # RFC 6749 3.3
_ABSOLUTE_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-\"$-~]+")  # RFC 8707 2: without a fragment
# What this client says itself, or what proves who it is.
_RESERVED = frozenset(
    {"grant_type", "scope", "resource", "client_id", "client_secret", "client_assertion", "client_assertion_type"}
)
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "latchkey-token-client"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What is asked for: `scope` in the order given, `resource` likewise, and further parameters."""

    scope: tuple[str, ...] = ()
    resource: tuple[str, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()

    def to(self, token_endpoint: str, authenticated: Authenticated, proof: str | None) -> HttpRequest:
        """Make the request, with what authenticates the client, and a DPoP proof (RFC 9449 5) where there is one."""
        further = [("resource", resource) for resource in self.resource]
        further += [*self.parameters, *authenticated.form.items()]
        scope = {"scope": list(self.scope)} if self.scope else {}
        body: str = prepare_token_request("client_credentials", urlencode(further), **scope)
        headers = {**_HEADERS, **_FORM, **authenticated.headers, **({} if proof is None else {"DPoP": proof})}
        return HttpRequest("POST", token_endpoint, headers, body.encode())


def get(url: str) -> HttpRequest:
    """Make the request for a document."""
    return HttpRequest("GET", url, _HEADERS)


def checked(
    scope: str | Iterable[str] | None, resource: str | Iterable[str] | None, parameters: Mapping[str, str] | None
) -> TokenRequest:
    """Give what is asked for; raises `ConfigurationError`, which names what no server could make sense of."""
    scopes = tuple(scope.split(" ") if isinstance(scope, str) else scope or ()) if scope else ()
    if not all(_SCOPE_TOKEN.fullmatch(each) for each in scopes):
        raise ConfigurationError("scope must be scopes of visible ASCII without quotes and backslashes (RFC 6749 3.3)")
    resources = (resource,) if isinstance(resource, str) else tuple(resource or ())
    if not all(_ABSOLUTE_URI.fullmatch(each) for each in resources):
        raise ConfigurationError("resource must be absolute URIs without a fragment (RFC 8707 2)")
    further = tuple((parameters or {}).items())
    if taken := sorted(_RESERVED.intersection(name for name, _ in further)):
        raise ConfigurationError(f"parameters must not hold {', '.join(taken)}")
    if not all(isinstance(value, str) for _, value in further):  # None, as of a variable that is not set, would be sent
        raise ConfigurationError("parameters must have texts for values")
    return TokenRequest(scopes, resources, further)
