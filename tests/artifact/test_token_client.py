"""The functions of infra/examples/token-client.yaml, as they are built, under Lambda's runtime client."""

import json
import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.build import Target, build
from infra.cloudformation import CLIENT_EXAMPLE, Stack
from tests.artifact.conftest import ARCHITECTURE, RUNTIME
from tests.artifact.runtime_api import RunningFunction
from tests.conftest import AWS_ENVIRON

ANSWERS = {
    "ReportFunction": {"products"},
    "RefreshFunction": {"token_type", "scope", "expires_in", "expires_at"},
}


@pytest.fixture
def stack(local_stack: dict[str, Any]) -> Stack:
    """Give the template over the local stack, with a secret of its own."""
    name = f"reporting-{uuid.uuid4()}"
    secret = {member: local_stack[member] for member in ("client_id", "client_secret")}
    secrets = boto3.client("secretsmanager", endpoint_url=local_stack["aws_endpoint_url"])
    secrets.create_secret(Name=name, SecretString=json.dumps(secret))
    issuer = local_stack["issuer"]
    given = {"Issuer": issuer, "TokenEndpoint": f"{issuer}/oauth/token", "Api": local_stack["api"], "SecretName": name}
    return Stack(CLIENT_EXAMPLE, parameters=given)


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_a_function_runs_with_nothing_but_its_artifact(
    stack: Stack, local_stack: dict[str, Any], python_of_lambda: Path, tmp_path: Path, name: str
) -> None:
    """Twice, with the table of the local stack: it answers as it should, and neither answer nor log has a token."""
    build(name, tmp_path / name, Target(RUNTIME, ARCHITECTURE))
    described = stack.functions()[name]
    environ = {**AWS_ENVIRON, "AWS_ENDPOINT_URL": local_stack["aws_endpoint_url"], **described.environment}
    with RunningFunction(tmp_path / name, described.handler, environ, python_of_lambda) as function:
        outcomes = [function.invoke({"source": "aws.events"}) for _ in range(2)]
    for outcome in outcomes:
        assert not outcome.failed, outcome.document
        assert outcome.document.keys() == ANSWERS[name]
    assert "eyJ" not in "".join(function.log)
