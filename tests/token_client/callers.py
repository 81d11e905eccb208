"""The HTTP libraries that have an adapter, each called in the same way; and a client whose tokens are the test's."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import requests

from token_client.access_token import AccessToken
from token_client.httpx_auth import HttpxAuth
from token_client.requests_auth import RequestsAuth

if TYPE_CHECKING:
    from collections.abc import Callable

    from token_client.dpop import DPoPKey

BEARER = "Bearer"
SCOPE = ("products:read",)


def access_token(value: str, token_type: str = BEARER) -> AccessToken:
    """Make a token of an hour."""
    now = int(time.time() * 1000)
    return AccessToken(value, token_type, SCOPE, now, now + 3_600_000)


@dataclass
class Tokens:
    """A client without a server, so that a test decides which tokens there are: the first, and what renewing gives.

    `renewals` are the tokens that were reported as rejected. Its clock stands where the test puts it.
    """

    values: list[str]
    token_type: str = BEARER
    dpop_key: DPoPKey | None = None
    allow_http: bool = False
    renewals: list[str] = field(default_factory=list)
    clock: Callable[[], float] = time.time

    def now(self) -> float:
        """Give the time."""
        return self.clock()

    def access_token(self) -> AccessToken:
        """Give the first token."""
        return access_token(self.values[0], self.token_type)

    def renew(self, rejected: AccessToken) -> AccessToken | None:
        """Give the next token, None after the last."""
        self.renewals.append(rejected.value)
        return access_token(self.values[len(self.renewals)], self.token_type) if self.values[1:] else None


@dataclass
class AsyncTokens:
    """The same as coroutines."""

    tokens: Tokens

    @property
    def dpop_key(self) -> DPoPKey | None:
        """Give its key."""
        return self.tokens.dpop_key

    @property
    def allow_http(self) -> bool:
        """Say whether tokens may be sent in the clear."""
        return self.tokens.allow_http

    def now(self) -> float:
        """Give the time."""
        return self.tokens.now()

    async def access_token(self) -> AccessToken:
        """Give the first token."""
        return self.tokens.access_token()

    async def renew(self, rejected: AccessToken) -> AccessToken | None:
        """Give the next token, None after the last."""
        return self.tokens.renew(rejected)


Call = Any  # (client, method, url, headers, content) -> the library's response, read


def _httpx(library: Any) -> Call:
    def call(client: Any, method: str, url: str, content: Any = None, **options: Any) -> Any:
        with library.Client(auth=HttpxAuth(client), follow_redirects=True) as http:
            return http.request(method, url, content=content, **options)

    return call


def _httpx_async(library: Any, wrap: Callable[[Any], Any]) -> Call:
    def call(client: Any, method: str, url: str, content: Any = None, **options: Any) -> Any:
        async def run() -> Any:
            async with library.AsyncClient(auth=HttpxAuth(wrap(client)), follow_redirects=True) as http:
                return await http.request(method, url, content=_async_content(content), **options)

        return asyncio.run(run())

    return call


def _async_content(content: Any) -> Any:
    """Make an asynchronous generator of a generator: an AsyncClient sends nothing else in parts."""
    if not hasattr(content, "__next__"):
        return content

    async def parts() -> Any:
        for part in content:
            yield part

    return parts()


def _requests(client: Any, method: str, url: str, content: Any = None, **options: Any) -> Any:
    with requests.Session() as session:
        session.auth = RequestsAuth(client)
        return session.request(method, url, data=content, **options)


CALLERS: dict[str, Call] = {
    "httpx": _httpx(httpx),
    "httpx2": _httpx(httpx2),
    "httpx_async": _httpx_async(httpx, AsyncTokens),
    "httpx2_async": _httpx_async(httpx2, AsyncTokens),
    "httpx_async_blocking": _httpx_async(httpx, lambda client: client),
    "requests": _requests,
}
# Those that send a file in parts.
BLOCKING = {name: call for name, call in CALLERS.items() if "async" not in name}
