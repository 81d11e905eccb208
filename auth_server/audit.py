"""One JSON line for each decision, on standard output. What it may hold is listed here, and nothing else is written.

A client id is written once the store knows it, never before: what an unknown caller sent as an id may be a secret in
the wrong field. No token, secret or assertion has a place in a line.
"""

import json
import sys
import time
import traceback
from dataclasses import dataclass, fields

LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}


@dataclass(slots=True)
class Decision:
    """What one request came to. Filled in on the way down, so that a refusal tells how far the request got.

    `outcome` is one of `app.LEVEL_OF_OUTCOME`; `scope` and `audience` are those granted; `error` is
    the code that the client saw, `reason` what it was not told; `subject` and `subject_jti` are of the token that was
    exchanged, or `subject` is whom a token was vended to, once that is known for certain; `registered_by` is the client
    that registers, or registered, the other; `secret_expires_at` is the Unix time at which the secret that the client
    authenticated with ends, and `last_use` says why its use could not be noted; `quota_used` is how many tokens of its
    `quota` the client has got, or tried to get, in this hour.
    """

    event: str
    request_id: str | None = None
    source_ip: str | None = None
    grant_type: str | None = None
    auth_method: str | None = None
    secret_expires_at: int | None = None
    last_use: str | None = None
    quota: int | None = None
    quota_used: int | None = None
    client_id: str | None = None
    scope: str | None = None
    audience: tuple[str, ...] | None = None
    jti: str | None = None
    registered_by: str | None = None
    subject: str | None = None
    subject_jti: str | None = None
    kid: str | None = None
    outcome: str | None = None
    status: int | None = None
    error: str | None = None
    reason: str | None = None


_FIELDS = tuple(field.name for field in fields(Decision))


class AuditLog:
    """Writes decisions at or above a level to standard output, where Lambda collects them."""

    def __init__(self, level: str) -> None:
        """`level` is one of `LEVELS`."""
        self._least = LEVELS[level]

    def write(self, level: str, decision: Decision) -> None:
        """Write the fields that are known as one line."""
        if LEVELS[level] >= self._least:
            known = {name: value for name in _FIELDS if (value := getattr(decision, name)) is not None}
            line = json.dumps({"time": round(time.time(), 3), "level": level, **known}, separators=(",", ":"))
            # One write, so that the lines of two threads do not mix; and a Lambda may be frozen as soon as it answered.
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


def where(error: BaseException) -> str:
    """Tell the type of an unexpected exception and the line that raised it: never its text, which may quote input."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else ""
    return type(error).__name__ + place
