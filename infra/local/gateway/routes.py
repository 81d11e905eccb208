"""Routing: a literal segment before a `{parameter}`, a parameter before a greedy `{proxy+}`.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-set-up-simple-proxy.html

A trailing slash is ignored. A REST API's resource is chosen by the path alone: a method that it lacks is not looked for
in a less specific resource. Literal segments are compared as sent, without percent-decoding.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar
from urllib.parse import unquote

from infra.local.gateway.errors import DocumentError
from infra.local.gateway.request import decoded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ANY = "ANY"

T = TypeVar("T")

# A resource's path, what stands at its methods, and the path parameters.
Match: TypeAlias = "tuple[str, Mapping[str, T], dict[str, str]]"


@dataclass(slots=True)
class _Node(Generic[T]):
    """What follows one segment of a path: literals by name, at most one parameter, and a resource that ends here."""

    literals: dict[str, _Node[T]] = field(default_factory=dict)
    parameter: tuple[str, _Node[T]] | None = None
    greedy: tuple[str, _Node[T]] | None = None
    resource: tuple[str, Mapping[str, T]] | None = None


class Router(Generic[T]):
    """Finds what stands at a method and a path."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, path: str, methods: Mapping[str, T]) -> None:
        """Add a resource with its methods, in capitals, ANY among them. Raises DocumentError."""
        node = self._root
        *front, last = _segments(path) or [""]
        for segment in front:
            if segment.endswith("+}"):
                raise DocumentError(f"{path}: a greedy parameter comes last")
            node = _child(node, segment, path)
        node = _child(node, last, path) if last else node
        if node.resource is not None:
            raise DocumentError(f"{path}: the same resource as {node.resource[0]}")
        node.resource = (path, methods)

    def find(self, method: str, path: str) -> tuple[str, T, dict[str, str]] | None:
        """Return the resource path, what stands there for the method, and the decoded path parameters."""
        match = next(self.matches(path), None)
        if match is None:
            return None
        resource_path, methods, parameters = match
        found = methods.get(method) or methods.get(ANY)
        if found is None:
            return None
        return resource_path, found, {name: _value(value) for name, value in parameters.items()}

    def matches(self, path: str) -> Iterator[Match[T]]:
        """Yield every resource that a path reaches, the most specific first, with its parameters as sent."""
        return _matches(self._root, _segments(path), {}) if path.startswith("/") else iter(())


def canonical(path: str) -> str:
    """Return a path without the trailing slash that routing ignores."""
    return path.removesuffix("/")


def _segments(path: str) -> list[str]:
    return canonical(path).split("/")[1:]


def _child(node: _Node[T], segment: str, path: str) -> _Node[T]:
    if not (segment.startswith("{") and segment.endswith("}")):
        if not segment or "{" in segment or "}" in segment:
            raise DocumentError(f"{path}: a path parameter is a segment of its own, and no segment is empty")
        return node.literals.setdefault(segment, _Node())
    greedy = segment.endswith("+}")
    name = segment[1:-1].removesuffix("+")
    known = node.greedy if greedy else node.parameter
    if known is None:
        known = (name, _Node())
        node.greedy, node.parameter = (known, node.parameter) if greedy else (node.greedy, known)
    if known[0] != name:
        # API Gateway: a sibling of the resource already has a variable path part, and only one is allowed.
        raise DocumentError(f"{path}: {{{known[0]}}} is the parameter there already")
    return known[1]


def _matches(node: _Node[T], segments: list[str], parameters: dict[str, str]) -> Iterator[Match[T]]:
    """Yield every resource that a path reaches below a node, the most specific first."""
    if not segments:
        if node.resource is not None:
            yield (*node.resource, parameters)
        return
    segment, *rest = segments
    literal = node.literals.get(segment)
    if literal is not None:
        yield from _matches(literal, rest, parameters)
    if node.parameter is not None and segment:
        name, child = node.parameter
        yield from _matches(child, rest, {**parameters, name: segment})
    if node.greedy is not None and segment:
        name, child = node.greedy
        yield from _matches(child, [], {**parameters, name: "/".join(segments)})


def _value(encoded: str) -> str:
    return decoded(unquote(encoded, errors="replace"))
