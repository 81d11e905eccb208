"""The errors of the client, as they are handed on."""

import copy
import pickle

import pytest

from token_client import (
    ConfigurationError,
    InsufficientScopeError,
    ServerUnavailableError,
    TokenClientError,
    TokenRefusedError,
)

ERRORS = [
    ConfigurationError("scope must be scopes"),
    ServerUnavailableError("answered 503", retry_after_s=3.0),
    TokenRefusedError("invalid_scope", "No.", 400, hint="ask for less"),
    InsufficientScopeError(("a", "b"), ("b",), "the answer"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_passes_from_process_to_process(error: TokenClientError) -> None:
    """A pool that cannot unpickle a worker's error is broken by it: kind, text and members are the same."""
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - what was pickled a line before
        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
