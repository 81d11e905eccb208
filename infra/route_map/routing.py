"""Which route of an API a request reaches.

A literal segment stands before a parameter, a parameter before a greedy one, from the left; a parameter holds one
character at least. Where AWS's documentation leaves room for another order (a full match before every greedy one; in
HTTP APIs, a method before ANY), a request is taken to reach each of the routes in question. A method that a REST API's
resource lacks reaches nothing; here it reaches a less specific route, as it does in an HTTP API: the policy of a
request that reaches nothing does not matter.

Sources: API Gateway developer guide, "Create routes for HTTP APIs in API Gateway", "Set up a proxy integration with a
proxy resource".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from infra.route_map.globs import ANYTHING, PARAMETER, Shape, families, may_meet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from infra.route_map.requirement import Requirement

METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
ANY: Final = "ANY"
# Any method beside these: ANY takes it too, as far as AWS says. Each pattern that holds several methods matches it.
OTHER: Final = "P-T"
DEFAULT: Final = "$default"

# A text that no document has, for a parameter whose value is nothing in particular.
_FRESH: Final = "\0"
_LITERAL, _PARAMETER, _GREEDY = range(3)


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """A method (or ANY) and a path, and what a token must have for it.

    `methods` are those that reach it: for ANY, all that the path has no operation of its own for, and OTHER.
    `is_preflight` is an OPTIONS without security that API Gateway answers by itself: no authorizer is asked, and
    nothing is behind it.
    """

    method: str
    path: str
    methods: tuple[str, ...]
    requirement: Requirement
    is_preflight: bool = False

    @property
    def key(self) -> str:
        """The routeKey: `GET /products/{id}`, `$default`."""
        return self.path if self.path == DEFAULT else f"{self.method} {self.path}"

    @property
    def segments(self) -> tuple[str, ...]:
        """What stands between the slashes; of the root, one that is empty."""
        return tuple(self.path.split("/")[1:])

    @property
    def is_greedy(self) -> bool:
        """Whether it ends with a parameter of any number of segments."""
        return self.path == DEFAULT or self.path.endswith("+}")

    @property
    def resource(self) -> str:
        """The pattern of its path: a parameter is a `*`."""
        if self.path == DEFAULT:
            return "*"
        return "/".join("*" if is_parameter(each) else each for each in self.segments)

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns that match its requests, and others' too, one for each of its methods that has a name here."""
        return tuple(f"{method}/{self.resource}" for method in self.methods if method != OTHER)

    @property
    def rank(self) -> tuple[int, ...]:
        """What is compared with another route that matches the same path: the smaller one is the more specific."""
        if self.path == DEFAULT:
            return (_GREEDY + 1,)
        return tuple(
            _GREEDY if each.endswith("+}") else _PARAMETER if is_parameter(each) else _LITERAL for each in self.segments
        )


def is_parameter(segment: str) -> bool:
    """Whether a segment of a template is a parameter, greedy or not."""
    return segment.startswith("{")


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    parameter: _Node | None = None
    ends: list[Route] = field(default_factory=list)
    greedy: list[Route] = field(default_factory=list)


class Routing:
    """The routes of one API, by path. `is_http` says that it is an HTTP API."""

    def __init__(self, routes: Iterable[Route], *, is_http: bool) -> None:
        self.routes = tuple(routes)
        self._is_http = is_http
        self._root = _Node()
        self._default: list[Route] = []
        for route in self.routes:
            self._add(route)
        self._heads = {
            route: [f"{method}/{route.resource}".partition("*")[0] for method in route.methods] for route in self.routes
        }
        self._met: dict[tuple[str, bool], Mapping[Route, Mapping[str, str]]] = {}
        self._depth = max((len(route.segments) for route in self.routes), default=0)

    def _add(self, route: Route) -> None:
        if route.path == DEFAULT:
            self._default.append(route)
            return
        node = self._root
        for segment in route.segments:
            if segment.endswith("+}"):
                node.greedy.append(route)
                return
            if is_parameter(segment):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, _Node())
        node.ends.append(route)

    def reached(self, method: str, segments: tuple[str, ...]) -> frozenset[Route]:
        """Give the route that a request reaches, or those of which one is it."""
        found = [route for route in _matching(self._root, segments) if method in route.methods] or self._default
        if len(found) <= 1:
            return frozenset(found)
        orders = [lambda route: (route.rank,), lambda route: (route.is_greedy, route.rank)]
        if self._is_http:
            orders.append(lambda route: (route.is_greedy, route.method == ANY, route.rank))
        return frozenset(min(found, key=order) for order in orders)

    def shapes(self, route: Route, slashes: int) -> Iterator[Shape]:
        """Give the shapes that a route's requests have: method, then segments.

        A greedy parameter may hold any number of segments. More than there are slashes in a pattern, and than any other
        route has, are all the same: a `*` holds them, and no route is more specific for them. One between two others
        may be empty, which no other parameter can be: what comes after it makes no difference then.
        """
        if not route.is_greedy:
            ends: list[Shape] = [tuple(PARAMETER if is_parameter(each) else each for each in route.segments)]
        else:
            front = () if route.path == DEFAULT else route.segments[:-1]
            fixed = tuple(PARAMETER if is_parameter(each) else each for each in front)
            most = max(self._depth, len(front) + slashes) + 2 - len(front)
            least = 0 if route.path == DEFAULT else 1
            numbers = range(1, most + 1)
            ends = [(*fixed, *[PARAMETER] * number) for number in numbers]
            ends += [
                (*fixed, *[PARAMETER] * full, "", *[ANYTHING] * (number - full - 2), PARAMETER)
                for number in numbers
                for full in range(least, number - 1)
            ]
            ends += [("",)] if route.path == DEFAULT else []
        for end in ends:
            yield from ((method, *end) for method in route.methods)

    def met(self, pattern: str, *, with_slash: bool) -> Mapping[Route, Mapping[str, str]]:
        """Give the routes of whose requests a pattern matches some: those as patterns, each with an example.

        `with_slash`: a slash at the end as well, which may lead to the same route.
        """
        key = (pattern, with_slash)
        if key not in self._met:
            heads = ((route, self._heads[route]) for route in self.routes)
            near = (route for route, heads_of_it in heads if any(may_meet(pattern, head) for head in heads_of_it))
            found = ((route, dict(self._common(pattern, route, with_slash))) for route in near)
            self._met[key] = {route: common for route, common in found if common}
        return self._met[key]

    def _common(self, pattern: str, route: Route, with_slash: bool) -> Iterator[tuple[str, str]]:  # noqa: FBT001 - as of `met`
        for shape in self.shapes(route, pattern.count("/")):
            if not may_meet(pattern, shape[0] or ""):
                continue
            for each in [shape, (*shape, "")] if with_slash else [shape]:
                for family in sorted(families(pattern, each)):
                    method, *segments = (part.replace("*", _FRESH) for part in family[: len(shape)])
                    # Values that are nothing in particular reach the fewest other routes: where these reach another
                    # one, all do.
                    if route in self.reached(method, tuple(segments)):
                        # What denies OTHER has to deny all methods.
                        glob = "/".join((ANYTHING, *family[1:]) if method == OTHER else family)
                        yield glob, f"{method} /{'/'.join(segments).replace(_FRESH, 'x')}"


def _matching(node: _Node, segments: tuple[str, ...]) -> Iterator[Route]:
    if not segments:
        yield from node.ends
        return
    segment, rest = segments[0], segments[1:]
    if segment in node.literals:
        yield from _matching(node.literals[segment], rest)
    if segment:
        if node.parameter is not None:
            yield from _matching(node.parameter, rest)
        yield from node.greedy
