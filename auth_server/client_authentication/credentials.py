"""Credentials as a request presents them."""

from typing import Protocol

from auth_server.clients import Client
from auth_server.errors import InvalidClientError


class Credentials(Protocol):
    """What one authentication method found in a request."""

    @property
    def method(self) -> str:
        """The method's name in the registry of RFC 7591 4.2."""
        ...

    @property
    def client_id(self) -> str:
        """The client that the request claims to be from."""
        ...

    def prove(self, client: Client | None, now: int) -> None:
        """Check that these are the client's credentials at the Unix time `now`, with the same work for None.

        Raises `InvalidClientError` where they are not, and for None always.
        """
        ...


def require_permitted(client: Client | None, method: str) -> Client:
    """Give the client back where it may authenticate in this way now; raises `InvalidClientError`."""
    if client is None:
        raise InvalidClientError(reason="unknown client")
    if method not in client.auth_methods:
        raise InvalidClientError(reason="the authentication method is not this client's")
    if not client.enabled:
        raise InvalidClientError(reason="the client is disabled")
    return client
