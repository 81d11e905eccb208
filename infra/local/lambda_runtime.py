"""Lambda in this process: a cold start with settings of its own, an invocation, and the JSON on both sides of it."""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

    Handler: TypeAlias = Callable[[Any, "LambdaContext"], Any]

# A deployed function never sees the variables of the machine it was written on: only these survive a cold start.
BASE_ENVIRONMENT = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH")

# Request and response of a synchronous invocation, 6 MB each:
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_PAYLOAD_BYTES = 6 * 1024 * 1024

# sys.modules and os.environ belong to the whole process, so cold starts take turns.
_cold_start = threading.RLock()


class FunctionError(Exception):
    """The function raised, or its result is not JSON; the text is the `errorMessage` that Lambda would return."""


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """The second argument of a handler (https://docs.aws.amazon.com/lambda/latest/dg/python-context.html)."""

    aws_request_id: str
    invoked_function_arn: str
    deadline: float  # of time.monotonic(), in seconds
    memory_limit_in_mb: str = "128"
    function_version: str = "$LATEST"
    client_context: None = None
    identity: None = None

    @property
    def function_name(self) -> str:
        """The name in the function's ARN."""
        return self.invoked_function_arn.split(":function:")[-1].partition(":")[0]

    @property
    def log_group_name(self) -> str:
        """The log group that Lambda would write to."""
        return f"/aws/lambda/{self.function_name}"

    @property
    def log_stream_name(self) -> str:
        """A stream of that group; on one machine there is only one."""
        return "local"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left before the invocation times out, never less than 0."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


def invoke(handler: Handler, event: Any, context: LambdaContext) -> tuple[Any, int]:
    """Call a handler as Lambda does: its result passes through JSON.

    Returns the result as its caller reads it, and its size in bytes. Raises FunctionError for whatever the handler
    raises, for a result that JSON cannot carry, and for one over 6 MB.
    """
    try:
        result = handler(event, context)
    except BaseException as error:  # whatever a handler raises ends its invocation, and not the server
        raise FunctionError(str(error)) from error
    try:
        payload = _encoder.encode(result)
        size = len(payload)
        if size > MAX_PAYLOAD_BYTES:
            raise FunctionError(
                f"Response payload size exceeded maximum allowed payload size ({MAX_PAYLOAD_BYTES} bytes)."
            )
        return json.loads(payload), size
    except (TypeError, ValueError, RecursionError) as error:
        raise FunctionError(f"Unable to marshal response: {error}") from error


def _decimal_as_number(value: object) -> float:
    """Write a Decimal, which is what DynamoDB returns, as Lambda's Python runtime does."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


_encoder = json.JSONEncoder(default=_decimal_as_number, allow_nan=False)


def load_function(module: str, environ: Mapping[str, str]) -> Handler:
    """Cold start: import a fresh copy of `module` and its package under `environ` alone; return its `lambda_handler`.

    Two functions over one package, each with settings of its own, can so live side by side. `environ` is laid over the
    few variables of BASE_ENVIRONMENT and is in force only during the import, for the whole process: a handler module
    reads its settings and makes its AWS clients while it is imported, and imports nothing later. Whatever the import
    raises is raised here, with the process as it was before.
    """
    with _cold_start, _environment(environ), _fresh_copy_of(module.partition(".")[0]):
        loaded: ModuleType = importlib.import_module(module)
    handler: Handler = loaded.lambda_handler
    return handler


@contextmanager
def _environment(environ: Mapping[str, str]) -> Iterator[None]:
    """Put `environ` over the base in place of this process's variables, and those back afterwards."""
    before = dict(os.environ)
    base = {name: before[name] for name in BASE_ENVIRONMENT if name in before}
    _replace_environment(base | dict(environ))
    try:
        yield
    finally:
        _replace_environment(before)


def _replace_environment(variables: Mapping[str, str]) -> None:
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)


@contextmanager
def _fresh_copy_of(package: str) -> Iterator[None]:
    """Forget a package for as long as it is imported anew, and then put its earlier copy back."""
    before = _forget(package)
    try:
        yield
    finally:
        _forget(package)
        sys.modules.update(before)


def _forget(package: str) -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name == package or name.startswith(package + ".")]
    return {name: sys.modules.pop(name) for name in names}
