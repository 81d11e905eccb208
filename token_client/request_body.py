"""Whether the body of a request can be sent a second time."""

from collections.abc import AsyncIterable
from typing import Any, Final

_AT_ONCE: Final = (type(None), str, bytes, bytearray, memoryview, list, tuple)


class RequestBody:
    """The body of a request, in one or several parts, and whether it can be sent again."""

    def __init__(self, *parts: object) -> None:
        self._starts = [(part, _position(part)) for part in parts]

    def rewind(self) -> bool:
        """Go back to where it began: whether that is possible."""
        return all(_rewind(part, start) for part, start in self._starts)


def _position(part: object) -> object:
    if isinstance(part, AsyncIterable) or not hasattr(part, "tell"):
        return None
    try:
        return part.tell()
    except (OSError, ValueError):  # a pipe; a closed file
        return None


def _rewind(part: Any, start: object) -> bool:
    if start is None:
        return isinstance(part, _AT_ONCE)
    try:
        part.seek(start)
    except (AttributeError, OSError, ValueError):
        return False
    return True
