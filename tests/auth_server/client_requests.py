"""Requests of an authenticated client to an endpoint beside the token endpoint, and three clients that make them."""

from typing import Any
from urllib.parse import urlencode

from tests.simulator import AUDIENCE, SECRET, MemoryClientStore, Response, Simulator, basic, client, document, event

API = client(client_id="api", resource_identifiers=(AUDIENCE,))
OTHER = client(client_id="other")


def simulator(**changes: Any) -> Simulator:
    """Give a server that knows `demo`, the API `api` whose audience the tokens of `demo` are for, and `other`."""
    return Simulator(clients=MemoryClientStore(client(**changes), API, OTHER))


def ask(server: Simulator, path: str, parameters: Any, client_id: str = "demo", **headers: Any) -> Response:
    """Post a form with Basic authentication; a header of None is left out."""
    body = parameters if isinstance(parameters, str) else urlencode(parameters)
    return server.send(event("POST", path, body=body, headers={**basic(client_id, SECRET), **headers}))


def token_of(server: Simulator, client_id: str = "demo", **parameters: Any) -> str:
    """Get a token for a client."""
    text: str = document(server.token(client_id, **parameters))["access_token"]
    return text
