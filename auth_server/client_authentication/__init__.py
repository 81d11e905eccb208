"""Client authentication (RFC 6749 2.3): exactly one method per request."""

from contextlib import suppress

from auth_server import allow_list
from auth_server.audit import Decision
from auth_server.client_authentication import (
    client_secret_basic,
    client_secret_post,
    federated_jwt,
    private_key_jwt,
    self_signed_tls_client_auth,
    tls_client_auth,
)
from auth_server.client_authentication.client_secret import ClientSecretCredentials
from auth_server.client_authentication.credentials import Credentials, require_permitted
from auth_server.clients import Client, ClientStore, is_client_id
from auth_server.errors import InvalidClientError, InvalidRequestError, TooManyRequestsError
from auth_server.form import Form
from auth_server.services import Services
from auth_server.throttle import Attempt, Throttle
from auth_server.wire import Request

# Each finds its own credentials in a request. A method is one file and one row.
METHODS = {
    "client_secret_basic": client_secret_basic.find,
    "client_secret_post": client_secret_post.find,
    private_key_jwt.METHOD: private_key_jwt.find,
    federated_jwt.METHOD: federated_jwt.find,
    tls_client_auth.METHOD: tls_client_auth.find,
    self_signed_tls_client_auth.METHOD: self_signed_tls_client_auth.find,
}
TLS_METHODS = (tls_client_auth.METHOD, self_signed_tls_client_auth.METHOD)  # where mutual TLS is on
# Those that have a name in the registry of RFC 7591 4.2, and so a place in the metadata.
REGISTERED_METHODS = tuple(name for name in METHODS if name != federated_jwt.METHOD)
_TWO_METHODS = "More than one client authentication method was used."  # RFC 6749 2.3
PAUSE = "pause"  # what the gate before the token endpoint says in its context: seconds
CHALLENGE = 'Basic realm="oauth", charset="UTF-8"'  # RFC 7617 2


def authenticate(request: Request, form: Form, services: Services, decision: Decision) -> Client:
    """Give the client that the request proves to be from.

    Raises `InvalidRequestError` for two methods at once, `TooManyRequestsError` after too many failures,
    `InvalidClientError` for every other failure, `DependencyError` where the store does not answer.
    """
    try:
        credentials = _only_credentials(request, form, services)
        _require_no_pause(request)
        client = prove(credentials, services.clients, services.throttle, services.now(), decision)
    except InvalidClientError as error:
        if request.headers.get("authorization"):
            error.headers["WWW-Authenticate"] = CHALLENGE  # RFC 6749 5.2
        raise
    if isinstance(credentials, ClientSecretCredentials):
        _note_use(credentials, client, services, decision)
    return client


def _note_use(credentials: ClientSecretCredentials, client: Client, services: Services, decision: Decision) -> None:
    used = credentials.match(client)
    decision.secret_expires_at = used.expires_at
    services.last_use.note(used.digest, decision)


def _only_credentials(request: Request, form: Form, services: Services) -> Credentials:
    # Whether or not any of them is well formed.
    if request.headers.get("authorization") and (form.one("client_secret") or form.one("client_assertion")):
        raise InvalidRequestError(_TWO_METHODS)
    found = [credentials for find in METHODS.values() if (credentials := find(request, form, services)) is not None]
    if len(found) > 1:
        raise InvalidRequestError(_TWO_METHODS)
    if not found:
        raise InvalidClientError(reason="no client credentials")
    credentials = found[0]
    if form.one("client_id") not in (None, credentials.client_id):
        raise InvalidRequestError("The client_id differs from the authenticated client.")
    return credentials


def _require_no_pause(request: Request) -> None:
    """Raise `TooManyRequestsError` where the gate before the endpoint says that the client has to wait."""
    pause = request.authorizer.context.get(PAUSE)
    if isinstance(pause, str) and pause.isascii() and pause.isdigit():
        raise TooManyRequestsError(int(pause), reason="too many failures, by the gate's count")


def prove(credentials: Credentials, clients: ClientStore, throttle: Throttle, now: int, decision: Decision) -> Client:
    """Give the client whose credentials these are.

    Raises `InvalidClientError`, `TooManyRequestsError` or `DependencyError`.
    """
    decision.auth_method = credentials.method
    attempt = _attempt(credentials, throttle, decision)
    try:
        client = _proven(credentials, clients, now, decision)
    except InvalidClientError:
        if attempt is not None:
            attempt.failed()
        raise
    if attempt is not None:
        attempt.succeeded()
    return client


def _attempt(credentials: Credentials, throttle: Throttle, decision: Decision) -> Attempt | None:
    """Begin what can be guessed: a secret. There is no guessing at a key, so no stranger's failures stop its holder."""
    if not isinstance(credentials, ClientSecretCredentials):
        return None
    return throttle.attempt(credentials.client_id, credentials.secret, decision.source_ip)


def _proven(credentials: Credentials, clients: ClientStore, now: int, decision: Decision) -> Client:
    client = clients.get(credentials.client_id) if is_client_id(credentials.client_id) else None
    decision.client_id = client.client_id if client else None
    if client is not None and not allow_list.admits(client.allow_from, decision.source_ip):
        raise _unwelcome(credentials, now)
    credentials.prove(client, now)
    return require_permitted(client, credentials.method)  # whatever its credentials say


def _unwelcome(credentials: Credentials, now: int) -> InvalidClientError:
    """Do the work of an unknown client, and no more: nothing is used up, and nothing is told about the credentials."""
    with suppress(InvalidClientError):
        credentials.prove(None, now)
    return InvalidClientError(reason="the address is in none of the client's networks")
