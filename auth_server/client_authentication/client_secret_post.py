"""`client_secret_post`: id and secret as parameters of the body (RFC 6749 2.3.1)."""

from auth_server.client_authentication.client_secret import ClientSecretCredentials
from auth_server.errors import InvalidClientError
from auth_server.form import Form
from auth_server.services import Services
from auth_server.wire import Request


def find(request: Request, form: Form, services: Services) -> ClientSecretCredentials | None:  # noqa: ARG001 - as every method
    """Give the credentials of the body, None where it holds no secret. A `client_id` alone is no authentication."""
    secret = form.one("client_secret")
    if secret is None:
        return None
    client_id = form.one("client_id")
    if client_id is None:
        raise InvalidClientError(reason="a client_secret without a client_id")
    return ClientSecretCredentials("client_secret_post", client_id, secret)
