"""A model of the gateway's cache: no call is decided otherwise than it would be without one.

The gateway asks the authorizer once for a token, keeps the policy and holds it against every later call. The model does
that with the local gateway's own routing and policy evaluation, over documents, scopes and calls of any kind, and
compares each decision with the scopes that the document names for the route that the call reaches.
"""

import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, assume, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from authorizer.route_map import Patterns, RouteMap
from infra.local.gateway.policy import Decision, parse_policy
from infra.local.gateway.routes import Router, canonical
from infra.route_map import Compiled, Room, RouteMapError, compile_routes
from infra.route_map.plan import Planner
from infra.route_map.routing import METHODS, Route, Routing

_STAGE: Final = "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod"
_SCOPES: Final = ("r", "w", "x")
_ANY: Final = "x-amazon-apigateway-any-method"
_METHODS: Final = ("get", "post", _ANY)
_SCHEMES: Final = {
    "oauth": {"type": "oauth2", "flows": {}},
    "token": {"type": "apiKey", "name": "Authorization", "in": "header"},
}
_MOCK: Final = {"x-amazon-apigateway-integration": {"type": "mock"}}

# No path of a document has the segment z.
_SEGMENTS: Final = ("a", "b", "z")
_FULL: Final = [path for n in range(1, 5) for path in itertools.product(_SEGMENTS, repeat=n)]
# An empty segment is part of what a greedy parameter holds, and of nothing else.
_EMPTY: Final = [(*path[:at], "", *path[at:]) for path in _FULL if len(path) < 4 for at in range(1, len(path))]
_PATHS: Final = ["/", *("/" + "/".join(path) for path in (*_FULL, *_EMPTY))]
_REQUESTS: Final = [(method, path) for method in ("GET", "POST", "PUT") for path in _PATHS]
_TOKENS: Final = [frozenset(each) for n in range(len(_SCOPES) + 1) for each in itertools.combinations(_SCOPES, n)]

# Of an error: the path of the route that would be denied as well, and the request.
_NAMED: Final = re.compile(r" that does not deny [A-Z]+ (\S+) \(.*?\) as well, as in [A-Z]+ (\S+?)[.;] ")

Document = dict[str, Any]
Authorizer = Callable[[RouteMap, frozenset[str], str, str], Patterns]


@st.composite
def paths(draw: st.DrawFn) -> str:
    """Draw a path of few names, so that paths meet; a parameter has one name at each depth, as API Gateway wants it."""
    parts = draw(st.lists(st.sampled_from(["a", "a", "b", "{}"]), max_size=3))
    end = draw(st.sampled_from([None, None, None, None, "{g+}"]))
    named = [f"{{p{at}}}" if part == "{}" else part for at, part in enumerate(parts)]
    return "/" + "/".join([*named, *([end] if end else [])])


def operations() -> st.SearchStrategy[Document]:
    """Draw what an operation needs: one scope more often than other things."""
    scopes = st.sampled_from(_SCOPES)
    some = st.lists(scopes, max_size=2)
    return st.one_of(
        scopes.map(lambda scope: {"security": [{"oauth": [scope]}]}),
        scopes.map(lambda scope: {"security": [{"token": []}], "x-latchkey-scopes": [scope]}),
        st.lists(some.map(lambda each: {"oauth": each}), min_size=1, max_size=2).map(lambda each: {"security": each}),
        st.tuples(some, some).map(
            lambda both: {"security": [{"token": []}, {"oauth": both[0], "token": []}], "x-latchkey-scopes": both[1]}
        ),
        st.sampled_from([{"security": []}, {"security": [{"oauth": ["r"]}, {}]}, {}, {}]),
    )


def documents() -> st.SearchStrategy[Document]:
    """Draw a document: few operations on paths that meet, preflights among them."""
    item = st.dictionaries(st.sampled_from(_METHODS), operations(), min_size=1, max_size=2)
    with_preflight = st.tuples(item, st.booleans()).map(
        lambda both: {**both[0], **({"options": _MOCK} if both[1] else {})}
    )
    return st.dictionaries(paths(), with_preflight, min_size=1, max_size=5).map(
        lambda each: {"openapi": "3.0.1", "paths": each, "components": {"securitySchemes": _SCHEMES}}
    )


class Wanted:
    """What the document says of calls: the decision without any cache."""

    def __init__(self, document: Document) -> None:
        self._router: Router[tuple[Document]] = Router()
        for path, item in document["paths"].items():
            self._router.add(path, {"ANY" if name == _ANY else name.upper(): (each,) for name, each in item.items()})
        self._needed: dict[tuple[str, str], list[set[str]] | None] = {}

    def route(self, method: str, path: str) -> str | None:
        """Give the path of the route that a call reaches."""
        found = self._find(method, path)
        return found and found[0]

    def _find(self, method: str, path: str) -> tuple[str, tuple[Document]] | None:
        found = self._router.find(method, path)
        return found[:2] if found else None

    def decision(self, method: str, path: str, scopes: frozenset[str]) -> bool | None:
        """Whether a call is to be allowed; None where it reaches nothing, or a preflight, and no policy matters."""
        if (method, path) not in self._needed:
            self._needed[method, path] = self._find_needed(method, path)
        needed = self._needed[method, path]
        return None if needed is None else any(each <= scopes for each in needed)

    def _find_needed(self, method: str, path: str) -> list[set[str]] | None:
        found = self._find(method, path)
        if found is None or found[1][0] is _MOCK:
            return None
        operation = found[1][0]
        security = operation.get("security")
        if security is None:
            return []
        also = operation.get("x-latchkey-scopes", [])
        return [{*also, *itertools.chain.from_iterable(each.values())} for each in security] or [set()]


class WantedOfHttpApi(Wanted):
    """The same of an HTTP API: the method counts for which route is reached, and what is left reaches $default."""

    def __init__(self, document: Document) -> None:
        paths = document["paths"]
        self._default = [(item[_ANY],) for path, item in paths.items() if path == "$default"]
        super().__init__({"paths": {path: item for path, item in paths.items() if path != "$default"}})
        self._by_method = {method: self._routes_of(method.lower(), paths) for method in METHODS}

    @staticmethod
    def _routes_of(method: str, paths: Document) -> Router[tuple[Document]]:
        router: Router[tuple[Document]] = Router()
        for path, item in paths.items():
            if path != "$default" and (method in item or _ANY in item):
                router.add(path, {"ANY": (item.get(method, item.get(_ANY)),)})
        return router

    def _find(self, method: str, path: str) -> tuple[str, tuple[Document]] | None:
        found = self._by_method[method].find(method, path)
        return found[:2] if found else ("$default", self._default[0]) if self._default else None


class Gateway:
    """API Gateway with an authorizer whose answers it keeps for each token, for ever."""

    def __init__(self, route_map: RouteMap, authorizer: Authorizer) -> None:
        self._map, self._authorizer = route_map, authorizer
        self._kept: dict[frozenset[str], Any] = {}

    def allows(self, method: str, path: str, scopes: frozenset[str]) -> bool:
        """Decide about a call as the gateway does."""
        if scopes not in self._kept:
            patterns = self._authorizer(self._map, scopes, method, path)
            self._kept[scopes] = parse_policy(policy(patterns)) if patterns.allow else None
        kept = self._kept[scopes]
        arn = f"{_STAGE}/{method}{canonical(path) or '/'}"
        return kept is not None and kept.decide(arn) is Decision.ALLOW


def policy(patterns: Patterns) -> Document:
    """Write the policy that the authorizer answers with."""
    statements = [
        {"Action": "execute-api:Invoke", "Effect": effect, "Resource": [f"{_STAGE}/{each}" for each in resources]}
        for effect, resources in (("Allow", patterns.allow), ("Deny", patterns.deny))
        if resources
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def good(route_map: RouteMap, scopes: frozenset[str], _method: str, _path: str) -> Patterns:
    """Authorize as the authorizer does."""
    return route_map.policy_for(scopes)


def compiled(document: Document, *, tight: bool = False) -> Compiled | None:
    """Compile a document, or give None where it is refused. `tight` leaves too little room for the plain patterns."""
    try:
        plain = compile_routes(document)
        if not tight:
            return plain
        return compile_routes(document, Room(reserve=Room().reserve + plain.room_bytes - plain.most_bytes + 1))
    except RouteMapError:
        return None


def refusal(document: Document) -> str:
    """Give the text of the error where a document is refused."""
    try:
        compile_routes(document)
    except RouteMapError as error:
        return str(error)
    return ""


def route_map_of(result: Compiled) -> RouteMap:
    """Read a map as the authorizer does."""
    return RouteMap.parse(result.json.encode())


Call = tuple[frozenset[str], tuple[str, str]]
_CALLS: Final = st.lists(st.tuples(st.sampled_from(_TOKENS), st.sampled_from(_REQUESTS)), min_size=1, max_size=40)


def fault(
    document: Document, result: Compiled, calls: list[Call], authorizer: Authorizer, of: type[Wanted] = Wanted
) -> Call | None:
    """Give the first call that is decided otherwise under the cache than without it."""
    wanted, gateway = of(document), Gateway(route_map_of(result), authorizer)
    for scopes, (method, path) in calls:
        decision = wanted.decision(method, path, scopes)
        if decision is not None and gateway.allows(method, path, scopes) is not decision:
            return scopes, (method, path)
    return None


def every_call(first: int) -> Iterator[Call]:
    """Give each call of the small world, for each token, from some number on and around."""
    for scopes in _TOKENS:
        yield from ((scopes, request) for request in (*_REQUESTS[first:], *_REQUESTS[:first]))


_THOROUGH = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)


@_THOROUGH
@given(documents(), st.booleans(), _CALLS)
def test_a_sequence_of_calls_is_decided_as_without_a_cache(document: Document, tight: bool, calls: list[Call]) -> None:
    """Any tokens, in any order, with the policy of each token's first call."""
    result = compiled(document, tight=tight)
    assume(result is not None)
    assert result is not None
    assert fault(document, result, calls, good) is None


@settings(_THOROUGH, max_examples=40)
@given(documents(), st.booleans())
def test_every_call_of_a_small_world_is_decided_as_without_a_cache(document: Document, tight: bool) -> None:
    """All paths of up to four segments of three names, with every set of scopes: 4,416 calls a document."""
    result = compiled(document, tight=tight)
    assume(result is not None)
    assert result is not None
    assert fault(document, result, list(every_call(0)), good) is None


@settings(_THOROUGH, max_examples=30)
@given(documents(), st.none() | operations(), st.integers(0, 4))
def test_calls_of_an_http_api_are_decided_as_without_a_cache(
    document: Document, default: Document | None, first: int
) -> None:
    """Every fifth call of that world, where another route takes the methods that a path lacks; some have $default."""
    paths = {**document["paths"], **({} if default is None else {"$default": {_ANY: default}})}
    of_http = {**document, "paths": paths, "x-amazon-apigateway-cors": {}}
    result = compiled(of_http)
    assume(result is not None)
    assert result is not None
    assert fault(of_http, result, list(every_call(0))[first::5], good, WantedOfHttpApi) is None


@settings(_THOROUGH, max_examples=40)
@given(documents())
def test_a_slash_at_the_end_opens_nothing(document: Document) -> None:
    """Should the ARN keep the slash that routing ignores, a call is refused, or allowed as without it."""
    result = compiled(document)
    assume(result is not None)
    assert result is not None
    wanted, route_map = Wanted(document), route_map_of(result)
    for scopes in _TOKENS:
        patterns = route_map.policy_for(scopes)
        if patterns.allow:
            evaluated = parse_policy(policy(patterns))
            for method, path in _REQUESTS[1:]:
                if wanted.decision(method, path, scopes) is False:
                    assert evaluated.decide(f"{_STAGE}/{method}{path}/") is not Decision.ALLOW, (method, path, scopes)


@settings(_THOROUGH, max_examples=40)
@given(documents(), st.booleans())
def test_no_policy_is_larger_than_was_said(document: Document, tight: bool) -> None:
    """Whatever the scopes: no more bytes than the compiler found, and than there is room for."""
    result = compiled(document, tight=tight)
    assume(result is not None)
    assert result is not None
    sizes = [sum(map(Room().cost, itertools.chain(*route_map_of(result).policy_for(each)))) for each in _TOKENS]
    assert max(sizes) <= result.most_bytes <= result.room_bytes


@settings(_THOROUGH, max_examples=40)
@given(documents())
def test_a_route_is_permitted_as_its_calls_are(document: Document) -> None:
    """`permits` of the route that a call reaches, with a map of either kind, is what the document says of the call."""
    wanted = Wanted(document)
    read = RouteMap.parse(compile_routes(document, per_call=True).json.encode())
    for scopes, (method, path) in every_call(0):
        route, decision = wanted.route(method, path), wanted.decision(method, path, scopes)
        if route is not None and decision is not None:
            assert read.permits(method, route, scopes) is decision


@settings(_THOROUGH, max_examples=40)
@given(documents())
def test_a_refusal_names_a_request_of_its_routes(document: Document) -> None:
    """It is one of the route that would be denied as well."""
    message = refusal(document)
    assume(message)
    named = _NAMED.search(message)
    assert named is not None, message
    template, path = named.groups()
    assert re.fullmatch(re.sub(r"\{\w+\+\}", ".+", re.sub(r"\{\w+\}", "[^/]+", template)), path)


def has_denials(result: Compiled) -> bool:
    """Whether a map has patterns that deny."""
    return any(group["deny"] for group in (*result.map["groups"], result.map["closed"]))


def test_the_documents_are_of_every_kind() -> None:
    """Of the documents that the model sees, many have patterns that deny, some are merged, some are refused."""
    seen: Counter[str] = Counter()

    @settings(max_examples=150, deadline=None, database=None, derandomize=True, phases=[Phase.generate])
    @given(documents())
    def look(document: Document) -> None:
        result, narrow = compiled(document), compiled(document, tight=True)
        seen["all"] += 1
        seen["refused"] += result is None
        seen["denied"] += result is not None and has_denials(result)
        if result is not None and narrow is not None and narrow.map != result.map:
            seen["merged"] += 1
            seen["merged and denied"] += has_denials(narrow)

    look()
    least = {"denied": 0.1, "merged": 0.15, "merged and denied": 0.05, "refused": 0.05}
    assert all(seen[kind] >= share * seen["all"] for kind, share in least.items()), seen


def for_this_call_alone(route_map: RouteMap, scopes: frozenset[str], method: str, path: str) -> Patterns:
    """Allow the method that is called: the classic fault, which refuses the next route."""
    allow, deny = route_map.policy_for(scopes)
    decision = parse_policy(policy(Patterns(allow, deny))).decide(f"{_STAGE}/{method}{path}") if allow else None
    return Patterns((f"{method}{path}",) if decision is Decision.ALLOW else (), ())


def for_the_whole_stage(route_map: RouteMap, scopes: frozenset[str], _method: str, _path: str) -> Patterns:
    """Allow all of the stage to whoever may call anything: the other classic fault."""
    return Patterns(("*",) if route_map.policy_for(scopes).allow else (), ())


def without_denying(route_map: RouteMap, scopes: frozenset[str], _method: str, _path: str) -> Patterns:
    """Forget what has to be denied."""
    return Patterns(route_map.policy_for(scopes).allow, ())


def without_one_denial(route_map: RouteMap, scopes: frozenset[str], _method: str, _path: str) -> Patterns:
    """Forget the last pattern that has to be denied."""
    allow, deny = route_map.policy_for(scopes)
    return Patterns(allow, deny[:-1])


def for_any_method(route_map: RouteMap, scopes: frozenset[str], _method: str, _path: str) -> Patterns:
    """Allow the paths, whatever the method."""
    allow, deny = route_map.policy_for(scopes)
    return Patterns(tuple(f"*/{each.partition('/')[2]}" for each in allow), deny)


def with_scopes_that_begin_so(route_map: RouteMap, scopes: frozenset[str], _method: str, _path: str) -> Patterns:
    """Take any scope for all of them."""
    return route_map.policy_for(frozenset(_SCOPES) if scopes else scopes)


@pytest.mark.parametrize(
    "mutant",
    [
        for_this_call_alone,
        for_the_whole_stage,
        without_denying,
        without_one_denial,
        for_any_method,
        with_scopes_that_begin_so,
    ],
)
def test_a_fault_of_the_authorizer_is_found(mutant: Authorizer) -> None:
    """The model has a counter-example for each."""
    assert_found(lambda document, first: _has_fault(document, first, mutant))


def _stars_within_segments(pattern: str, shape: tuple[str | None, ...]) -> frozenset[tuple[str, ...]]:
    """Let a `*` hold no slash, as it is in most other languages of patterns."""
    parts = pattern.split("/")
    pairs = list(zip(parts, shape, strict=False))
    fits = len(parts) == len(shape) and all(part in ("*", segment) or segment is None for part, segment in pairs)
    return frozenset({tuple(segment or part for part, segment in pairs)}) if fits else frozenset()


def _least_specific(routing: Routing, method: str, segments: tuple[str, ...]) -> frozenset[Route]:
    found = [each for each in _matching(routing, segments) if method in each.methods]
    return frozenset([max(found, key=lambda route: route.rank)] if found else [])


def _matching(routing: Routing, segments: tuple[str, ...]) -> list[Route]:
    return [
        route
        for route in routing.routes
        if (len(route.segments) == len(segments) or (route.is_greedy and len(route.segments) <= len(segments)))
        and all(own.startswith("{") or own == given for own, given in zip(route.segments, segments, strict=False))
    ]


COMPILER_FAULTS: Mapping[str, tuple[Any, str, Any]] = {
    "third routes are forgotten": (Planner, "_conflict", lambda *_: None),
    "the least specific route is reached": (Routing, "reached", _least_specific),
}


@pytest.mark.parametrize(
    "name", ["a star holds no slash", "third routes are forgotten", "the least specific route is reached"]
)
def test_a_fault_of_the_compiler_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model has a counter-example for each."""
    if name == "a star holds no slash":
        monkeypatch.setattr("infra.route_map.routing.families", _stars_within_segments)
    else:
        owner, attribute, instead = COMPILER_FAULTS[name]
        monkeypatch.setattr(owner, attribute, instead)
    assert_found(lambda document, first: _has_fault(document, first, good))


def _has_fault(document: Document, first: int, authorizer: Authorizer) -> bool:
    result = compiled(document)
    return result is not None and fault(document, result, list(every_call(first)), authorizer) is not None


def assert_found(is_faulty: Callable[[Document, int], bool]) -> None:
    """Check that some document and first call show the fault."""
    options = settings(max_examples=400, deadline=None, database=None, derandomize=True, phases=[Phase.generate])
    example = st.tuples(documents(), st.integers(0, len(_REQUESTS) - 1))
    try:
        find(example, lambda drawn: is_faulty(*drawn), settings=options)
    except NoSuchExample:
        pytest.fail("no document shows the fault")


def test_the_map_is_json() -> None:
    """What the compiler gives is what it writes."""
    result = compiled({"openapi": "3.1.0", "paths": {"/a": {"get": {"security": []}}}})
    assert result is not None
    assert json.loads(result.json) == result.map
