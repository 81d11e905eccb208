"""The README cannot drift: its tables are the source's, and its commands run."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from infra.cloudformation import Stack
from tests.docs.tables import README, with_tables

ROOT = README.parent
TEXT = README.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Give the README's code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


def test_the_tables_are_those_of_the_source() -> None:
    """Settings and costs in the README are generated: `make docs` writes them."""
    assert with_tables(TEXT) == TEXT


def test_every_link_leads_to_a_file() -> None:
    """A relative link of any document leads somewhere."""
    for document in [README, *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for link in re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8")):
            assert "://" in link or (document.parent / link).exists(), f"{document.name}: {link}"


def test_every_make_target_is_there() -> None:
    """What the README and CONTRIBUTING tell people to make can be made."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    told = TEXT + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert set(re.findall(r"(?:`|\$ )make ([a-z]+)", told)) <= targets


def test_the_commands_run_as_they_stand(local_stack: dict[str, Any], tmp_path: Path) -> None:
    """Every command of the README, in its order, against the local stack: none fails, and calls are answered 2xx."""
    script = "set -euo pipefail\n" + "\n".join(blocks("sh"))
    for told, actual in (
        ("http://127.0.0.1:8080", local_stack["issuer"]),
        ("http://127.0.0.1:8081", local_stack["api"]),
        ("http://127.0.0.1:4566", local_stack["aws_endpoint_url"]),
        ("$PWD/.venv/bin", str(Path(sys.executable).parent)),
        ("infra/openapi/", f"{ROOT}/infra/openapi/"),
    ):
        assert told in script
        script = script.replace(told, actual)
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LATCHKEY_ISSUER": local_stack["issuer"]}
    result = subprocess.run(  # noqa: S603 - the README's own commands
        ["/bin/bash", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert re.findall(r"HTTP/1.1 (\d+)", result.stdout) == ["200", "201"]
    assert result.stdout.count('"access_token"') == 2


def test_the_example_of_an_authorizer_is_the_deployed_one() -> None:
    """What the README tells an API developer to write is what the sample API is deployed with."""
    (example,) = blocks("yaml")
    told = yaml.safe_load(example)["components"]["securitySchemes"]["accessToken"]
    (deployed,) = Stack().api("ResourceApi")["components"]["securitySchemes"].values()
    for scheme in (told, deployed):
        del scheme["x-amazon-apigateway-authorizer"]["authorizerUri"]
        scheme.pop("description", None)
    assert told == deployed
