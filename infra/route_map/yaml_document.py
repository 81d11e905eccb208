"""An OpenAPI document's file: YAML, of which JSON is a part, as CloudFormation reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from infra.route_map.errors import RouteMapError
from infra.template_yaml import load

if TYPE_CHECKING:
    from pathlib import Path


_MAX_DEPTH: Final = 100
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_file(path: Path) -> dict[str, Any]:
    """Read a document; raises RouteMapError, and OSError."""
    try:
        text = path.read_text("utf-8")
        _check_depth(text)
        _check_names(yaml.compose(text, _LOADER))
        return load(path)
    except RouteMapError as error:
        raise RouteMapError(f"{path}: {error}") from None
    except yaml.MarkedYAMLError as error:
        raise RouteMapError(f"{path}: {_line(error.problem_mark or error.context_mark)}{error.problem}") from None
    except (yaml.YAMLError, TypeError, ValueError, RecursionError):
        raise RouteMapError(f"{path} is not an object in YAML or JSON") from None


def _line(mark: Any) -> str:
    return f"line {mark.line + 1}: " if mark is not None else ""


def _check_depth(text: str) -> None:
    """Check that nothing is nested deeper than any document needs: libyaml composes by recursion, and would crash."""
    depth = 0
    for event in yaml.parse(text, _LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise RouteMapError(f"{_line(event.start_mark)}nested more than {_MAX_DEPTH} deep")


def _check_names(root: yaml.Node | None) -> None:
    """Check that no name is twice in an object: of two `security`, one parser takes the first, another the last."""
    left, seen = [root], set()
    while left:
        node = left.pop()
        if id(node) in seen or not isinstance(node, yaml.CollectionNode):
            continue
        seen.add(id(node))
        if not isinstance(node, yaml.MappingNode):
            left += node.value
            continue
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise RouteMapError(f"{_line(node.start_mark)}{twice} is there twice in one object")
        left += [value for _, value in node.value]
