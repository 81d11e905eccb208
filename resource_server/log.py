"""The log: one JSON object per line on stdout.

    {"time": 1790000000.123, "level": "INFO", "event": "request", "method": "GET", "route": "/products/{id}",
     "status": 200, "client_id": "shop", "request_id": "..."}

A line holds the route's template and never the path, the query, a header or a body: a caller may put anything there.
"""

import json
import sys
import time
import traceback
from dataclasses import dataclass

from resource_server.settings import LOG_LEVELS


@dataclass(frozen=True, slots=True)
class Log:
    """Writes lines of `level` (one of `LOG_LEVELS`) and above."""

    level: str

    def write(self, level: str, event: str, **fields: object) -> None:
        """Write one line; fields without a value are left out."""
        if LOG_LEVELS.index(level) < LOG_LEVELS.index(self.level):
            return
        given = {name: value for name, value in fields.items() if value is not None}
        line = {"time": round(time.time(), 3), "level": level, "event": event, **given}
        sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
        sys.stdout.flush()

    def write_exception(self, error: Exception, request_id: str | None) -> None:
        """Write an unexpected exception's type and where it came from. Its text may quote the request: never that."""
        frames = traceback.extract_tb(error.__traceback__)
        self.write(
            "ERROR",
            "unexpected_exception",
            type=type(error).__name__,
            location=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
            request_id=request_id,
        )
