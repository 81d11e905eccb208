"""What a person types: a username and a password, in a JSON body. Neither is ever quoted, logged or shown."""

from dataclasses import dataclass, field

from auth_server import json_body
from auth_server.errors import InvalidRequestError
from auth_server.wire import Request


@dataclass(frozen=True, slots=True)
class Credentials:
    """Both as they were sent: the one may be typed into the other's field."""

    username: str = field(repr=False)
    password: str = field(repr=False)


def parse(request: Request) -> Credentials:
    """Read both; raises `InvalidRequestError`. Whatever else the body says, nothing here listens to it."""
    document = json_body.parse(request)
    username, password = document.get("username"), document.get("password")
    if not isinstance(username, str) or not isinstance(password, str):
        raise InvalidRequestError("The body must have a username and a password, which are strings.")
    return Credentials(username, password)
