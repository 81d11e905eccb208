"""Unix times as dates."""

import time
from datetime import UTC, datetime

# From so many seconds on, in units of so many seconds, called so.
_UNITS = ((172_800, 86_400, "days"), (3_600, 3_600, "h"), (60, 60, "min"), (0, 1, "s"))


def timestamp(seconds: float | None) -> str | None:
    """Write a Unix time as RFC 3339 in UTC, as JSON documents have it; None for None and for what is in no calendar."""
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return None


def moment(seconds: float, now: float | None = None) -> str:
    """Write a Unix time for a person: `2026-09-21 13:33:20 UTC (in 59 min)`."""
    date = timestamp(seconds)
    if date is None:
        return str(seconds)
    difference = seconds - (time.time() if now is None else now)
    return f"{date[:-1].replace('T', ' ')} UTC ({_relative(int(difference))})"


def _relative(seconds: int) -> str:
    if seconds == 0:
        return "now"
    size, name = next((size, name) for least, size, name in _UNITS if abs(seconds) >= least)
    amount = f"{abs(seconds) // size} {name}"
    return f"in {amount}" if seconds > 0 else f"{amount} ago"
