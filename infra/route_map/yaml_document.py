"""An OpenAPI document's file: YAML, of which JSON is a part, as CloudFormation reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from infra.route_map.errors import RouteMapError
from infra.template_yaml import load

if TYPE_CHECKING:
    from pathlib import Path


def read_file(path: Path) -> dict[str, Any]:
    """Read a document; raises RouteMapError, and OSError."""
    try:
        _check_names(yaml.compose(path.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
        return load(path)
    except RouteMapError:
        raise
    except (yaml.YAMLError, TypeError, ValueError, RecursionError):
        raise RouteMapError(f"{path} is not an object in YAML or JSON") from None


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
            raise RouteMapError(f"line {node.start_mark.line + 1}: {twice} is there twice in one object")
        left += [value for _, value in node.value]
