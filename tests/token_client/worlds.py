"""What a test of the whole needs: a local stack, a front before it, a table that clients share, and clients."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.token_client.clients import KINDS, Caller
from tests.token_client.front import Front, before
from tests.token_client.shared_table import SharedTable, shared_table, store
from token_client.credentials.client_secret import ClientSecret

Stack = Mapping[str, Any]
STORED, NOT_STORED = "products:read", "products:write"


@dataclass(frozen=True)
class World:
    """All of it, for one kind of client: `threads` or `tasks`."""

    stack: Stack
    front: Front
    table: SharedTable
    kind: str

    @property
    def arguments(self) -> dict[str, Any]:
        """Give the arguments of a client of the server behind the front, as JSON has them."""
        who = {name: self.stack[name] for name in ("client_id", "client_secret")}
        return {"issuer": self.front.url, **who, "scope": STORED, "resource": self.stack["audience"]}

    def client(self, **changed: Any) -> AbstractContextManager[Caller]:
        """Give a client that knows nothing yet, some of its arguments changed."""
        given = self.arguments
        credentials = ClientSecret(given.pop("client_id"), given.pop("client_secret"))
        caller: AbstractContextManager[Caller] = KINDS[self.kind](
            **{"credentials": credentials, "store": store(self.table), **given, **changed}
        )
        return caller

    def is_taken(self, token: str) -> bool:
        """Whether the API takes a token."""
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.get(f"{self.stack['api']}/products", headers=headers).status_code == httpx.codes.OK


@contextmanager
def world_of(stack: Stack, kind: str = "threads") -> Iterator[World]:
    """Give a world with an empty table."""
    with before(stack["issuer"]) as front, shared_table(stack["aws_endpoint_url"]) as table:
        yield World(stack, front, table, kind)
