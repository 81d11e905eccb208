"""The local stack's token endpoint behind an issuer that counts what it is asked."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.token_client.authorization_server import Answer, AuthorizationServer, Call, raw, serving

_PASSED_ON = ("Authorization", "Content-Type")


@contextmanager
def counting(issuer: str) -> Iterator[AuthorizationServer]:
    """Serve metadata of its own, and answer token requests as `issuer` does."""
    with serving(passing_on(f"{issuer}/oauth/token")) as server:
        yield server


def passing_on(token_endpoint: str) -> Answer:
    """Answer as that token endpoint does."""

    def answer(call: Call) -> None:
        headers = {name: value for name in _PASSED_ON if (value := call.asked.headers[name]) is not None}
        told = httpx.post(token_endpoint, content=call.asked.body, headers=headers)
        raw(told.content, told.status_code)(call)

    return answer
