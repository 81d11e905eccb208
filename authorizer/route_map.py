"""The map from scopes to routes, from which the policies of a stage and of a call are made.

    {"latchkey_routes": 1,
     "groups": [{"any_of": [["products:read"], ["admin"]],           # alternatives of scopes; [[]]: any token
                 "routes": ["GET /products", "GET /products/{id}"],  # as API Gateway's routeKey
                 "allow": ["GET/products", "GET/products/*"],        # relative to the ARN of the stage, and "/"
                 "deny": []},
                {"any_of": [["admin"]],
                 "routes": ["GET /products/audit"],
                 "allow": ["GET/products/audit"],
                 "deny": [{"pattern": "GET/products/audit", "against": [0]}]}],
     "closed": {"routes": ["OPTIONS /products"], "deny": []},
     "connect": [["chat"]]}

`latchkey routes compile` writes it, and has proven that each policy allows what the scopes allow and no more. A group
that is not granted is denied by those of its patterns that stand against a group that is granted. A map for single
calls has neither `allow` nor `deny`. What is not in the map is closed.
"""

import json
import re
import zlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from authorizer import base64url, strict_json
from authorizer.scope import is_scope

VERSION: Final = 1
MAX_MAP_BYTES: Final = 1 << 20
REMEMBERED_POLICIES: Final = 256  # each of 8 KB at most

ANY: Final = "ANY"
DEFAULT_ROUTE: Final = "$default"
# A route that is in the map, and that no scope opens.
_CLOSED: Final = -1

_ROUTE = re.compile(r"[A-Z]{1,32} /[\x21-\x7E]*|\$default")
# No `?`, quote or backslash; what could be a policy variable (`${`) is refused on its own.
_PATTERN = re.compile(r"[\x21\x23-\x3E\x40-\x5B\x5D-\x7E]+")

Alternatives = tuple[frozenset[str], ...]


class Patterns(NamedTuple):
    """What a policy allows, and what it denies of that; relative to the ARN of the stage and "/"."""

    allow: tuple[str, ...]
    deny: tuple[str, ...]


class Statements(NamedTuple):
    """The statements of a policy, to be read only: the same objects are given out again.

    `json_bytes` are those of the list as JSON.
    """

    statements: tuple[Mapping[str, Any], ...]
    nothing_allowed: bool
    json_bytes: int


class _Deny(NamedTuple):
    pattern: str
    against: frozenset[int]


class _Group(NamedTuple):
    any_of: Alternatives
    allow: tuple[str, ...]
    deny: tuple[_Deny, ...]


class RouteMap:
    """A map that was read by `parse`. Safe for threads; policies are remembered by the scopes that the map knows.

    `has_patterns` is False for a map that only single calls can be decided by.
    """

    def __init__(
        self,
        groups: tuple[_Group, ...],
        routes: Mapping[str, int],
        closed: tuple[_Deny, ...] | None,
        connect: Alternatives,
    ) -> None:
        self.has_patterns: Final = closed is not None
        self._groups = groups
        self._routes = routes
        self._closed = closed or ()
        self._connect = connect
        self._known = frozenset().union(*(scopes for group in groups for scopes in group.any_of))
        # Policies for other stages than the Lambda's usual ones are few: the size bounds both.
        self._patterns = lru_cache(REMEMBERED_POLICIES)(self._patterns_of)
        self._statements = lru_cache(REMEMBERED_POLICIES)(self._statements_of)

    @classmethod
    def parse(cls, data: bytes) -> "RouteMap":
        """Read a map, as JSON or in its compact form; raises `ValueError`, which says what is wrong, and where."""
        document = strict_json.parse_object(_inflated(data))
        # First, as another version may well have other members.
        version = document.get("latchkey_routes", VERSION)
        if type(version) is not int or version != VERSION:
            raise ValueError(f"latchkey_routes is not {VERSION}")
        _check_members(document, "the map", {"latchkey_routes", "groups", "closed"}, {"connect"})
        members = _list(document["groups"], "groups")
        with_patterns = "deny" in _check_members(document["closed"], "closed", {"routes"}, {"deny"})
        groups = tuple(
            _group(group, f"groups[{at}]", at, len(members), with_patterns) for at, group in enumerate(members)
        )
        closed = _denies(document["closed"]["deny"], "closed.deny", _CLOSED, len(members)) if with_patterns else None
        connect = _any_of(document["connect"], "connect") if "connect" in document else ()
        return cls(groups, _routes(document), closed, connect)

    def policy_for(self, scopes: frozenset[str]) -> Patterns:
        """Give the patterns for a token's scopes; `allow` may be empty, which is for the caller to deny.

        Raises `ValueError` where the map has no patterns.
        """
        if not self.has_patterns:
            raise ValueError("the map has no patterns: it was compiled for single calls")
        return self._patterns(scopes & self._known)

    def statements_for(self, scopes: frozenset[str], stage_arn: str) -> Statements:
        """Give the same as statements of a policy; `stage_arn` is `arn:aws:execute-api:REGION:ACCOUNT:API/STAGE`."""
        self.policy_for(scopes)  # raises
        return self._statements(scopes & self._known, stage_arn)

    def permits(self, method: str, template: str, scopes: frozenset[str]) -> bool:
        """Whether the scopes allow a route, of which method and path are as they stand in the map.

        "GET" and "/products/{id}"; where the map has no such route, the one of ANY. HTTP APIs have "$default" besides.
        """
        keys = (
            (DEFAULT_ROUTE,) if DEFAULT_ROUTE in (method, template) else (f"{method} {template}", f"{ANY} {template}")
        )
        group = next((self._routes[key] for key in keys if key in self._routes), _CLOSED)
        return group != _CLOSED and _granted(self._groups[group].any_of, scopes)

    def missing(self, scopes: frozenset[str]) -> dict[str, list[list[str]] | None]:
        """Give, for each route, None where it is permitted, else the scopes that are missing of each alternative."""
        return {
            route: None
            if group != _CLOSED and _granted(self._groups[group].any_of, scopes)
            else [sorted(each - scopes) for each in (self._groups[group].any_of if group != _CLOSED else ())]
            for route, group in self._routes.items()
        }

    def permits_connect(self, scopes: frozenset[str]) -> bool:
        """Whether the scopes allow a WebSocket API's $connect."""
        return _granted(self._connect, scopes)

    def _patterns_of(self, scopes: frozenset[str]) -> Patterns:
        granted = frozenset(at for at, group in enumerate(self._groups) if _granted(group.any_of, scopes))
        refused = (deny for at, group in enumerate(self._groups) if at not in granted for deny in group.deny)
        return Patterns(
            _unique(pattern for at in sorted(granted) for pattern in self._groups[at].allow),
            _unique(deny.pattern for deny in (*refused, *self._closed) if deny.against & granted),
        )

    def _statements_of(self, scopes: frozenset[str], stage_arn: str) -> Statements:
        patterns = self._patterns(scopes)
        statements = tuple(
            {
                "Action": "execute-api:Invoke",
                "Effect": effect,
                "Resource": [f"{stage_arn}/{each}" for each in resources],
            }
            for effect, resources in (("Allow", patterns.allow), ("Deny", patterns.deny))
            if resources
        )
        return Statements(statements, not patterns.allow, len(json.dumps(statements)))


def compact(data: bytes) -> str:
    """Write the compact form of a map's JSON, which is base64url of deflate (RFC 1951)."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return base64url.encode(deflate.compress(data) + deflate.flush())


def _inflated(data: bytes) -> bytes:
    text = data.strip()
    if not text:
        raise ValueError("it is empty")
    if len(text) > MAX_MAP_BYTES:
        raise ValueError(f"larger than {MAX_MAP_BYTES} bytes")
    if text.startswith(b"{"):
        return text
    try:
        deflated = base64url.decode(text.decode("ascii"))
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        inflated = inflate.decompress(deflated, MAX_MAP_BYTES + 1)
    except (ValueError, zlib.error):
        raise ValueError("neither JSON nor its compact form") from None
    if len(inflated) > MAX_MAP_BYTES:
        raise ValueError(f"larger than {MAX_MAP_BYTES} bytes")
    if not inflate.eof or inflate.unused_data:
        raise ValueError("the compact form is cut off, or goes on after its end")
    return inflated


def _granted(any_of: Alternatives, scopes: frozenset[str]) -> bool:
    return any(alternative <= scopes for alternative in any_of)


def _unique(patterns: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(patterns))


def _check_members(value: Any, what: str, required: set[str], optional: set[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not required <= value.keys() <= required | optional:
        raise ValueError(f"{what} is not an object of {', '.join(sorted(required | optional))}")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{what} is not a list")  # noqa: TRY004 - a fault of the data, not of the caller's types
    return value


def _group(value: Any, what: str, at: int, groups: int, with_patterns: bool) -> _Group:  # noqa: FBT001 - one of two shapes
    patterns = {"allow", "deny"} if with_patterns else set()
    _check_members(value, what, {"any_of", "routes"} | patterns, set())
    any_of = _any_of(value["any_of"], f"{what}.any_of")
    if not with_patterns:
        return _Group(any_of, (), ())
    allow = tuple(_pattern(pattern, f"{what}.allow") for pattern in _list(value["allow"], f"{what}.allow"))
    return _Group(any_of, allow, _denies(value["deny"], f"{what}.deny", at, groups))


def _any_of(value: Any, what: str) -> Alternatives:
    alternatives = tuple(frozenset(_scopes(each, what)) for each in _list(value, what))
    if not alternatives:
        raise ValueError(f"{what} has no alternative; [[]] is any token")
    return alternatives


def _scopes(value: Any, what: str) -> list[str]:
    scopes = _list(value, what)
    if not all(isinstance(scope, str) and is_scope(scope) and " " not in scope for scope in scopes):
        raise ValueError(f"{what} has something other than scopes (RFC 6749 3.3)")
    return scopes


def _denies(value: Any, what: str, group: int, groups: int) -> tuple[_Deny, ...]:
    return tuple(_deny(each, what, group, groups) for each in _list(value, what))


def _deny(value: Any, what: str, group: int, groups: int) -> _Deny:
    _check_members(value, what, {"pattern", "against"}, set())
    against = _list(value["against"], f"{what}.against")
    if not against or not all(type(at) is int and 0 <= at < groups and at != group for at in against):
        raise ValueError(f"{what}.against is not the numbers of other groups")
    return _Deny(_pattern(value["pattern"], what), frozenset(against))


def _pattern(value: Any, what: str) -> str:
    if not isinstance(value, str) or not _PATTERN.fullmatch(value) or "${" in value:
        raise ValueError(f"{what} has something that is not a pattern of printable ASCII, without ? and ${{")
    return value


def _routes(document: Mapping[str, Any]) -> dict[str, int]:
    """Read where each route stands: the number of its group, or closed."""
    places = [(at, group["routes"], f"groups[{at}].routes") for at, group in enumerate(document["groups"])]
    routes: dict[str, int] = {}
    for at, value, what in (*places, (_CLOSED, document["closed"]["routes"], "closed.routes")):
        for route in _list(value, what):
            if not isinstance(route, str) or not _ROUTE.fullmatch(route):
                raise ValueError(f"{what} has something that is not a route, such as GET /products/{{id}}")
            if route in routes:
                raise ValueError(f"{route} is there twice")
            routes[route] = at
    return routes
