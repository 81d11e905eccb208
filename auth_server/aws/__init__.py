"""The adapters to AWS: the only place of this package that knows boto3."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from auth_server.errors import DependencyError

# Two tries within seconds: an answer, or a 503, long before API Gateway gives up at 29 s.
CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=50,
    tcp_keepalive=True,
)


# What botocore, or a reader of its answer, raises over JSON of a shape that AWS never sends.
NONSENSE = (AttributeError, LookupError, RecursionError, TypeError, ValueError)


def connect(
    service: str,
    session: boto3.session.Session | None = None,
    *,
    region: str | None = None,
    config: Config = CONFIG,
) -> Any:
    """Make a boto3 client of `service` with our time-outs; a session of its own reads the environment now."""
    return (session or boto3.session.Session()).client(service, region_name=region, config=config)  # type: ignore[call-overload] # the stubs want a literal name


@contextmanager
def dependency(operation: str) -> Iterator[None]:
    """Turn every failure of an AWS call, an answer that makes no sense included, into a `DependencyError`.

    It names the operation and AWS's error code, and quotes nothing of the answer.
    """
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        raise DependencyError(f"{operation}: {code}") from error
    except (BotoCoreError, ResponseParserError, *NONSENSE) as error:
        raise DependencyError(f"{operation}: {type(error).__name__}") from error
