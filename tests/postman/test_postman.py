"""The Postman collection: well formed always, and run by newman against the local stack where newman is installed.

`npm install --prefix infra/postman` installs it; a folder `node_modules` in `$XDG_CACHE_HOME/latchkey`
(`~/.cache/latchkey`) or a newman on the PATH serves as well.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
POSTMAN = ROOT / "infra" / "postman"
COLLECTION = POSTMAN / "latchkey.postman_collection.json"
ENVIRONMENT = POSTMAN / "local.postman_environment.json"
FLOW = "Flow with assertions"
FROM_THE_STACK = ("issuer", "api", "client_id", "client_secret", "scope", "audience")
SECRETS = {"client_secret", "access_token", "read_only_token"}
NEWMAN_TIME_LIMIT_SECONDS = 120

Json = dict[str, Any]


def read(path: Path) -> Json:
    """Return a JSON file's object."""
    document: Json = json.loads(path.read_text(encoding="utf-8"))
    return document


def requests_in(folder: Json) -> Iterator[Json]:
    """Yield every request of a folder and of the folders in it."""
    for item in folder["item"]:
        if "item" in item:
            yield from requests_in(item)
        else:
            yield item


def folder(name: str) -> Json:
    """Return one folder of the collection."""
    (found,) = [item for item in read(COLLECTION)["item"] if item["name"] == name]
    return dict(found)


def environment_values() -> dict[str, Json]:
    """Return the environment's variables by name."""
    values = read(ENVIRONMENT)["values"]
    by_name = {value["key"]: value for value in values}
    assert len(by_name) == len(values)
    return by_name


ALL_REQUESTS = [pytest.param(item, id=item["name"]) for item in requests_in(read(COLLECTION))]


def test_the_collection_is_of_schema_2_1() -> None:
    """Postman and newman both import version 2.1."""
    assert read(COLLECTION)["info"]["schema"].endswith("/collection/v2.1.0/collection.json")
    assert read(ENVIRONMENT)["_postman_variable_scope"] == "environment"


def test_every_variable_used_is_defined_in_the_environment_and_the_reverse() -> None:
    """Nothing in braces, and nothing that a script reads or keeps, is without a definition."""
    text = COLLECTION.read_text(encoding="utf-8")
    used = set(re.findall(r"\{\{([^{}]*)\}\}", text))
    used |= set(re.findall(r"pm\.environment\.[gs]et\(\\\"([^\"\\]+)", text))
    assert used == environment_values().keys()
    assert set(FROM_THE_STACK) <= used


def test_no_secret_is_in_the_files() -> None:
    """Whoever imports them brings a secret of their own; Postman hides what is a secret."""
    values = environment_values()
    assert {name for name, value in values.items() if value["type"] == "secret"} == SECRETS
    assert all(not values[name]["value"] for name in {*SECRETS, "client_id", "product_id"})


@pytest.mark.parametrize("item", ALL_REQUESTS)
def test_every_request_has_a_test(item: Json) -> None:
    """A request without an assertion shows nothing."""
    (event,) = [event for event in item["event"] if event["listen"] == "test"]
    assert any(line.startswith("pm.test(") for line in event["script"]["exec"])


@pytest.mark.parametrize("item", ALL_REQUESTS)
def test_every_request_goes_to_the_issuer_or_the_api(item: Json) -> None:
    """A URL's raw form and its parts say the same, and no host is written out."""
    url = item["request"]["url"]
    assert url["raw"] == "/".join([*url["host"], *url["path"]])
    assert url["host"] in (["{{issuer}}"], ["{{api}}"])


@pytest.mark.spec("RFC 6749", "4.4")
def test_people_get_their_token_in_the_authorization_tab() -> None:
    """The collection's authorization is client credentials, all of it from variables; the people's folder has it."""
    collection = read(COLLECTION)
    assert collection["auth"]["type"] == "oauth2"
    settings = {entry["key"]: entry["value"] for entry in collection["auth"]["oauth2"]}
    assert settings["grant_type"] == "client_credentials"
    assert settings["accessTokenUrl"] == "{{issuer}}/oauth/token"
    assert (settings["clientId"], settings["clientSecret"]) == ("{{client_id}}", "{{client_secret}}")
    assert settings["scope"] == "{{scope}}"
    assert settings["addTokenTo"] == "header"
    people = folder("With the Authorization tab")
    assert "auth" not in people
    assert all("auth" not in item["request"] for item in requests_in(people))


def test_requests_of_the_flow_inherit_no_authorization() -> None:
    """Newman cannot press a button for a token, so each request of the flow brings its own or none."""
    assert folder(FLOW)["auth"] == {"type": "noauth"}


def test_newman_is_pinned_without_a_lock_file() -> None:
    """One version of newman; a lock file would name the registry it came from."""
    package = read(POSTMAN / "package.json")
    assert re.fullmatch(r"\d+\.\d+\.\d+", package["devDependencies"]["newman"])
    assert not (POSTMAN / "package-lock.json").exists()


def find_newman() -> str | None:
    """Return newman's path, or None where it is not installed."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "latchkey"
    folders = [str(place / "node_modules" / ".bin") for place in (POSTMAN, cache)]
    return shutil.which("newman", path=os.pathsep.join([*folders, os.environ.get("PATH", "")]))


@pytest.fixture
def newman() -> str:
    """Return newman's path, or skip."""
    path = find_newman()
    if path is None or shutil.which("node") is None:
        pytest.skip("newman is not installed: npm install --prefix infra/postman")
    return path


def filled_environment(stack: Json, path: Path) -> Path:
    """Write the environment with a stack's values: in a file, since anyone can read a command line."""
    environment = read(ENVIRONMENT)
    for value in environment["values"]:
        if value["key"] in FROM_THE_STACK:
            value["value"] = stack[value["key"]]
    path.write_text(json.dumps(environment), encoding="utf-8")
    return path


def test_newman_runs_the_flow_against_the_local_stack(newman: str, local_stack: Json, tmp_path: Path) -> None:
    """Every request of the flow is answered, and every assertion of it holds."""
    report = tmp_path / "report.json"
    environment = filled_environment(local_stack, tmp_path / "environment.json")
    command = [newman, "run", str(COLLECTION), "--environment", str(environment), "--folder", FLOW]
    options = ["--reporters", "json", "--reporter-json-export", str(report), "--timeout-request", "10000"]
    done = subprocess.run(  # noqa: S603 - every word is ours or newman's path
        [*command, *options],
        check=False,
        capture_output=True,
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
        timeout=NEWMAN_TIME_LIMIT_SECONDS,
    )
    assert report.exists(), done.stderr.decode()
    run = read(report)["run"]
    # The names of what failed, never the report itself, which holds the secret and the tokens.
    assert [(failure["source"]["name"], failure["error"]["message"]) for failure in run["failures"]] == []
    assert run["stats"]["requests"]["total"] == len(list(requests_in(folder(FLOW))))
    assert done.returncode == 0
