"""IAM's patterns: `*` is any run of characters, the empty one and `/` too.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

# A segment of a shape that any text may stand in, of one character at least and without a slash.
PARAMETER: Final = None
# One that may be empty, too. No literal is like it.
ANYTHING: Final = "*"

Segment = str | None
Shape = tuple[Segment, ...]
# As many patterns as a shape has segments; the `*` of each stays within its segment.
Family = tuple[str, ...]


@lru_cache(maxsize=1 << 16)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern matches all of a text."""
    return _expression(pattern).fullmatch(text) is not None


def covers(pattern: str, other: str) -> bool:
    """Whether a pattern matches all that another one does: its `*` can stand for the other's, and for nothing less."""
    return matches(pattern, other)


def may_meet(pattern: str, head: str) -> bool:
    """Whether a pattern could match a text that begins so, as far as its own beginning tells."""
    own = pattern.partition("*")[0]
    return own.startswith(head) if len(head) < len(own) else head.startswith(own)


@lru_cache(maxsize=1 << 18)
def families(pattern: str, shape: Shape) -> frozenset[Family]:
    """Give all that a pattern and a shape have in common, as patterns for the single segments.

    `GET/users/*` and (GET, users, PARAMETER, posts) have (GET, users, *, posts) in common. A `*` of the pattern may end
    in one segment and go on in the next; it may hold several.
    """
    segment, *rest = shape
    slash = pattern.find("/")
    here = pattern if slash < 0 else pattern[:slash]
    if not rest:
        fragment = _fragment(here, segment) if slash < 0 else None
        return frozenset() if fragment is None else frozenset({(fragment,)})
    splits = [(here[: at + 1], pattern[at:]) for at, each in enumerate(here) if each == "*"]
    if slash >= 0:
        splits.append((here, pattern[slash + 1 :]))
    found: set[Family] = set()
    for before, after in splits:
        fragment = _fragment(before, segment)
        if fragment is not None:
            found.update((fragment, *family) for family in families(after, tuple(rest)))
    return frozenset(found)


def _fragment(pattern: str, segment: Segment) -> str | None:
    """Give what a pattern leaves of a segment; None is nothing."""
    if segment is PARAMETER or segment == ANYTHING:
        return re.sub(r"\*+", "*", pattern) or (None if segment is PARAMETER else "")
    return segment if matches(pattern, segment) else None


def widest(patterns: frozenset[str]) -> tuple[str, ...]:
    """Leave out each pattern that another one covers."""
    return tuple(
        sorted(each for each in patterns if not any(covers(other, each) for other in patterns if other != each))
    )
