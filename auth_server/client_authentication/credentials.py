"""Credentials as a request presents them."""

from typing import Protocol

from auth_server.clients import Client


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
