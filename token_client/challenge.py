"""Challenges: what a resource server says in `WWW-Authenticate` (RFC 9110 11.6.1, RFC 6750 3)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

# RFC 9110 5.6.2, 5.6.4 and 11.2. Possessive quantifiers: what was read is not tried again, so that time is linear.
_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"  # noqa: S105 - a grammar
_QUOTED: Final = r'"((?:[^"\\]|\\.)*+)"'
_PARAM: Final = re.compile(rf"({_TOKEN})[ \t]*+=[ \t]*+(?:({_TOKEN})|{_QUOTED})", re.DOTALL)
_SCHEME: Final = re.compile(rf"({_TOKEN})(?![ \t]*+=)(?:[ \t]++([A-Za-z0-9._~+/-]++=*+)(?=[ \t]*+(?:,|\Z)))?")
_BETWEEN: Final = re.compile(r"[\s,]*+")
_GARBAGE: Final = re.compile(rf'[^\s,"]++|{_QUOTED}', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """A scheme in lower case, with either parameters, their names in lower case, or one token68 (RFC 9110 11.2)."""

    scheme: str
    params: Mapping[str, str] = field(default_factory=dict)
    token68: str | None = None


def parse(values: Iterable[str]) -> list[Challenge]:
    """Read the challenges of some header fields, each of which may have several. Never raises.

    What breaks the grammar is passed over. Blanks do for commas: API Gateway's JWT authorizers write
    `Bearer scope="" error="invalid_token"`.
    """
    return [challenge for value in values for challenge in _challenges(value)]


def _challenges(value: str) -> Iterator[Challenge]:
    found: list[tuple[str, dict[str, str], str | None]] = []
    position = 0
    while (position := _end(_BETWEEN.match(value, position))) < len(value):
        if match := _PARAM.match(value, position):
            if found:
                name, token, quoted = match.groups()
                found[-1][1].setdefault(name.lower(), token or re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL))
        elif match := _SCHEME.match(value, position):
            found.append((match[1].lower(), {}, match[2]))
        elif not (match := _GARBAGE.match(value, position)):
            break  # a quoted string without an end: all the rest is inside of it
        position = match.end()
    return (Challenge(*each) for each in found)


def _end(match: re.Match[str] | None) -> int:
    assert match is not None  # noqa: S101 - it matches nothing, too
    return match.end()
