"""The connection to AWS: time-outs, and what its failures become. boto3 is imported when it is needed, no sooner."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from token_client import forks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from token_client.errors import TokenClientError

# What botocore, or a reader of its answer, raises over an answer of a shape that AWS never sends.
_NONSENSE = (AttributeError, LookupError, RecursionError, TypeError, ValueError)


@dataclass(slots=True, eq=False, weakref_slot=True)
class Connection:
    """Makes boto3 clients, once each. `session` is a boto3 Session; without one, the environment says who asks."""

    region_name: str | None = None
    endpoint_url: str | None = None
    session: Any = field(default=None, repr=False)
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)  # a boto3 Session is not safe for threads, its clients are

    def __post_init__(self) -> None:
        forks.tell(self)

    def client(self, service: str) -> Any:
        """Give the client of a service, which answers or fails within seconds. Raises what botocore raises."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._connect(service)
            return self._clients[service]

    def forget(self) -> None:
        """Connect anew in a forked process: two that share a TLS connection break it for each other."""
        self._lock = Lock()
        self._clients = {}

    def _connect(self, service: str) -> Any:
        import boto3.session  # noqa: PLC0415 - a third of a second, for those alone who need AWS
        from botocore.config import Config  # noqa: PLC0415 - as above

        config = Config(
            connect_timeout=1,
            read_timeout=2,
            retries={"mode": "standard", "total_max_attempts": 2},
            max_pool_connections=50,
            tcp_keepalive=True,
        )
        region, session = self.region_name, self.session
        if session is None:
            session = boto3.session.Session()
            # boto3 itself reads AWS_DEFAULT_REGION alone; the other SDKs, and much that AWS runs, have this name.
            region = region or session.region_name or os.environ.get("AWS_REGION")
        make: Any = session.client
        return make(service, region_name=region, endpoint_url=self.endpoint_url, config=config)


@contextmanager
def calling(operation: str, error: type[TokenClientError]) -> Iterator[None]:
    """Turn every failure of a call into an `error` that names the operation and AWS's error code, and nothing more."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as boto3 above
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - as above

    try:
        yield
    except ClientError as failure:
        raise error(f"{operation}: {failure.response.get('Error', {}).get('Code', 'unknown')}") from failure
    except (BotoCoreError, ResponseParserError, *_NONSENSE) as failure:
        # From nothing: a parser's text repeats the answer, and with it a secret or a token.
        raise error(f"{operation}: {type(failure).__name__}") from None
