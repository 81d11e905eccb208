"""The connection to AWS: time-outs, and what its failures become."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from token_client.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

# What botocore, or a reader of its answer, raises over an answer of a shape that AWS never sends.
_NONSENSE = (AttributeError, LookupError, RecursionError, TypeError, ValueError)


def connect(service: str, *, session: Any, region_name: str | None, endpoint_url: str | None) -> Any:
    """Make a boto3 client that answers or fails within seconds: a store is there to save time. Raises `StoreError`."""
    import boto3.session  # noqa: PLC0415 - a third of a second that only a client with a store pays
    from botocore.config import Config  # noqa: PLC0415 - as above

    config = Config(
        connect_timeout=1,
        read_timeout=2,
        retries={"mode": "standard", "total_max_attempts": 2},
        max_pool_connections=50,
        tcp_keepalive=True,
    )
    with dependency(service):
        client: Any = (session or boto3.session.Session()).client
        return client(service, region_name=region_name, endpoint_url=endpoint_url, config=config)


@contextmanager
def dependency(operation: str) -> Iterator[None]:
    """Turn every failure of a call into a `StoreError` that names the operation and AWS's error code, nothing more."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as boto3 in `connect`
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - as above

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        raise StoreError(f"{operation}: {code}") from error
    except (BotoCoreError, ResponseParserError, *_NONSENSE) as error:
        raise StoreError(f"{operation}: {type(error).__name__}") from error
