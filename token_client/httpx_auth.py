"""Calls of protected APIs with httpx and httpx2: `httpx.Client(auth=client.auth())`, and so for an AsyncClient."""

from __future__ import annotations

import asyncio
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

import httpx

from token_client.api_call import ApiCalls, Read, Renew, Send, Token, advance
from token_client.request_body import RequestBody

try:
    from httpx2 import Auth as Httpx2Auth
except ImportError:
    Httpx2Auth = object  # type: ignore[misc, assignment] # a class of nothing more, where httpx2 is not installed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from token_client.access_token import AccessToken
    from token_client.api_call import AsyncClient, Client


class HttpxAuth(httpx.Auth, Httpx2Auth):  # type: ignore[misc] # `auth_flow` of each is typed for its own requests
    """Puts a client's token into each request, and follows the answer as `token_client.api_call` says.

    Requests and answers are httpx's or httpx2's, whichever calls. A TokenClient serves an AsyncClient of httpx from
    threads; an AsyncTokenClient is faster there.
    """

    def __init__(self, client: Client | AsyncClient) -> None:
        self._client = client
        self._calls = ApiCalls(client)

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """Send the request, and send it again where the answer asks for it."""
        client, steps = blocking(self._client), self._calls.call(request.method, str(request.url), _body(request))
        response: Any = None
        step = advance(steps)
        while step:
            result: Any
            match step:
                case Token():
                    result = client.access_token()
                case Renew(rejected):
                    result = client.renew(rejected)
                case Read():
                    result = response.read()
                case Send(headers):
                    request.headers.update(headers)
                    result = response = yield request
                    request = response.request
            step = advance(steps, result)

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        """Do the same for an AsyncClient."""
        client, steps = _awaitable(self._client), self._calls.call(request.method, str(request.url), _body(request))
        response: Any = None
        step = advance(steps)
        while step:
            result: Any
            match step:
                case Token():
                    result = await client.access_token()
                case Renew(rejected):
                    result = await client.renew(rejected)
                case Read():
                    result = await response.aread()
                case Send(headers):
                    request.headers.update(headers)
                    result = response = yield request
                    request = response.request
            step = advance(steps, result)


def blocking(client: Client | AsyncClient) -> Client:
    """Give a client that blocks as it is; raises TypeError for one of coroutines."""
    if iscoroutinefunction(client.access_token):
        raise TypeError("an AsyncTokenClient is for httpx.AsyncClient; everything else takes a TokenClient")
    return client  # type: ignore[return-value] # what has no coroutines is the other of the two


class _InThreads:
    """A client that blocks, from a thread."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def access_token(self) -> AccessToken:
        return await asyncio.to_thread(self._client.access_token)

    async def renew(self, rejected: AccessToken) -> AccessToken | None:
        return await asyncio.to_thread(self._client.renew, rejected)


def _awaitable(client: Any) -> Any:
    return client if iscoroutinefunction(client.access_token) else _InThreads(client)


def _body(request: Any) -> RequestBody:
    # `fields` are those of a multipart form. `_stream` is httpx's name for what its user gave as the content; should it
    # have another some day, the stream itself stands for it, which counts as one that can be sent only once.
    stream = request.stream
    if hasattr(stream, "fields"):
        return RequestBody(*(getattr(each, "file", None) for each in stream.fields))
    return RequestBody(getattr(stream, "_stream", stream))
