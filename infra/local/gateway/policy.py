"""The IAM policy that an authorizer returns, and whether it allows a method.

Evaluation: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html; statements:
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-invoke-api.html
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

ACTION = "execute-api:invoke"
VERSIONS = ("2012-10-17", "2008-10-17")
ARN_PARTS = 6

# Developer guide, "Output from an API Gateway Lambda authorizer": a Resource ARN is at most 512 characters.
MAX_RESOURCE_CHARACTERS = 512

# A statement with anything more, such as a Condition, would be looser here than it reads: it is refused.
STATEMENT_KEYS = frozenset({"Sid", "Effect", "Action", "Resource"})


class PolicyError(ValueError):
    """The policy document is malformed, or says something that is not evaluated here."""


class Decision(enum.Enum):
    """How a policy answers for one method."""

    ALLOW = "allow"
    EXPLICIT_DENY = "explicit deny"
    IMPLICIT_DENY = "implicit deny"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: its effect, lower-cased action patterns and resource patterns."""

    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]

    def covers(self, method_arn: str) -> bool:
        """Whether the statement speaks of invoking this method. Action names are case-insensitive in IAM."""
        return any(glob_matches(action, ACTION) for action in self.actions) and any(
            arn_matches(resource, method_arn) for resource in self.resources
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """A parsed policy document."""

    statements: tuple[Statement, ...]

    def decide(self, method_arn: str) -> Decision:
        """Answer for one method: an explicit deny wins, and what no statement covers is denied."""
        effects = {statement.allows for statement in self.statements if statement.covers(method_arn)}
        if False in effects:
            return Decision.EXPLICIT_DENY
        return Decision.ALLOW if effects else Decision.IMPLICIT_DENY


def parse_policy(document: Any) -> Policy:
    """Parse the `policyDocument` of an authorizer's result. Raises PolicyError."""
    if not isinstance(document, dict) or document.get("Version") not in VERSIONS:
        raise PolicyError("policyDocument is not a policy of a known Version")
    statements = _list(document.get("Statement"))
    if not statements:
        raise PolicyError("policyDocument has no Statement")
    return Policy(tuple(_statement(statement) for statement in statements))


def _statement(statement: Any) -> Statement:
    if not isinstance(statement, dict) or statement.keys() - STATEMENT_KEYS:
        raise PolicyError(f"a Statement is an object of {sorted(STATEMENT_KEYS)}")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError("Effect is Allow or Deny")
    actions = _strings(statement.get("Action"), "Action")
    resources = _strings(statement.get("Resource"), "Resource")
    if not all(_is_resource(resource) for resource in resources):
        raise PolicyError(f"a Resource is * or an ARN of at most {MAX_RESOURCE_CHARACTERS} characters")
    return Statement(statement["Effect"] == "Allow", tuple(action.lower() for action in actions), resources)


def _is_resource(pattern: str) -> bool:
    parts = pattern.split(":", ARN_PARTS - 1)
    return pattern == "*" or (len(parts) == ARN_PARTS and parts[0] == "arn" and len(pattern) <= MAX_RESOURCE_CHARACTERS)


def _strings(value: Any, name: str) -> tuple[str, ...]:
    values = _list(value)
    if not values or not all(isinstance(item, str) for item in values):
        raise PolicyError(f"{name} is a string or a list of strings")
    return tuple(values)


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def arn_matches(pattern: str, arn: str) -> bool:
    """Match an ARN part by part: a wildcard stays within its part, and the last part holds every further colon.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """
    if pattern == "*":
        return True
    pairs = zip(pattern.split(":", ARN_PARTS - 1), arn.split(":", ARN_PARTS - 1), strict=True)
    return all(glob_matches(part, text) for part, text in pairs)


def glob_matches(pattern: str, text: str) -> bool:
    """Match the whole of `text`: `*` is any run of characters, the empty one too, and `?` is exactly one."""
    head, *rest = pattern.split("*")
    if not rest:
        return len(head) == len(text) and _matches_at(head, text, 0)
    *middle, tail = rest
    position, end = len(head), len(text) - len(tail)
    if position > end or not _matches_at(head, text, 0) or not _matches_at(tail, text, end):
        return False
    # The leftmost place for each piece leaves the most room for the next: no backtracking is ever needed.
    for piece in middle:
        found = _find(piece, text, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True


def _find(piece: str, text: str, start: int, end: int) -> int:
    if "?" not in piece:
        return text.find(piece, start, end)
    places = range(start, end - len(piece) + 1)
    return next((place for place in places if _matches_at(piece, text, place)), -1)


def _matches_at(piece: str, text: str, start: int) -> bool:
    if "?" not in piece:
        return text.startswith(piece, start)
    there = text[start : start + len(piece)]
    return len(there) == len(piece) and all(a in ("?", b) for a, b in zip(piece, there, strict=True))
