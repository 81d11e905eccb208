"""What each group of routes is allowed by, what it is denied by, and whether that tells all routes apart.

A policy is kept for the token and held against every request. So whatever a pattern matches of another route's requests
has to be denied, as long as the token may lack that route. A pattern that denies matches requests of third routes in
turn: where a token may have those, one policy cannot say it, and the document is refused.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

from infra.route_map.globs import covers, widest
from infra.route_map.requirement import CLOSED, Requirement, can_be_apart, is_met, words
from infra.route_map.routing import ANY, DEFAULT, Route, Routing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from infra.route_map.size import Room

# So many scopes are tried in all their combinations, where a simpler bound is too much.
_MOST_SCOPES_TO_TRY: Final = 12

Patterns = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two routes that must be told apart, and a request of a third one that is on the wrong side of every pattern."""

    allowed: Requirement
    denied: Route
    also_denied: Route
    example: str

    def __str__(self) -> str:
        return (
            f"{self.denied.key} ({words(self.denied.requirement)}) has to be denied to a token for "
            f"{words(self.allowed)}, and no pattern does so that does not deny {self.also_denied.key} "
            f"({words(self.also_denied.requirement)}) as well, as in {self.example}"
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """Patterns for each requirement. `deny` has those of CLOSED too, each with the requirements it stands against."""

    allow: Mapping[Requirement, Patterns]
    deny: Mapping[Requirement, Mapping[str, frozenset[Requirement]]]
    conflicts: tuple[Conflict, ...]

    def most_bytes(self, room: Room) -> int:
        """Give the bytes of the largest policy that any scopes lead to; at least that many."""
        bound = sum(self.most_of(requirement, room) for requirement in {*self.allow, *self.deny})
        scopes = sorted(frozenset().union(*(each for requirement in self.allow for each in requirement)))
        if bound <= room.bytes or len(scopes) > _MOST_SCOPES_TO_TRY:
            return bound
        chosen = (frozenset(each) for number in range(len(scopes) + 1) for each in combinations(scopes, number))
        return max(self._bytes_for(each, room) for each in chosen)

    def most_of(self, requirement: Requirement, room: Room) -> int:
        """Give the most bytes that one requirement's patterns take: either it is met, or it is not."""
        return max(
            sum(map(room.cost, self.allow.get(requirement, ()))), sum(map(room.cost, self.deny.get(requirement, ())))
        )

    def _bytes_for(self, scopes: frozenset[str], room: Room) -> int:
        met = {requirement for requirement in self.allow if is_met(requirement, scopes)}
        allowed = [pattern for requirement in met for pattern in self.allow[requirement]]
        denied = [
            pattern
            for requirement in self.deny.keys() - met
            for pattern, against in self.deny[requirement].items()
            if against & met
        ]
        return sum(map(room.cost, [*allowed, *denied]))


class Planner:
    """Finds the patterns for an API's routes."""

    def __init__(self, routing: Routing) -> None:
        self.routing = routing
        groups: dict[Requirement, list[Route]] = defaultdict(list)
        for route in routing.routes:
            groups[route.requirement].append(route)
        self.groups: Mapping[Requirement, Sequence[Route]] = {
            requirement: routes for requirement, routes in groups.items() if requirement != CLOSED
        }

    def literal(self) -> dict[Requirement, Patterns]:
        """Give one pattern for each route; of ANY, one for each method where a single one would match other routes."""
        return {
            requirement: tuple(dict.fromkeys(each for route in routes for each in self._patterns_of(route)))
            for requirement, routes in self.groups.items()
        }

    def _patterns_of(self, route: Route) -> Patterns:
        if route.method != ANY:
            return route.patterns
        for_all = "*" if route.path == DEFAULT else f"*/{route.resource}"
        return (for_all,) if not any(self.harmed(for_all, route.requirement)) else route.patterns

    def harmed(self, pattern: str, requirement: Requirement) -> Iterator[tuple[Route, Mapping[str, str]]]:
        """Give the routes that the pattern would open to a token for `requirement`, which may lack them, and where."""
        return (
            (route, common)
            for route, common in self.routing.met(pattern, with_slash=True).items()
            if not route.is_preflight and can_be_apart(route.requirement, requirement)
        )

    def plan(self, allow: Mapping[Requirement, Patterns], *offers: Mapping[Requirement, Patterns]) -> Plan:
        """Find what has to be denied, preferring patterns of `allow` and `offers`, which serve many routes."""
        deny: dict[Requirement, dict[str, set[Requirement]]] = defaultdict(lambda: defaultdict(set))
        conflicts: list[Conflict] = []
        for requirement, patterns in allow.items():
            found: dict[Route, set[str]] = defaultdict(set)
            for pattern in patterns:
                for route, common in self.harmed(pattern, requirement):
                    found[route].update(common)
            for route, globs in found.items():
                for glob in widest(frozenset(globs)):
                    chosen = self.denial(glob, route, requirement, (allow, *offers))
                    if isinstance(chosen, Conflict):
                        conflicts.append(chosen)
                    else:
                        deny[route.requirement][chosen].add(requirement)
        frozen = {
            requirement: {each: frozenset(against) for each, against in sorted(patterns.items())}
            for requirement, patterns in deny.items()
        }
        return Plan(allow, frozen, tuple(conflicts))

    def denial(
        self, glob: str, route: Route, granted: Requirement, offers: Iterable[Mapping[Requirement, Patterns]]
    ) -> str | Conflict:
        """Choose the pattern that denies `glob`, which is the route's, to a token for `granted`."""
        offered = (each for offer in offers for each in offer.get(route.requirement, ()) if covers(each, glob))
        for_all = (f"*/{route.resource}",) if len(route.methods) > 1 else ()
        own = (each for each in (*for_all, *route.patterns) if covers(each, glob))
        conflict = None
        candidates: list[str] = [*offered, *own, glob]
        for pattern in candidates:
            conflict = self._conflict(pattern, route, granted)
            if conflict is None:
                return pattern
        assert conflict is not None  # noqa: S101 - `glob` itself was tried last
        return conflict

    def _conflict(self, pattern: str, denied: Route, granted: Requirement) -> Conflict | None:
        """Find a route that a token for `granted` without the denied one may have, and that the pattern would deny."""
        for route, common in self.routing.met(pattern, with_slash=False).items():
            if route.requirement != CLOSED and can_be_apart(denied.requirement, granted, route.requirement):
                return Conflict(granted, denied, route, next(iter(common.values())))
        return None
