"""Errors as they are handed on: to another process, and with what they must not take along."""

import copy
import pickle

import httpx
import pytest

from token_client import InsufficientScopeError, ServerUnavailableError, TokenClientError, TokenRefusedError

_REQUEST = httpx.Request("GET", "https://api.example.com", headers={"Authorization": "Bearer t0ken"})


@pytest.mark.parametrize(
    "error",
    [
        TokenClientError("why"),
        ServerUnavailableError("down", retry_after_s=3.0),
        TokenRefusedError("invalid_client", "who?", 401, hint="look"),
        InsufficientScopeError(("a", "b"), ("a",), httpx.Response(403, request=_REQUEST)),
    ],
)
def test_an_error_reaches_another_process(error: TokenClientError) -> None:
    """A pool whose worker raises it reads it again, with all of its members; the token stays."""
    pickled = pickle.dumps(error)
    for again in (pickle.loads(pickled), copy.copy(error)):  # noqa: S301 - made a line before
        assert (type(again), str(again)) == (type(error), str(error))
        assert vars(again) == vars(error) | ({"response": None} if "response" in vars(error) else {})
    assert b"t0ken" not in pickled
