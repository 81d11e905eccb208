"""The examples of docs/token-client.md, run over the local stack: what they say, and how many tokens they ask for."""

import importlib
import json
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from time import monotonic
from typing import Any

import boto3
import botocore.handlers
import pytest
from fastapi.testclient import TestClient

from infra.cloudformation import CLIENT_EXAMPLE, Stack
from infra.local.lambda_runtime import LambdaContext, invoke, load_function
from infra.template_yaml import load
from tests.conftest import AWS_ENVIRON
from tests.token_client.authorization_server import AuthorizationServer
from tests.token_client.counting import counting
from tests.token_client.test_token_manager import DEFINITION

ROOT = Path(__file__).parents[2]
SCRIPT, CRON = ROOT / "examples" / "token_script.py", ROOT / "examples" / "token_cron.py"
# What the stack is stocked with. Other tests add to it.
PRODUCTS = {"Kettle": "24.90", "Tea towel": "7.50", "Teapot": "39.00"}

Environ = dict[str, str]


@pytest.fixture
def issuer(local_stack: dict[str, Any]) -> Iterator[AuthorizationServer]:
    """Give an issuer that answers as the stack's does, and counts."""
    with counting(local_stack["issuer"]) as server:
        yield server


@pytest.fixture
def environ(local_stack: dict[str, Any], issuer: AuthorizationServer) -> Environ:
    """Give the environment of an example, with a secret and a table of its own."""
    run, endpoint = uuid.uuid4(), local_stack["aws_endpoint_url"]
    secret = {name: local_stack[name] for name in ("client_id", "client_secret")}
    boto3.client("secretsmanager", endpoint_url=endpoint).create_secret(
        Name=f"reporting-{run}", SecretString=json.dumps(secret)
    )
    boto3.client("dynamodb", endpoint_url=endpoint).create_table(TableName=f"token-cache-{run}", **DEFINITION)
    return AWS_ENVIRON | {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": endpoint,
        "ISSUER": issuer.url,
        "API": local_stack["api"],
        "CLIENT_ID": secret["client_id"],
        "CLIENT_SECRET": secret["client_secret"],
        "SECRET_NAME": f"reporting-{run}",
        "TOKEN_TABLE": f"token-cache-{run}",
    }


def run(script: Path, environ: Environ, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run an example in a process of its own."""
    command = [sys.executable, "-W", "error", str(script), *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments


def test_the_script_prints_what_there_is(environ: Environ, issuer: AuthorizationServer) -> None:
    """One token, one call, and the API's products."""
    done = run(SCRIPT, environ, environ["ISSUER"], environ["API"], "products:read")
    assert (done.returncode, done.stderr) == (0, "")
    assert {f"{name}: {price}" for name, price in PRODUCTS.items()} <= set(done.stdout.splitlines())
    assert len(issuer.token_requests) == 1


def test_the_script_says_how_it_is_called(environ: Environ) -> None:
    """Without its arguments it has nothing to go by, and asks nobody."""
    done = run(SCRIPT, environ)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "usage: token_script.py ISSUER API SCOPE\n")


@pytest.mark.parametrize(
    ("changed", "scope", "says"),
    [
        ({"CLIENT_SECRET": "wrong-secret"}, "products:read", "invalid_client"),
        ({}, "no:such", "invalid_scope"),
        ({}, "messages:write", "the API needs products:read products:write; the token has messages:write"),
        ({"CLIENT_SECRET": ""}, "products:read", "CLIENT_SECRET"),
    ],
)
def test_the_script_says_in_a_line_what_is_wrong(environ: Environ, changed: Environ, scope: str, says: str) -> None:
    """One thing is wrong: status 1, one line, and no secret in it."""
    done = run(SCRIPT, environ | changed, environ["ISSUER"], environ["API"], scope)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert says in done.stderr
    assert "wrong-secret" not in done.stderr


@pytest.fixture
def service(environ: Environ, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TestClient]:
    """Return what starts the service, with variables changed."""

    def start(**changed: str) -> TestClient:
        for name, value in (environ | changed).items():
            monkeypatch.setenv(name, value)
        return TestClient(importlib.import_module("examples.token_fastapi_service").app)

    return start


def test_the_service_asks_for_one_token(service: Callable[..., TestClient], issuer: AuthorizationServer) -> None:
    """Twenty requests at once and one after them: each is served, with one token for all."""
    with service() as client, ThreadPoolExecutor(20) as threads:
        answers = [*threads.map(lambda _: client.get("/prices"), range(20)), client.get("/prices")]
    assert {answer.status_code for answer in answers} == {200}
    assert PRODUCTS.items() <= answers[0].json().items()
    assert len(issuer.token_requests) == 1


def test_the_service_tells_its_callers_nothing_of_its_own_trouble(
    service: Callable[..., TestClient], caplog: pytest.LogCaptureFixture
) -> None:
    """Without a token it is 503; the reason is in the log, and the secret nowhere."""
    with service(CLIENT_SECRET="wrong-secret") as client:
        answer = client.get("/prices")
    assert (answer.status_code, answer.json()) == (503, {"error": "temporarily_unavailable"})
    assert "invalid_client" in caplog.text
    assert "wrong-secret" not in caplog.text


def test_the_second_run_of_the_job_asks_for_no_token(environ: Environ, issuer: AuthorizationServer) -> None:
    """What one process fetched, the next one finds in the table."""
    for _ in range(2):
        done = run(CRON, environ)
        assert (done.returncode, done.stderr) == (0, "")
        assert re.fullmatch(r"\d+ products\n", done.stdout)
        assert len(issuer.token_requests) == 1


def test_the_job_works_without_its_table(environ: Environ, issuer: AuthorizationServer) -> None:
    """Each run then asks for a token of its own, and the log says why."""
    for count in (1, 2):
        done = run(CRON, environ | {"TOKEN_TABLE": "nowhere"})
        assert (done.returncode, "products" in done.stdout) == (0, True)
        assert "ResourceNotFoundException" in done.stderr
        assert len(issuer.token_requests) == count


def example(environ: Mapping[str, str]) -> Stack:
    """Give the template of the Lambda, with parameters that fit an environment."""
    return Stack(
        CLIENT_EXAMPLE,
        parameters={
            "Issuer": environ["ISSUER"],
            "TokenEndpoint": f"{environ['ISSUER']}/token",
            "Api": environ["API"],
            "SecretName": environ["SECRET_NAME"],
            "TokenTable": environ["TOKEN_TABLE"],
        },
    )


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the action and the parameters of every AWS call of sessions that are made from now on."""
    made: list[tuple[str, Mapping[str, Any]]] = []

    def record(params: Mapping[str, Any], model: Any, **_: Any) -> None:
        made.append((f"{model.service_model.endpoint_prefix}:{model.name}", dict(params)))

    handlers = [*botocore.handlers.BUILTIN_HANDLERS, ("before-parameter-build.*", record)]
    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", handlers)
    return made


def invoked(environ: Environ, function: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Start a function of the template cold, with the template's own environment, and invoke it twice."""
    described = example(environ).functions()[function]
    variables = {**AWS_ENVIRON, "AWS_ENDPOINT_URL": environ["AWS_ENDPOINT_URL"], **described.environment}
    for name, value in variables.items():  # boto3 is asked for a client at the first invocation, and then reads them
        monkeypatch.setenv(name, value)
    if function == "ReportFunction":
        handler = load_function(described.module, variables)
    else:
        module, _, name = described.handler.rpartition(".")
        handler = getattr(importlib.import_module(module), name)
    context = LambdaContext("1", f"arn:aws:lambda:us-east-1:123456789012:function:{function}", monotonic() + 60)
    answers = [invoke(handler, {"source": "aws.events"}, context)[0] for _ in range(2)]
    if "api" in handler.__globals__:
        handler.__globals__["api"].close()  # Lambda ends the process with its connections
    return answers


def test_lambdas_that_start_cold_share_a_token(
    environ: Environ, issuer: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three execution environments, two invocations of each: one token request."""
    for _ in range(3):
        assert [answer["products"] >= 3 for answer in invoked(environ, "ReportFunction", monkeypatch)] == [True, True]
    assert len(issuer.token_requests) == 1


def test_the_scheduled_function_fetches_a_token_each_time(
    environ: Environ, issuer: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells when the token ends, and not the token."""
    for answer in invoked(environ, "RefreshFunction", monkeypatch):
        assert answer.keys() == {"token_type", "scope", "expires_in", "expires_at"}
    assert len(issuer.token_requests) == 2


def statements(environ: Environ) -> list[dict[str, Any]]:
    """Give what the template's role may do, besides writing its log."""
    (policy,) = example(environ).properties("ClientRole")["Policies"]
    allowed: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return allowed


def actions(environ: Environ) -> list[tuple[str, str]]:
    """Give each action with its resource."""
    return [
        (action, statement["Resource"])
        for statement in statements(environ)
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    ]


def test_the_role_permits_what_is_called_and_no_more(
    environ: Environ, calls: list[tuple[str, Mapping[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call of AWS is one of the policy's, on its resource; and there is no action that is never called."""
    for function in ("ReportFunction", "RefreshFunction"):
        invoked(environ, function, monkeypatch)
    made = set()
    for action, parameters in calls:
        if "TableName" in parameters:
            made.add((action, f"arn:aws:dynamodb:us-east-1:123456789012:table/{parameters['TableName']}"))
        else:
            made.add((action, f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{parameters['SecretId']}-Ab1Cd2"))
    allowed = actions(environ)
    assert {action for action, _ in made} == {action for action, _ in allowed}
    for action, resource in made:
        assert any(action == name and fnmatchcase(resource, pattern) for name, pattern in allowed), (action, resource)


def test_the_policy_of_the_page_is_the_templates(environ: Environ) -> None:
    """What the page gives to paste is what the Lambda is deployed with."""
    page = (ROOT / "docs" / "token-client.md").read_text(encoding="utf-8")
    told = json.loads(page.split("```json\n")[1].split("```")[0])
    text = json.dumps({"Version": "2012-10-17", "Statement": statements(environ)})
    for actual, name in (
        ("us-east-1", "REGION"),
        ("123456789012", "ACCOUNT"),
        (environ["TOKEN_TABLE"], "token-cache"),
        (environ["SECRET_NAME"], "SECRET_NAME"),
    ):
        text = text.replace(actual, name)
    assert told == json.loads(text)


def test_every_function_of_the_template_runs_here() -> None:
    """Both, and no third that nobody has seen run; each with the one role."""
    functions = {
        name: made["Properties"]
        for name, made in load(CLIENT_EXAMPLE)["Resources"].items()
        if made["Type"] == "AWS::Serverless::Function"
    }
    assert functions.keys() == {"ReportFunction", "RefreshFunction"}
    assert {str(made["Role"]) for made in functions.values()} == {"{'Fn::GetAtt': ['ClientRole', 'Arn']}"}
