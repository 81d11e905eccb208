"""docs/token-vending.md: the application of the page runs as it stands there."""

import json
import re
import uuid
from pathlib import Path
from typing import Any

import boto3
import jwt
import pytest

from auth_server.aws.dynamodb import DynamoDBClientStore
from infra.cloudformation import Stack
from tests.auth_server.aws.test_vending_table import DEFINITION
from tests.auth_server.vending.simulator import BROWSER, ENVIRON
from tests.simulator import AUDIENCE, ISSUER

PAGE = Path(__file__).parents[2] / "docs" / "token-vending.md"
NEEDED = ("ISSUER", "VENDING_AUDIENCE")


def code() -> str:
    """Give the application, and check that the page has one."""
    (found,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def application(aws_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the page's code over tables and keys of its own, and give its names."""
    dynamodb = boto3.client("dynamodb", endpoint_url=aws_endpoint)
    kms = boto3.client("kms", endpoint_url=aws_endpoint)
    run = uuid.uuid4()
    tables = Stack().tables()
    definitions: dict[str, Any] = {
        "CLIENTS_TABLE": tables["ClientsTable"].definition,
        "STATE_TABLE": tables["StateTable"].definition,
        "VENDING_TABLE": DEFINITION,
    }
    for variable, definition in definitions.items():
        dynamodb.create_table(**{**definition, "TableName": f"{variable}-{run}"})
        monkeypatch.setenv(variable, f"{variable}-{run}")
    DynamoDBClientStore(dynamodb, f"CLIENTS_TABLE-{run}").create(BROWSER)
    signing = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    monkeypatch.setenv("SIGNING_KEY_ID", signing)
    monkeypatch.setenv("VENDED_TOKEN_KEY_ID", kms.create_key()["KeyMetadata"]["KeyId"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws_endpoint)
    for name in NEEDED:
        monkeypatch.setenv(name, ENVIRON[name])
    names: dict[str, Any] = {}
    exec(compile(code(), str(PAGE), "exec"), names)  # noqa: S102 - our own page
    return names


def ask(application: dict[str, Any], role: str) -> tuple[str, dict[str, Any]]:
    """Ask as somebody with a session, and give status and document."""
    started: list[str] = []
    session = {"app.session": {"id": "7c1f", "role": role}}
    (body,) = application["application"](session, lambda status, _: started.append(status))
    document: dict[str, Any] = json.loads(body)
    return started[0], document


def claims(text: str) -> dict[str, Any]:
    """Read what a token says; that it verifies is seen where it is vended."""
    said: dict[str, Any] = jwt.decode(text, options={"verify_signature": False})
    return said


def test_the_application_vends(application: dict[str, Any]) -> None:
    """Each role gets its scopes, the same person the same token, and nobody without a role any."""
    status, guest = ask(application, "guest")
    said = claims(guest["token"])
    assert status == "200 OK"
    assert (said["iss"], said["aud"], said["sub"]) == (ISSUER, AUDIENCE, "embedded:7c1f")
    assert (said["identity_provider"], said["scope"]) == ("embedded", "products:read")
    assert said["exp"] - said["iat"] == 600
    assert ask(application, "guest") == (status, guest)
    assert claims(ask(application, "staff")[1]["token"])["scope"] == "products:read products:write"
    assert ask(application, "nobody") == ("403 Forbidden", {"error": "access_denied"})
