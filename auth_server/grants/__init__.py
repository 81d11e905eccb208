"""The grants of the token endpoint. A grant is one file and one row."""

from collections.abc import Callable

from auth_server.access_token import Grant
from auth_server.clients import CLIENT_CREDENTIALS, TOKEN_EXCHANGE, Client
from auth_server.form import Form
from auth_server.grants import client_credentials, token_exchange
from auth_server.services import Services

GRANTS: dict[str, Callable[[Client, Form, Services], Grant]] = {
    CLIENT_CREDENTIALS: client_credentials.grant,
    TOKEN_EXCHANGE: token_exchange.grant,
}
