"""Many calls whose one token is refused at once, with the real clients: the server is asked for one other."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import requests

from tests.token_client.protected_api import Asked, ProtectedApi, Reply, serving
from token_client import AsyncTokenClient, ServerUnavailableError, TokenClient

if TYPE_CHECKING:
    from collections.abc import Iterator

Calling = Any  # (url) -> status
MANY = 100
INVALID = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


@dataclass
class Storm:
    """A server of tokens t1, t2, ..., and an API that takes none but the second, of which all get to know at once."""

    server: ProtectedApi
    api: ProtectedApi

    def options(self) -> dict[str, Any]:
        """Give what makes a client."""
        return {"token_endpoint": self.server.url, "client_id": "a", "client_secret": "b", "retries": 0}


@contextmanager
def storm() -> Iterator[Storm]:
    """Serve both."""
    numbers, together = itertools.count(1), threading.Barrier(MANY)

    def issue(_: Asked) -> Reply:
        body = {"access_token": f"t{next(numbers)}", "token_type": "Bearer", "expires_in": 3600}
        return Reply(200, {"Content-Type": "application/json"}, json.dumps(body).encode())

    def answer(asked: Asked) -> Reply:
        if asked.token == "t2":
            return Reply()
        together.wait(30)
        return Reply(401, INVALID)

    with serving(issue) as server, serving(answer) as api:
        yield Storm(server, api)


@contextmanager
def by_httpx(client: TokenClient) -> Iterator[Calling]:
    """Call by httpx."""
    with httpx.Client(auth=client.auth(), limits=httpx.Limits(max_connections=None), timeout=30) as http:
        yield lambda url: http.get(url).status_code


@contextmanager
def by_requests(client: TokenClient) -> Iterator[Calling]:
    """Call by requests."""
    auth = client.requests_auth()
    yield lambda url: requests.get(url, auth=auth, timeout=30).status_code


CALLING = pytest.mark.parametrize("calling", [by_httpx, by_requests])


@CALLING
def test_a_hundred_threads_cause_one_token_request(calling: Any) -> None:
    """All hundred are answered 401 with the same token, and all go on with the one other."""
    with storm() as served, TokenClient(**served.options()) as client, ThreadPoolExecutor(MANY) as pool:
        with calling(client) as call:
            statuses = list(pool.map(lambda _: call(served.api.url), range(MANY)))
        assert statuses == [200] * MANY
        assert (len(served.server.asked), sorted(served.api.tokens, key=str)) == (2, ["t1"] * MANY + ["t2"] * MANY)


def test_a_hundred_tasks_cause_one_token_request() -> None:
    """So do the tasks of an event loop."""

    async def run(served: Storm) -> list[int]:
        limits = httpx.Limits(max_connections=None)
        async with (
            AsyncTokenClient(**served.options()) as client,
            httpx.AsyncClient(auth=client.auth(), limits=limits, timeout=30) as http,
        ):
            return [each.status_code for each in await asyncio.gather(*(http.get(served.api.url) for _ in range(MANY)))]

    with storm() as served:
        assert asyncio.run(run(served)) == [200] * MANY
        assert (len(served.server.asked), sorted(served.api.tokens, key=str)) == (2, ["t1"] * MANY + ["t2"] * MANY)


def test_an_api_that_refuses_every_token_causes_one_token_request_in_a_while() -> None:
    """Calls of an API that never takes a token do not turn into calls of the server."""
    with storm() as served, TokenClient(**served.options()) as client, httpx.Client(auth=client.auth()) as http:
        served.api.answer = lambda _: Reply(401, INVALID)
        assert [http.get(served.api.url).status_code for _ in range(10)] == [401] * 10
        assert (len(served.server.asked), len(served.api.asked)) == (2, 11)


@CALLING
def test_a_renewal_that_fails_is_an_error(calling: Any) -> None:
    """With the server down there is no other token: the error says so, rather than the API's 401."""
    with storm() as served, TokenClient(**served.options()) as client:
        client.token()
        served.server.answer = lambda _: Reply(503)
        served.api.answer = lambda _: Reply(401, INVALID)
        with calling(client) as call, pytest.raises(ServerUnavailableError):
            call(served.api.url)
