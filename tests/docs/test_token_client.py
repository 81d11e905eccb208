"""docs/token-client.md and the README's passage cannot drift: their code runs, and their tables are the source's."""

import inspect
import json
import logging
import re
import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.build import ROOT
from token_client import AsyncTokenClient, TokenClient, errors, token_manager

PAGE = (ROOT / "docs" / "token-client.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(text: str, language: str = "python") -> list[str]:
    """Give the code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def names_in_table(text: str, title: str) -> list[str]:
    """Give what stands in the first column of the table with a title."""
    (table,) = re.findall(rf"^\| {title} \|.*\n\| ---.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    return [name for row in table.splitlines() for name in re.findall(r"`(\w+)[^`]*`", row.split(" | ")[0])]


@pytest.fixture
def run(local_stack: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what runs a block as a program over the local stack, and gives its names."""
    name = f"reporting-{uuid.uuid4()}"
    secret = {member: local_stack[member] for member in ("client_id", "client_secret")}
    secrets = boto3.client("secretsmanager", endpoint_url=local_stack["aws_endpoint_url"])
    secrets.create_secret(Name=name, SecretString=json.dumps(secret))
    for variable, value in {
        "CLIENT_ID": secret["client_id"],
        "CLIENT_SECRET": secret["client_secret"],
        "SECRET_NAME": name,
        "URL": f"{local_stack['issuer']}/oauth/token",
        "IS_LOCAL": "true",
        "AWS_ENDPOINT_URL": local_stack["aws_endpoint_url"],
    }.items():
        monkeypatch.setenv(variable, value)

    def run(code: str) -> dict[str, Any]:
        for told, actual in (("8080", local_stack["issuer"]), ("8081", local_stack["api"])):
            code = code.replace(f"http://127.0.0.1:{told}", actual)
        names: dict[str, Any] = {}
        exec(compile(code, "page", "exec"), names)  # noqa: S102 - our own pages
        return names

    return run


def test_every_block_of_the_page_runs(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Each is a program of its own, and does what the text about it says."""
    with_httpx, with_requests, with_asyncio, told_apart, others, functions = blocks(PAGE)
    assert len(run(with_httpx)["products"]["products"]) >= 3
    assert len(run(with_requests)["products"]["products"]) >= 3
    assert len(run(with_asyncio)["products"]) >= 3
    run(told_apart)
    assert [record.levelno for record in caplog.records if "invalid_scope" in record.message] == [logging.ERROR]
    assert {type(run(others)[name]) for name in ("keycloak", "auth0", "without_metadata")} == {TokenClient}
    assert run(functions)["authorization"].startswith("Bearer eyJ")


def test_the_code_of_the_readme_runs(run: Any) -> None:
    """What the README tells a service to do calls the API."""
    (code,) = [block for block in blocks(README) if "token_client" in block]
    assert len(run(code)["products"]["products"]) >= 3


@pytest.mark.parametrize("client", [TokenClient, AsyncTokenClient])
def test_the_parameters_are_those_of_the_clients(client: type) -> None:
    """Each one has its row, in the order of the source, and its default. The clock is the tests' to choose."""
    parameters = {
        name: parameter for name, parameter in inspect.signature(client).parameters.items() if name != "clocks"
    }
    assert names_in_table(PAGE, "parameter") == list(parameters)
    defaults = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", PAGE, re.MULTILINE))
    for name in ("dpop", "retries", "retry_interval_ms", "timeout_s", "allow_http"):
        assert defaults[name] == repr(parameters[name].default)


def test_the_functions_are_those_of_the_module() -> None:
    """Every public one has its row, and so has every variable that is read."""
    source = Path(token_manager.__file__).read_text(encoding="utf-8")
    public = list(dict.fromkeys(re.findall(r"^def ([a-z]\w+)", source, re.MULTILINE)))
    assert names_in_table(PAGE, "function") == public
    read = set(re.findall(r'(?:environ\.get|_required|_number)\("([A-Z_]+)"', source))
    assert set(names_in_table(PAGE, "variable")) == {name for name in read if not name.startswith("AWS_")}


def test_every_error_has_its_row() -> None:
    """No error is raised of which the page does not say when."""
    (table,) = re.findall(r"^\| what happens \|.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    told = set(re.findall(r"`(\w+Error)`", table))
    # A store's errors are warnings; the family is named above.
    assert told == kinds - {"StoreError", "TokenClientError"}
