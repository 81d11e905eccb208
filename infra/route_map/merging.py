"""Fewer patterns for the same routes, where one for each does not fit: `GET/products*`, `P*/products*`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from infra.route_map.globs import covers
from infra.route_map.plan import Conflict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from infra.route_map.plan import Patterns, Plan, Planner
    from infra.route_map.requirement import Requirement
    from infra.route_map.size import Room

    Allow = dict[Requirement, Patterns]
    # Whether a pattern may be allowed to a token for a requirement.
    Test = Callable[[str, Requirement], bool]

# What stands for several methods: POST and PUT; PATCH as well; all. The first is the closest: `P*/products*` matches
# `PUT/orders/products`, and `P*T/products*` does so only where a segment before it ends with a T.
_POST_AND_PUT: Final = "P*T"
_P: Final = "P*"
_ALL: Final = "*"


def merged(planner: Planner, room: Room) -> Plan:
    """Give the first plan that fits, from the plainest on, or the smallest one.

    1. One pattern for each route. 2. Patterns that match no request of another group's routes. 3. Patterns that do,
    where those requests can be denied by patterns that are there anyway.
    """
    literal = planner.literal()
    plan = planner.plan(literal)
    if plan.conflicts:
        return plan
    safe = _covered(literal, _harmless(planner), _POST_AND_PUT)
    wider: Iterator[Callable[[], Allow]] = iter(
        (
            lambda: safe,
            lambda: _covered(literal, _deniable(planner, safe, literal), _POST_AND_PUT, _P),
            lambda: _covered(literal, _deniable(planner, safe, literal), _POST_AND_PUT, _P, _ALL),
        )
    )
    while plan.most_bytes(room) > room.bytes and (step := next(wider, None)):
        plan = _better(plan, planner.plan(step(), safe, literal), room)
    return plan


def _better(plan: Plan, other: Plan, room: Room) -> Plan:
    return other if not other.conflicts and other.most_bytes(room) < plan.most_bytes(room) else plan


def _harmless(planner: Planner) -> Test:
    return lambda pattern, granted: not any(planner.harmed(pattern, granted))


def _deniable(planner: Planner, *offers: Mapping[Requirement, Patterns]) -> Test:
    """Make the test whether all that a pattern opens of other routes is denied by patterns that are there anyway."""

    def test(pattern: str, granted: Requirement) -> bool:
        for route, common in planner.harmed(pattern, granted):
            there = {each for offer in offers for each in offer.get(route.requirement, ())}
            for glob in common:
                denial = planner.denial(glob, route, granted, offers)
                if isinstance(denial, Conflict) or denial not in there:
                    return False
        return True

    return test


def _covered(literal: Allow, is_good: Test, *methods: str) -> Allow:
    return {
        requirement: _cover(patterns, partial(_asked, is_good, requirement), methods)
        for requirement, patterns in literal.items()
    }


def _asked(is_good: Test, granted: Requirement, pattern: str) -> bool:
    return is_good(pattern, granted)


def _cover(literal: Patterns, is_good: Callable[[str], bool], methods: tuple[str, ...]) -> Patterns:
    """Choose patterns that cover all of the literal ones: the one that covers most first; of equals, the narrowest."""
    candidates = {
        each: frozenset(one for one in literal if covers(each, one)) for each in _candidates(literal, methods)
    }
    left = set(literal)
    chosen: list[str] = []
    while candidates:
        best = max(candidates, key=lambda each: (len(candidates[each] & left), len(each), each))
        covered = candidates.pop(best) & left
        if len(covered) <= 1:
            break
        if is_good(best):
            chosen.append(best)
            left -= covered
    return (*chosen, *(each for each in literal if each in left))


def _candidates(literal: Patterns, methods: tuple[str, ...]) -> set[str]:
    """Give what could stand for several of the patterns: all below a path, or a path alone, for one method or more."""
    found: set[str] = set()
    for pattern in literal:
        method, _, path = pattern.partition("/")
        segments = path.split("/")
        prefixes = ["/".join(segments[:number]) for number in range(len(segments) + 1)]
        ends = {path, *(prefix if prefix.endswith("*") else f"{prefix}*" for prefix in prefixes)}
        ends |= {f"{prefix}/*" for prefix in prefixes[1:]}
        heads = {method, *(each for each in methods if covers(each, method))}
        found.update(f"{each}/{end}" for each in heads for end in ends)
    return found
