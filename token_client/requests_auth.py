"""Calls of protected APIs with requests: `requests.get(url, auth=client.requests_auth())`, or a session's `auth`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from requests.auth import AuthBase

from token_client.api_call import ApiCalls, Read, Renew, Send, Signed, advance
from token_client.httpx_auth import blocking
from token_client.request_body import RequestBody

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

    from token_client.api_call import Client


class RequestsAuth(AuthBase):
    """Puts a client's token into each request, and follows the answer as `token_client.api_call` says."""

    def __init__(self, client: Client) -> None:
        self._client = blocking(client)
        self._calls = ApiCalls(client)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sign a request that is being prepared."""
        self._calls.require_privacy(str(request.url))  # before a token is asked for
        signed = self._calls.sign(str(request.method), str(request.url), self._client.access_token())
        request.headers.update(signed.headers)
        follow = partial(self._follow, signed, RequestBody(request.body))
        request.register_hook("response", follow)  # type: ignore[no-untyped-call] # in types-requests
        return request

    def _follow(self, signed: Signed, body: RequestBody, response: Response, **options: Any) -> Response:
        """Follow an answer. All state is of this one: a request may be prepared once and sent by many threads."""
        result: object = None
        steps = self._calls.follow(signed, body, response)
        try:
            while step := advance(steps, result):
                match step:
                    case Renew(rejected):
                        result = self._client.renew(rejected)
                    case Read():
                        result = response.content
                    case Send(headers):
                        result = response = _send_again(response, headers, options)
        except BaseException:
            response.close()  # as httpx does by itself; nobody else has it yet
            raise
        return response


def _send_again(response: Response, headers: Any, options: Any) -> Response:
    """Send the request of an answer again over the same adapter, as requests' own HTTPDigestAuth does."""
    _ = response.content  # so that the connection is free for the next request
    request = response.request.copy()
    request.headers.update(headers)
    again: Response = response.connection.send(request, **options)
    again.history = [*response.history, response]
    return again
