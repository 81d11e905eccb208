"""From the `security` entries of an OpenAPI document to the map that the authorizer makes its policies from.

`authorizer.route_map` describes the map. What is decided here: docs/adr/0026-whole-policies-by-patterns.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from authorizer.route_map import compact
from infra.route_map.document import read_document
from infra.route_map.errors import RouteMapError
from infra.route_map.merging import merged
from infra.route_map.plan import Planner
from infra.route_map.requirement import CLOSED, Requirement, words
from infra.route_map.routing import Routing
from infra.route_map.size import Room

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.route_map.document import Api
    from infra.route_map.plan import Conflict, Plan
    from infra.route_map.routing import Route

__all__ = ["Compiled", "Room", "RouteMapError", "compile_routes"]

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Compiled:
    """A map, what its author might not expect, and the bytes of the largest policy's patterns and of their room."""

    map: dict[str, Any]
    warnings: tuple[str, ...]
    most_bytes: int
    room_bytes: int

    @property
    def json(self) -> str:
        """The map as ROUTES takes it, in one line."""
        return json.dumps(self.map, separators=(",", ":"))

    @property
    def compact(self) -> str:
        """The compact form, for an environment of 4 KB."""
        return compact(self.json.encode("ascii"))


def compile_routes(document: Mapping[str, Any], room: Room | None = None, *, per_call: bool = False) -> Compiled:
    """Compile a document that has been parsed. Raises RouteMapError.

    With `per_call`, the map has no patterns, and serves an authorizer that decides about single calls only.
    """
    room = room or Room()
    api = read_document(document)
    planner = Planner(Routing(api.routes, is_http=api.is_http))
    if per_call:
        return Compiled(_written(api, planner, None), api.warnings, 0, room.bytes)
    plan = merged(planner, room)
    _check(plan, planner, room)
    return Compiled(_written(api, planner, plan), api.warnings, plan.most_bytes(room), room.bytes)


def _check(plan: Plan, planner: Planner, room: Room) -> None:
    if plan.conflicts:
        raise RouteMapError(_told_apart(plan.conflicts))
    patterns = [each for group in (*plan.allow.values(), *plan.deny.values()) for each in group]
    too_long = [each for each in patterns if not room.takes(each)]
    if too_long:
        raise RouteMapError(
            f"{too_long[0]} is too long a resource for a policy, which takes 512 characters with the ARN"
        )
    over = plan.most_bytes(room) - room.bytes
    if over > 0:
        largest = sorted(planner.groups, key=lambda each: -plan.most_of(each, room))[:_SHOWN]
        costs = "; ".join(f"{words(each)}: {plan.most_of(each, room)} bytes" for each in largest)
        raise RouteMapError(
            f"a policy may need {over} bytes more than the {room.bytes} that API Gateway leaves for routes. Most need: "
            f"{costs}. Let routes share scopes or a path that no other scope's routes have, name a short --stage, or "
            "compile with --per-call and set POLICY_FOR=call"
        )


def _told_apart(conflicts: Sequence[Conflict]) -> str:
    shown = list(dict.fromkeys(map(str, conflicts)))
    more = f" ({len(shown) - _SHOWN} more like this)" if len(shown) > _SHOWN else ""
    return (
        f"one policy cannot tell these routes apart: {'; '.join(shown[:_SHOWN])}{more}. Give them the same scopes or "
        "other paths, or compile with --per-call and set POLICY_FOR=call"
    )


def _written(api: Api, planner: Planner, plan: Plan | None) -> dict[str, Any]:
    numbers = {requirement: number for number, requirement in enumerate(planner.groups)}
    groups = [
        {"any_of": _alternatives(requirement), "routes": _keys(routes), **_patterns(plan, requirement, numbers)}
        for requirement, routes in planner.groups.items()
    ]
    closed = _keys([route for route in api.routes if route.requirement == CLOSED])
    denied = {} if plan is None else {"deny": _denies(plan, CLOSED, numbers)}
    connect = {"connect": _alternatives(api.connect)} if api.connect != CLOSED else {}
    return {"latchkey_routes": 1, "groups": groups, "closed": {"routes": closed, **denied}, **connect}


def _patterns(plan: Plan | None, requirement: Requirement, numbers: Mapping[Requirement, int]) -> dict[str, Any]:
    if plan is None:
        return {}
    return {"allow": list(plan.allow[requirement]), "deny": _denies(plan, requirement, numbers)}


def _denies(plan: Plan, requirement: Requirement, numbers: Mapping[Requirement, int]) -> list[dict[str, Any]]:
    return [
        {"pattern": pattern, "against": sorted(numbers[each] for each in against)}
        for pattern, against in plan.deny.get(requirement, {}).items()
    ]


def _alternatives(requirement: Requirement) -> list[list[str]]:
    return sorted(sorted(each) for each in requirement)


def _keys(routes: Sequence[Route]) -> list[str]:
    return [route.key for route in routes]
