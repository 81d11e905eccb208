"""`client_secret_basic`: the secret in the Authorization header (RFC 6749 2.3.1, RFC 7617)."""

import base64
from urllib.parse import unquote_plus

from auth_server.client_authentication.client_secret import ClientSecretCredentials
from auth_server.errors import InvalidClientError
from auth_server.form import Form
from auth_server.services import Services
from auth_server.wire import Request


def find(request: Request, form: Form, services: Services) -> ClientSecretCredentials | None:  # noqa: ARG001 - as every method
    """Give the credentials of the Authorization header; see `from_header`."""
    return from_header(request)


def from_header(request: Request) -> ClientSecretCredentials | None:
    """Give the credentials of the Authorization header, None where there is none.

    Any Authorization header is an attempt to authenticate: one that is not good Basic raises `InvalidClientError`.
    """
    header = request.header("authorization")
    if header is None:
        return None
    scheme, _, encoded = header.strip(" \t").partition(" ")
    if scheme.lower() != "basic":  # RFC 9110 11.1: a scheme is case-insensitive
        raise InvalidClientError(reason="the Authorization header is not Basic")
    try:
        client_id, colon, secret = base64.b64decode(encoded.strip(" "), validate=True).decode("utf-8").partition(":")
        decoded = unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except ValueError:
        raise InvalidClientError(reason="the Basic credentials cannot be decoded") from None
    if not colon or not all(decoded):
        raise InvalidClientError(reason="the Basic credentials lack an id or a secret")
    return ClientSecretCredentials("client_secret_basic", *decoded)
