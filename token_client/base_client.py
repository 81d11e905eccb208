"""What a client is made with, checked, and put together."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from token_client import limits as limits_of
from token_client import token_request, urls
from token_client.acquisition import Acquisition, Shared
from token_client.clocks import REAL, Clocks
from token_client.credentials.protocol import Credentials, Server
from token_client.errors import ConfigurationError
from token_client.server_metadata import ServerMetadata
from token_client.store.protocol import TokenKey, TokenStore
from token_client.token_endpoint import TokenEndpoint
from token_client.token_request import TokenRequest
from token_client.token_source import TokenSource

if TYPE_CHECKING:
    from token_client.dpop import DPoPKey


class BaseClient:
    """A client for one token: of one server, with one identity, for one set of scopes and resources.

    issuer          the authorization server, whose metadata say where its token endpoint is; or
    token_endpoint  its URL itself
    client_id, client_secret, auth_method   short for `credentials=ClientSecret(client_id, client_secret, auth_method)`
    credentials     where the client's credentials come from
    scope           "a b", or an iterable of scopes; None: what the server gives by default
    resource        a URL, or an iterable of them, that the token is for (RFC 8707)
    parameters      further parameters of the token request, such as Auth0's `audience`
    store           a store in which processes share the token
    dpop            True: a token bound to a key of this process (RFC 9449); or a key, or its PEM text
    retries         how many further attempts follow one that got no usable answer
    retry_interval_ms   the pause between attempts, give or take a half, unless the server asks for a longer one
    timeout_s       how long one exchange with the server may take in all
    lease_s         how long a process that fetches keeps the others waiting, should it die; None: timeout_s + 5
    allow_http      whether plain http to other machines is allowed; tokens and secrets can be read on the way
    clocks          the time

    Raises `ConfigurationError`.
    """

    def __init__(  # noqa: PLR0913 - all but the first by name: what a caller does not name has a default
        self,
        issuer: str | None = None,
        *,
        token_endpoint: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        credentials: Credentials | None = None,
        auth_method: str | None = None,
        scope: str | Iterable[str] | None = None,
        resource: str | Iterable[str] | None = None,
        parameters: Mapping[str, str] | None = None,
        store: TokenStore | None = None,
        dpop: "bool | str | DPoPKey" = False,
        retries: int = 3,
        retry_interval_ms: float = 1000,
        timeout_s: float = 10.0,
        lease_s: float | None = None,
        allow_http: bool = False,
        clocks: Clocks = REAL,
    ) -> None:
        limits = limits_of.checked(
            retries=retries, retry_interval_ms=retry_interval_ms, timeout_s=timeout_s, lease_s=lease_s
        )
        self._allow_http = allow_http
        self._dpop_key = _dpop_key(dpop)
        server = _server(issuer, token_endpoint, clocks, allow_http=allow_http)
        request = token_request.checked(scope, resource, parameters)
        credentials = _credentials(credentials, client_id, client_secret, auth_method)
        self._endpoint = TokenEndpoint(server, request, credentials, self._dpop_key, limits, clocks)
        key = _key(server, request, self._dpop_key)
        shared = None if store is None else _shared(store, key, credentials)
        self._source = TokenSource(Acquisition(self._endpoint, credentials, shared, limits, clocks), clocks)

    def now(self) -> float:
        """Give the server's time, in Unix seconds, as far as its answers have told: proofs and assertions bear it."""
        return self._endpoint.now()

    @property
    def dpop_key(self) -> "DPoPKey | None":
        """The key that tokens are bound to; None for bearer tokens."""
        return self._dpop_key

    @property
    def allow_http(self) -> bool:
        """Whether tokens may be sent by plain http to other machines than this one."""
        return self._allow_http


def _server(
    issuer: str | None, token_endpoint: str | None, clocks: Clocks, *, allow_http: bool
) -> Server | ServerMetadata:
    for name, url in (("issuer", issuer), ("token_endpoint", token_endpoint)):
        if url is not None and (wrong := urls.problem(url, allow_http=allow_http)):
            raise ConfigurationError(f"{name} {wrong}")
    if issuer is not None and "?" in issuer:  # RFC 8414 2
        raise ConfigurationError("issuer must be a URL without query")
    if token_endpoint is not None:
        return Server(token_endpoint, issuer)
    if issuer is None:
        raise ConfigurationError("an issuer or a token_endpoint is needed")
    return ServerMetadata(issuer, clocks, allow_http=allow_http)


def _credentials(
    credentials: Credentials | None, client_id: str | None, client_secret: str | None, auth_method: str | None
) -> Credentials:
    if credentials is not None:
        if (client_id, client_secret, auth_method) != (None, None, None):
            raise ConfigurationError(
                "credentials stand for client_id, client_secret and auth_method: give one or these"
            )
        return credentials
    if client_id is None or client_secret is None:
        raise ConfigurationError("credentials, or client_id and client_secret, are needed")
    from token_client.credentials.client_secret import ClientSecret  # noqa: PLC0415 - a client with other credentials has no use for it

    return ClientSecret(client_id, client_secret, auth_method)


def _shared(store: TokenStore, key: Callable[[str], TokenKey], credentials: Credentials) -> Shared:
    if getattr(credentials, "secret", True) is None:  # a key, or a platform's token: all others are read later
        store.slot(key(""), None)  # for its refusal, where it cannot encrypt without a secret
    return Shared(store, key)


def _dpop_key(dpop: "bool | str | DPoPKey") -> "DPoPKey | None":
    if dpop is False:
        return None
    from token_client.dpop import DPoPKey  # noqa: PLC0415 - bearer tokens need no JOSE

    if dpop is True:
        return DPoPKey.generate()
    return DPoPKey.from_pem(dpop) if isinstance(dpop, str) else dpop


def _key(
    server: Server | ServerMetadata, request: TokenRequest, dpop_key: "DPoPKey | None"
) -> Callable[[str], TokenKey]:
    """Give what makes the key of the token in a store, for a client id, which only the credentials know."""
    name = server.issuer or server.token_endpoint if isinstance(server, Server) else server.issuer
    scope, resource = (tuple(sorted(set(values))) for values in (request.scope, request.resource))
    jkt = None if dpop_key is None else dpop_key.jkt
    parameters = tuple(sorted(request.parameters))
    return lambda client_id: TokenKey(name, client_id, scope, resource, jkt, parameters)
