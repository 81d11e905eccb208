"""CloudFormation's intrinsic functions, those that the template here uses; any other is an error, never a guess.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.template_yaml import load

NO_VALUE: Final = object()
_VARIABLE: Final = re.compile(r"\$\{(?P<literal>!)?(?P<name>[^}]+)\}")


class ResolutionError(Exception):
    """A template says something whose value cannot be known; the message names it."""


@dataclass(frozen=True, slots=True)
class Resolver:
    """Replaces intrinsic functions by their values.

    `ref` gives what `Ref` of a name is, `attribute` what `Fn::GetAtt` of a resource and an attribute is: both raise
    `ResolutionError`. `conditions` are the template's own; files that `AWS::Include` names lie in `folder`.
    """

    ref: Callable[[str], Any]
    attribute: Callable[[str, str], Any]
    conditions: Mapping[str, Any]
    folder: Path

    def resolve(self, value: Any) -> Any:
        """Return `value` with every intrinsic function in it replaced; `AWS::NoValue` takes its key or item along."""
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or str(name).startswith("Fn::"):
                return _known(_FUNCTIONS, name)(self, argument)
        resolved = {name: self.resolve(item) for name, item in value.items()}
        return {name: item for name, item in resolved.items() if item is not NO_VALUE}

    def holds(self, name: str) -> bool:
        """Return whether the template's condition of this name holds."""
        return self.evaluate(_known(self.conditions, name))

    def evaluate(self, condition: Mapping[str, Any]) -> bool:
        """Return whether a condition holds: an object of one condition function."""
        ((name, argument),) = condition.items()
        return bool(_known(_CONDITIONS, name)(self, argument))


def _known(names: Mapping[str, Any], name: str) -> Any:
    if name not in names:
        raise ResolutionError(f"{name} is not known here")
    return names[name]


def _ref(resolver: Resolver, name: str) -> Any:
    return NO_VALUE if name == "AWS::NoValue" else resolver.ref(name)


def _get_att(resolver: Resolver, argument: str | list[str]) -> Any:
    resource, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
    return resolver.attribute(resource, attribute)


def _if(resolver: Resolver, argument: list[Any]) -> Any:
    condition, then, otherwise = argument
    return resolver.resolve(then if resolver.holds(condition) else otherwise)


def _join(resolver: Resolver, argument: list[Any]) -> str:
    separator, items = argument
    return str(separator).join(map(str, resolver.resolve(items)))


def _sub(resolver: Resolver, argument: str | list[Any]) -> str:
    text, variables = argument if isinstance(argument, list) else (argument, {})

    def value_of(match: re.Match[str]) -> str:
        name = match["name"]
        if match["literal"]:
            return f"${{{name}}}"
        if name in variables:
            return str(resolver.resolve(variables[name]))
        return str(_get_att(resolver, name) if "." in name else resolver.ref(name))

    return _VARIABLE.sub(value_of, text)


def _transform(resolver: Resolver, argument: Mapping[str, Any]) -> Any:
    return resolver.resolve(_included(argument, resolver.folder))


def _included(transform: Mapping[str, Any], folder: Path) -> Any:
    if transform["Name"] != "AWS::Include":
        raise ResolutionError(f"the transform {transform['Name']} is not known here")
    return load(folder / transform["Parameters"]["Location"])


_FUNCTIONS: Final[Mapping[str, Callable[[Resolver, Any], Any]]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::If": _if,
    "Fn::Join": _join,
    "Fn::Sub": _sub,
    "Fn::Transform": _transform,
}

_CONDITIONS: Final[Mapping[str, Callable[[Resolver, Any], bool]]] = {
    "Condition": Resolver.holds,
    "Fn::And": lambda resolver, conditions: all(map(resolver.evaluate, conditions)),
    "Fn::Or": lambda resolver, conditions: any(map(resolver.evaluate, conditions)),
    "Fn::Not": lambda resolver, conditions: not resolver.evaluate(conditions[0]),
    "Fn::Equals": lambda resolver, pair: str(resolver.resolve(pair[0])) == str(resolver.resolve(pair[1])),
}


def include_documents(value: Any, folder: Path) -> Any:
    """Return `value` with each `AWS::Include` replaced by the document it names, whose own functions stay as they are.

    CloudFormation does this first, before it hands a template to any other transform.
    """
    if isinstance(value, list):
        return [include_documents(item, folder) for item in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Transform" in value:
        return _included(value["Fn::Transform"], folder)
    return {name: include_documents(item, folder) for name, item in value.items()}
