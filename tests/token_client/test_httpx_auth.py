"""What is httpx's own about its adapter (token_client/httpx_auth.py); the rest is in test_api_call.py."""

from __future__ import annotations

import asyncio
import io
import threading
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest

from tests.token_client.callers import AsyncTokens, Tokens
from tests.token_client.protected_api import Asked, Reply, accepting, serving
from token_client.errors import InsufficientScopeError
from token_client.httpx_auth import HttpxAuth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REFUSED = Reply(401, {"WWW-Authenticate": 'Bearer error="invalid_token"'}, b"no")


@pytest.fixture(params=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest) -> Any:
    """Give httpx, and its successor."""
    return {"httpx": httpx, "httpx2": httpx2}[request.param]


def test_a_client_of_coroutines_is_for_an_async_client(library: Any) -> None:
    """An AsyncTokenClient under a Client is a mistake that is told at once."""
    auth, message = HttpxAuth(AsyncTokens(Tokens(["good"]))), r"an AsyncTokenClient is for httpx\.AsyncClient"
    with library.Client(auth=auth) as http, pytest.raises(TypeError, match=message):
        http.get("http://127.0.0.1:9/")


def gated(end: threading.Event) -> Callable[[Asked], Reply]:
    """Give an API that refuses the first token, and whose good answer ends when the event is set."""

    def parts() -> Iterator[bytes]:
        yield b"first"
        end.wait(30)
        yield b"last"

    return lambda asked: Reply(body=parts()) if asked.token == "new" else REFUSED


def test_a_good_answer_streams(library: Any) -> None:
    """After a renewal too, the answer is the caller's before it is complete."""
    end = threading.Event()
    auth = HttpxAuth(Tokens(["old", "new"]))
    with serving(gated(end)) as api, library.Client(auth=auth) as http, http.stream("GET", api.url) as response:
        got = response.iter_bytes()
        assert (response.status_code, next(got)) == (200, b"first")
        end.set()
        assert b"".join(got) == b"last"


def test_a_good_answer_streams_to_a_coroutine(library: Any) -> None:
    """The same for an AsyncClient."""
    end = threading.Event()

    async def run(url: str) -> None:
        auth = HttpxAuth(AsyncTokens(Tokens(["old", "new"])))
        async with library.AsyncClient(auth=auth) as http, http.stream("GET", url) as response:
            got = response.aiter_bytes()
            assert await anext(got) == b"first"
            end.set()
            assert [part async for part in got] == [b"last"]

    with serving(gated(end)) as api:
        asyncio.run(run(api.url))


def test_a_refusal_can_be_read_from_a_stream(library: Any) -> None:
    """An answer that is returned after all can still be read in parts; an error's has been read."""
    with library.Client(auth=HttpxAuth(Tokens(["old"]))) as http:
        with serving(accepting("new", REFUSED)) as api, http.stream("GET", api.url) as response:
            assert b"".join(response.iter_raw()) == b"no"
        said = Reply(403, {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}, b"why")
        with serving(lambda _: said) as api, pytest.raises(InsufficientScopeError) as raised:
            http.stream("GET", api.url).__enter__()
    error: Any = raised.value
    assert error.response.content == b"why"


def test_a_form_with_files_is_sent_again(library: Any) -> None:
    """A multipart form is sent in full both times, from files that can be wound back, and once from others."""
    files = {"file": ("a.txt", io.BytesIO(b"of a file")), "text": (None, b"of a text")}
    with library.Client(auth=HttpxAuth(Tokens(["old", "new"]))) as http, serving(accepting("new", REFUSED)) as api:
        assert http.post(api.url, data={"a": "b"}, files=files).status_code == 200
        first, second = (each.body for each in api.asked)
        assert first == second
        assert b"of a file" in first


class Unwindable(io.BytesIO):
    """A file that cannot be wound back."""

    def seek(self, *_: int) -> int:
        """Refuse."""
        raise io.UnsupportedOperation


def test_a_form_with_a_pipe_is_sent_once(library: Any) -> None:
    """One file that cannot be wound back suffices."""
    files = {"a": ("a", io.BytesIO(b"1")), "b": ("b", Unwindable(b"2"))}
    with library.Client(auth=HttpxAuth(Tokens(["old", "new"]))) as http, serving(accepting("new", REFUSED)) as api:
        assert http.post(api.url, files=files).status_code == 401
        assert len(api.asked) == 1


def test_hooks_see_every_request(library: Any) -> None:
    """Httpx's event hooks are called for each request and each answer, as without an adapter."""
    seen: list[Any] = []
    hooks = {
        "request": [lambda request: seen.append(request.headers["Authorization"])],
        "response": [lambda response: seen.append(response.status_code)],
    }
    auth = HttpxAuth(Tokens(["old", "new"]))
    with library.Client(auth=auth, event_hooks=hooks) as http, serving(accepting("new", REFUSED)) as api:
        http.get(api.url)
    assert seen == ["Bearer old", 401, "Bearer new", 200]
