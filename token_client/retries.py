"""What is asked again, and when (RFC 9110 10.2.3: Retry-After).

Asked again is only what another attempt can change: no answer, 429, 5xx, an answer that is not OAuth's. All of these
are a `ServerUnavailableError`, and nothing else is.
"""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from token_client.clocks import Clocks
from token_client.errors import ServerUnavailableError
from token_client.limits import Limits
from token_client.transport import HttpAnswer

LONGEST_PAUSE_S = 30.0  # who is asked to wait longer says so at once, instead of keeping its caller
_SECONDS = re.compile(r"[0-9]{1,15}")


def is_retried(status: int) -> bool:
    """Whether a status alone says that the server cannot answer now."""
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def unavailable(where: str, what: str, answer: HttpAnswer, wall: float) -> ServerUnavailableError:
    """Make the error of an answer that cannot be used. `wall` is this machine's time."""
    return ServerUnavailableError(f"{where} {what}", retry_after_s=retry_after_s(answer, wall))


def retry_after_s(answer: HttpAnswer, wall: float) -> float | None:
    """Give the seconds that Retry-After asks to wait, by the server's clock where it is a date; None: nothing said."""
    value = answer.headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    until = http_date(value)
    if until is None:
        return None
    now = http_date(answer.headers.get("date", ""))
    return max(0.0, until - (wall if now is None else now))


def http_date(value: str) -> float | None:
    """Read an HTTP date (RFC 9110 5.6.7) as Unix time; None where it is none."""
    try:
        date = parsedate_to_datetime(value)
        return (date if date.tzinfo is not None else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def pause_s(limits: Limits, clocks: Clocks, error: ServerUnavailableError) -> float:
    """Give the seconds until the next attempt."""
    return max(clocks.jittered(limits.retry_interval_s), error.retry_after_s or 0.0)
