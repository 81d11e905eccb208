"""What tests of both kinds of client share."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.token_client.clients import KINDS


@pytest.fixture(params=list(KINDS))
def made(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Give what makes a client: one for threads, then one for tasks."""
    return KINDS[request.param]
