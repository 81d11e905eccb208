"""The page about routes cannot drift: its document is compiled, and its map is what comes of it."""

import json
import re

import yaml

from infra.route_map import compile_routes
from tests.docs.tables import README

TEXT = (README.parent / "docs" / "routes.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """Give the page's one code block of a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    return str(found)


def test_the_map_of_the_page_is_that_of_its_document() -> None:
    """What is shown to be compiled is what the compiler makes."""
    result = compile_routes(yaml.safe_load(block("yaml")))
    assert result.map == json.loads(block("json"))
    assert result.warnings == ()
