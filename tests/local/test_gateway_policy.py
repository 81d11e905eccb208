"""IAM policies: matching, evaluation, and what is not a policy."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infra.local.gateway.policy import Decision, PolicyError, arn_matches, glob_matches, parse_policy
from tests.local.gateway_api import ARN

GET = f"{ARN}/GET/products"


def policy(*statements: dict[str, Any], **extra: Any) -> dict[str, Any]:
    """Return a policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)} | extra


def statement(effect: str = "Allow", resource: Any = GET, **extra: Any) -> dict[str, Any]:
    """Return a statement."""
    return {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource} | extra


@given(st.text(alphabet="ab/:?*", max_size=12), st.text(alphabet="ab/:", max_size=16))
@example("*a*a*a*a*b", "a" * 16)
@example("a?", "a")
@example("*?*", "")
@example("?*?", "a")
def test_wildcards_match_as_a_regular_expression_would(pattern: str, text: str) -> None:
    """`*` stands for any run of characters and `?` for exactly one, nothing else is special."""
    expression = "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern)
    assert glob_matches(pattern, text) is (re.fullmatch(expression, text, re.DOTALL) is not None)


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("*", True),
        (GET, True),
        (f"{ARN}/*", True),
        (f"{ARN}/*/products", True),
        (f"{ARN}/GET/product?", True),
        ("arn:aws:execute-api:*:*:*", True),
        ("arn:aws:execute-api:us-east-1:*:abc123/prod/GET/*", True),
        ("arn:aws:execute-api:us-east-1:123456789012:*/prod/GET/products", True),
        (f"{ARN}/GET/products/*", False),
        (f"{ARN}/POST/products", False),
        (f"{ARN}/get/products", False),
        (f"{ARN}/GET/products?", False),
        ("arn:aws:execute-api:eu-west-1:123456789012:abc123/prod/GET/products", False),
        ("arn:aws:execute-api:*:abc123/prod/GET/products:", False),
        ("arn:aws-us-gov:execute-api:*:*:*", False),
    ],
)
def test_a_resource_matches_part_by_part(pattern: str, matches: bool) -> None:
    """A wildcard of an ARN stays within its part, and the last part is the whole rest."""
    assert parse_policy(policy(statement(resource=pattern))).decide(GET) is (
        Decision.ALLOW if matches else Decision.IMPLICIT_DENY
    )


def test_a_path_may_hold_colons() -> None:
    """Colons of a path are part of the last part of the ARN."""
    assert arn_matches(f"{ARN}/GET/a:b*", f"{ARN}/GET/a:b:c")


@pytest.mark.parametrize(
    ("statements", "decision"),
    [
        ([statement()], Decision.ALLOW),
        ([statement("Deny")], Decision.EXPLICIT_DENY),
        ([statement(), statement("Deny")], Decision.EXPLICIT_DENY),
        ([statement("Deny", f"{ARN}/*"), statement()], Decision.EXPLICIT_DENY),
        ([statement(), statement("Deny", f"{ARN}/POST/*")], Decision.ALLOW),
        ([statement(resource=f"{ARN}/POST/*")], Decision.IMPLICIT_DENY),
        ([statement(resource=[f"{ARN}/POST/*", GET])], Decision.ALLOW),
        ([statement(Action="execute-api:*")], Decision.ALLOW),
        ([statement(Action="EXECUTE-API:invoke")], Decision.ALLOW),
        ([statement(Action=["s3:GetObject", "execute-api:Inv*"])], Decision.ALLOW),
        ([statement(Action="*")], Decision.ALLOW),
        ([statement(Action="execute-api:InvalidateCache")], Decision.IMPLICIT_DENY),
        ([statement("Deny", Action="execute-api:InvalidateCache")], Decision.IMPLICIT_DENY),
        ([statement(Sid="one")], Decision.ALLOW),
    ],
)
def test_a_policy_decides_as_iam_does(statements: list[dict[str, Any]], decision: Decision) -> None:
    """An explicit deny wins over any allow, and what nothing covers is denied implicitly."""
    assert parse_policy(policy(*statements)).decide(GET) is decision


def test_a_lone_statement_needs_no_list() -> None:
    """A Statement may be an object instead of a list of them."""
    assert parse_policy(policy(Statement=statement())).decide(GET) is Decision.ALLOW


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "Allow",
        {},
        policy(),
        policy(statement(), Version="2011-01-01"),
        policy(Statement=None),
        policy(Statement="Allow"),
        policy(statement(), Statement=["Allow"]),
        policy(statement("allow")),
        policy(statement(Effect=None)),
        policy(statement(Action=None)),
        policy(statement(Action=[])),
        policy(statement(Action=[1])),
        policy(statement(resource=None)),
        policy(statement(resource=[])),
        policy(statement(resource={"a": 1})),
        policy(statement(resource="products")),
        policy(statement(resource="arn:aws:execute-api")),
        policy(statement(resource=f"{ARN}/GET/{'a' * 512}")),
        policy(statement(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})),
        policy(statement(NotAction="s3:*")),
        policy(statement(NotResource="*")),
        policy(statement(Principal="*")),
    ],
)
def test_what_is_not_wholly_understood_is_no_policy(document: Any) -> None:
    """A malformed document is refused, and so is a statement with a part that is not evaluated here."""
    with pytest.raises(PolicyError):
        parse_policy(document)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
)


@given(st.fixed_dictionaries({"Version": st.just("2012-10-17"), "Statement": JSON}) | JSON)
def test_no_json_breaks_the_parser(document: Any) -> None:
    """Whatever an authorizer returns is a policy or is refused."""
    try:
        parse_policy(document).decide(GET)
    except PolicyError:
        return
