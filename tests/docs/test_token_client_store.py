"""docs/token-client-store.md: its code is compiled, and its policies are those of the template."""

import ast
import json
import re
from pathlib import Path

import pytest

from infra.cloudformation import TOKEN_CACHE_EXAMPLE, Stack

PAGE = (Path(__file__).parents[2] / "docs" / "token-client-store.md").read_text("utf-8")
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def blocks(language: str) -> list[str]:
    """Give the blocks of code in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("code", blocks("python"))
def test_the_code_makes_a_client(code: str) -> None:
    """Each block makes a client, which asks for nothing before it is used."""
    names: dict[str, object] = {}
    exec(compile(ast.parse(code), "page", "exec"), names)  # noqa: S102 - our own page
    assert type(names["client"]).__name__ == "TokenClient"


def test_the_policies_are_those_of_the_template() -> None:
    """What is there to paste is what the template attaches."""
    table, key = map(json.loads, blocks("json"))
    stack = Stack(TOKEN_CACHE_EXAMPLE, parameters={"TokenKeyArn": KEY})
    assert [*table["Statement"], key] == stack.properties("TokenCachePolicy")["PolicyDocument"]["Statement"]
