"""Client authentication (RFC 6749 2.3): exactly one method per request."""

from auth_server.audit import Decision
from auth_server.client_authentication import client_secret_basic, client_secret_post
from auth_server.client_authentication.credentials import Credentials
from auth_server.clients import Client, ClientStore, is_client_id
from auth_server.errors import InvalidClientError, InvalidRequestError
from auth_server.form import Form
from auth_server.wire import Request

# Each finds its own credentials in a request. A method is one file and one row.
METHODS = {
    "client_secret_basic": client_secret_basic.find,
    "client_secret_post": client_secret_post.find,
}
_TWO_METHODS = "More than one client authentication method was used."  # RFC 6749 2.3
CHALLENGE = 'Basic realm="oauth", charset="UTF-8"'  # RFC 7617 2


def authenticate(request: Request, form: Form, clients: ClientStore, now: int, decision: Decision) -> Client:
    """Give the client that the request proves, at the Unix time `now`, to be from.

    Raises `InvalidRequestError` for two methods at once, `InvalidClientError` for every other failure,
    `DependencyError` where the store does not answer.
    """
    try:
        return prove(_only_credentials(request, form), clients, now, decision)
    except InvalidClientError as error:
        if request.headers.get("authorization"):
            error.headers["WWW-Authenticate"] = CHALLENGE  # RFC 6749 5.2
        raise


def _only_credentials(request: Request, form: Form) -> Credentials:
    if request.headers.get("authorization") and form.one("client_secret") is not None:
        raise InvalidRequestError(_TWO_METHODS)  # whether or not either of them is well formed
    found = [credentials for find in METHODS.values() if (credentials := find(request, form)) is not None]
    if len(found) > 1:
        raise InvalidRequestError(_TWO_METHODS)
    if not found:
        raise InvalidClientError(reason="no client credentials")
    credentials = found[0]
    if form.one("client_id") not in (None, credentials.client_id):
        raise InvalidRequestError("The client_id differs from the authenticated client.")
    return credentials


def prove(credentials: Credentials, clients: ClientStore, now: int, decision: Decision) -> Client:
    """Give the client whose credentials these are; raises `InvalidClientError` or `DependencyError`."""
    decision.auth_method = credentials.method
    client = clients.get(credentials.client_id) if is_client_id(credentials.client_id) else None
    decision.client_id = client.client_id if client else None
    proven = credentials.prove(client, now)  # the same work for a client that does not exist
    if client is None:
        raise InvalidClientError(reason="unknown client")
    if not proven:
        raise InvalidClientError(reason="the secret matches none of the client's live secrets")
    if credentials.method not in client.auth_methods:
        raise InvalidClientError(reason="the authentication method is not this client's")
    if not client.enabled:
        raise InvalidClientError(reason="the client is disabled")
    return client
