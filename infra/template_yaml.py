"""CloudFormation YAML into plain Python: every short-form tag (`!Sub`) becomes its long form (`Fn::Sub`)."""

from pathlib import Path
from typing import Any, Final

import yaml

Document = dict[str, Any]

_WITHOUT_PREFIX: Final = frozenset({"Ref", "Condition"})
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"


_Base: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster, where libyaml is there


class _Loader(_Base):  # type: ignore[misc, valid-type] # one of two classes
    """YAML as CloudFormation reads it: a date, such as a policy's version, is a string."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _short_form(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> Document:
    value = _plain(loader, node)
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in _WITHOUT_PREFIX else f"Fn::{name}": value}


def _plain(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return loader.construct_object(yaml.ScalarNode("tag:yaml.org,2002:str", node.value))


_Loader.add_multi_constructor("!", _short_form)


def load(path: Path) -> Document:
    """Read a template, or a document that it includes; raises `yaml.YAMLError`, or `TypeError` for no mapping."""
    document = yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506 - a SafeLoader with CloudFormation's tags
    if not isinstance(document, dict):
        raise TypeError(f"{path.name} is not a YAML mapping")
    return document
