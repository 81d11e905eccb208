"""What a token must have for a route: alternatives, each a set of scopes that are all needed.

More scopes never allow less. So whether some token has one requirement and not another is seen from the smallest sets
of scopes alone, which are the alternatives and their unions.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product

# Alternatives, the smallest ones only. One that is empty is met by every token.
Requirement = frozenset[frozenset[str]]

EVERY_TOKEN: Requirement = frozenset({frozenset()})
# Met by no token.
CLOSED: Requirement = frozenset()


def smallest(alternatives: frozenset[frozenset[str]]) -> Requirement:
    """Leave out each alternative that holds another one, as the smaller one is enough."""
    return frozenset(each for each in alternatives if not any(other < each for other in alternatives))


def is_met(requirement: Requirement, scopes: frozenset[str]) -> bool:
    """Whether scopes meet a requirement."""
    return any(alternative <= scopes for alternative in requirement)


@lru_cache(maxsize=1 << 18)
def can_be_apart(unmet: Requirement, *met: Requirement) -> bool:
    """Whether some token meets all of `met`, and `unmet` not."""
    return any(not is_met(unmet, frozenset().union(*chosen)) for chosen in product(*met))


def words(requirement: Requirement) -> str:
    """Say a requirement: `a b or c`, `every token`, `closed`."""
    if requirement == EVERY_TOKEN:
        return "every token"
    return " or ".join(sorted(" ".join(sorted(each)) for each in requirement)) or "closed"
