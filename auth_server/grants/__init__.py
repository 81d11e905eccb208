"""The grants of the token endpoint. A grant is one file and one row."""

from collections.abc import Callable

from auth_server.access_token import Grant
from auth_server.clients import CLIENT_CREDENTIALS, Client
from auth_server.form import Form
from auth_server.grants import client_credentials
from auth_server.settings import Settings

GRANTS: dict[str, Callable[[Client, Form, Settings], Grant]] = {
    CLIENT_CREDENTIALS: client_credentials.grant,
}
