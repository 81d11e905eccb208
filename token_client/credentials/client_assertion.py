"""A JWT in the place of a secret (RFC 7521 4.2, RFC 7523 2.2)."""

from __future__ import annotations

from typing import Final

from token_client.credentials.protocol import Authenticated

_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def authenticated(client_id: str, assertion: str) -> Authenticated:
    """Put an assertion into the form, with the client's id: some servers look nowhere else for whom it is about."""
    return Authenticated(form={"client_id": client_id, "client_assertion_type": _TYPE, "client_assertion": assertion})
