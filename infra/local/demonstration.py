"""What `make run` shows: a token, and the protected API's answer with a good one, without one, and with bad ones."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from infra.local.developer_page import expired_token
from infra.local.stack import DEMO_CLIENT_ID, LocalStack


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer: `challenge` is the WWW-Authenticate header, empty where there is none."""

    what: str
    request: str
    status: int
    body: str
    challenge: str


def demonstrate(stack: LocalStack) -> Iterator[Exchange]:
    """Send the requests, one by one."""
    with httpx.Client(timeout=10) as http:
        answer = _ask_for_token(http, stack)
        yield _exchange("the client's id and secret", answer, _shortened(answer.json()))
        yield _call(http, stack, "no token", None)
        yield _call(http, stack, "that token", answer.json()["access_token"])
        yield _call(http, stack, "a token that has expired", expired_token(stack))
        narrow = _ask_for_token(http, stack, scope="messages:write").json()["access_token"]
        yield _call(http, stack, "a token without the scope", narrow)


def _ask_for_token(http: httpx.Client, stack: LocalStack, **parameters: str) -> httpx.Response:
    form = {"grant_type": "client_credentials", **parameters}
    return http.post(f"{stack.issuer}/oauth/token", data=form, auth=(DEMO_CLIENT_ID, stack.client_secret))


def _call(http: httpx.Client, stack: LocalStack, what: str, token: str | None) -> Exchange:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return _exchange(what, http.get(f"{stack.api}/products", headers=headers))


def _exchange(what: str, answer: httpx.Response, body: str | None = None) -> Exchange:
    request = f"{answer.request.method} {answer.request.url.path}"
    challenge = answer.headers.get("www-authenticate", "")
    return Exchange(what, request, answer.status_code, answer.text if body is None else body, challenge)


def _shortened(document: dict[str, Any]) -> str:
    shown = {**document, "access_token": document["access_token"][:12] + "..."}
    return json.dumps(shown, separators=(",", ":"))
