"""The pages about attaching the authorizer show what the examples have, and name what the log says."""

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

import authorizer.errors
from authorizer.errors import AuthorizerError, Reason
from infra.cloudformation import AUTHORIZER_TEMPLATE
from infra.lint import EXAMPLES
from infra.template_yaml import load
from infra.translation import load_template, translated_template

ROOT = Path(__file__).parents[2]
PAGES = ("attach.md", "without-our-authorizer.md", "token-vending.md", "token-client-store.md", "token-client.md")
ATTACH, WITHOUT, VENDING, STORE, CLIENT = (ROOT / "docs" / name for name in PAGES)
SOURCES = {
    "yaml": EXAMPLES,
    "hcl": tuple(ROOT.glob("infra/terraform/**/*.tf")),
    "ts": tuple(ROOT.glob("infra/cdk/*.ts")),
}
SNIPPETS = [
    (page.name, language, code)
    for page in (ATTACH, WITHOUT)
    for language, code in re.findall(r"^```(yaml|hcl|ts)\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
]
# The OpenAPI document is not in an example: SAM writes it.
WRITTEN_BY_SAM = [code for _, _, code in SNIPPETS if code.startswith("components:")]


@pytest.mark.parametrize(("page", "language", "code"), SNIPPETS)
def test_a_snippet_is_out_of_an_example(page: str, language: str, code: str) -> None:
    """What a page tells people to write stands so, line by line, in an example that is linted and tested."""
    if code in WRITTEN_BY_SAM:
        return
    indented = (textwrap.indent(code, " " * depth) for depth in range(0, 20, 2))
    texts = [path.read_text("utf-8") for path in SOURCES[language]]
    assert any(snippet in text for snippet in indented for text in texts), page


def test_the_openapi_document_is_what_sam_makes_of_the_example() -> None:
    """The security scheme for an HTTP API is the one of the SAM example, translated."""
    (example,) = [path for path in EXAMPLES if path.stem == "http-api"]
    api = translated_template(load_template(example))["Resources"]["OrdersApi"]["Properties"]["Body"]
    (told,) = (yaml.safe_load(code)["components"]["securitySchemes"]["Latchkey"] for code in WRITTEN_BY_SAM)
    made: Any = api["components"]["securitySchemes"]["Latchkey"]
    for scheme in (told, made):
        del scheme["x-amazon-apigateway-authorizer"]["authorizerUri"]
    assert told == made


def test_every_reason_of_the_log_is_explained() -> None:
    """Whatever reason the log may give for a refusal or a failure, the page says what to do."""
    rows = " ".join(line for line in ATTACH.read_text("utf-8").splitlines() if re.match(r"\| \d{3} \|", line))
    failures = {
        error.reason
        for error in vars(authorizer.errors).values()
        if isinstance(error, type) and issubclass(error, AuthorizerError)
    }
    assert {*Reason, *failures} <= set(re.findall(r"`(\w+)`", rows))


def test_parameters_and_outputs_that_a_page_names_are_the_template_s() -> None:
    """Each name of a parameter or an output of infra/authorizer.yaml on the page is one."""
    template = load(AUTHORIZER_TEMPLATE)
    names = template["Parameters"].keys() | template["Outputs"].keys()
    told = set(re.findall(r"(?:output |parameters? )`(\w+)`", ATTACH.read_text("utf-8").replace("\n", " ")))
    told |= set(re.findall(r"`([A-Z]\w+)=", ATTACH.read_text("utf-8")))
    assert told
    assert told <= names


def test_every_example_is_on_a_page() -> None:
    """There is no example that none of the pages points to."""
    linked = "".join(page.read_text("utf-8") for page in (ATTACH, WITHOUT, VENDING, STORE, CLIENT))
    assert [path.name for path in EXAMPLES if f"/{path.name})" not in linked] == []
