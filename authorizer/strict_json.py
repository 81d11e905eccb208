"""JSON objects, read so that there is only one way to read them (RFC 8259, RFC 7515 4, RFC 8725 2.6)."""

import json
import math
import re
from typing import Any, NoReturn

MAX_DEPTH = 32
# Strings are passed over as a whole. One that does not end is, too: to look for its end again from each quote in it
# would take a token's sender seconds of our time.
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(members)
    # RFC 7515 4 and RFC 7519 4 let a parser refuse duplicate names: two parsers must never see two values.
    if len(names) != len(members):
        raise ValueError("a member name appears twice")
    return names


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is out of range")
    return number


def _constant(_: str) -> NoReturn:
    # RFC 8259 6: NaN and Infinity are not JSON.
    raise ValueError("not a JSON number")


def _is_shallow(data: bytes) -> bool:
    """Whether nothing is nested deeper than anybody needs: what may be read must be writable again, everywhere."""
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return True
    depth = 0
    for token in _BRACKETS.finditer(data):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(token[0], 0)
        if depth > MAX_DEPTH:
            return False
    return True


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_number, parse_constant=_constant)


def parse_object(data: bytes) -> dict[str, Any]:
    """Parse UTF-8 JSON text whose value is an object; raises `ValueError`, whose text holds nothing of the data."""
    value = parse(data)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - a fault of the data, not of the caller's types
    return value


def parse(data: bytes) -> Any:
    """Parse UTF-8 JSON text; raises `ValueError`, whose text holds nothing of the data."""
    if not _is_shallow(data):
        raise ValueError("nested too deeply")
    try:
        return _DECODER.decode(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ValueError("not strict JSON") from None
