"""The function that rotates: what it is told, what it answers, and what it writes in its log."""

import importlib
import json
import os
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from unittest.mock import patch

import boto3
import pytest

from auth_server.errors import DependencyError
from auth_server.settings import SettingsError
from auth_server.signing_keys.rotation import DEFAULT_PERIOD_SECONDS, NEVER
from auth_server.signing_keys.settings import RotationSettings
from tests.conftest import AWS_ENVIRON
from tests.infra.deployed import deploy

MODULE = "auth_server.rotation_handler"
ENVIRON = {"ISSUER": "https://auth.example.com", "SIGNING_KEY_ID": "alias/latchkey", "KEYS_TABLE": "latchkey-keys"}


@pytest.fixture
def environ(aws_endpoint: str) -> dict[str, str]:
    """Give the environment of the deployed function."""
    function = deploy(aws_endpoint).functions()["RotationFunction"]
    return {**AWS_ENVIRON, "AWS_ENDPOINT_URL": aws_endpoint, **function.environment}


@pytest.fixture
def handler(environ: dict[str, str]) -> Iterator[ModuleType]:
    """Give the module as a cold start has it."""
    with patch.dict(os.environ, environ, clear=True):
        sys.modules.pop(MODULE, None)
        yield importlib.import_module(MODULE)
    sys.modules.pop(MODULE, None)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Give what was logged, less its time."""
    written = map(json.loads, capsys.readouterr().out.splitlines())
    return [{name: value for name, value in line.items() if name != "time"} for line in written]


def test_a_schedule_does_what_is_due(handler: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """A first key that was made today is not due: nothing is done, and nothing is logged."""
    assert handler.lambda_handler({"source": "aws.events"}, None) == {"steps": []}
    assert lines(capsys) == []


def test_what_was_done_is_answered_and_logged(handler: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """Each step is in the answer, and a line of the log."""
    (step,) = handler.lambda_handler({"action": "rotate"}, None)["steps"]
    assert (step["outcome"], set(step)) == ("announced", {"outcome", "kid", "key_id", "active_from"})
    logged = {"event": "rotation", "outcome": "announced", "kid": step["kid"], "reason": step["key_id"]}
    assert lines(capsys) == [{"level": "INFO", **logged}]
    (retired,) = handler.lambda_handler({"action": "retire", "kid": step["kid"]}, None)["steps"]
    assert retired == {"outcome": "retired", "kid": step["kid"], "key_id": step["key_id"], "active_from": None}


@pytest.mark.parametrize(
    ("event", "why"),
    [({"action": "retire"}, "no key of that name"), ({"action": "retire", "kid": ["x"]}, "no key of that name")],
)
def test_what_makes_no_sense_is_refused(
    handler: ModuleType, capsys: pytest.CaptureFixture[str], event: Any, why: str
) -> None:
    """An operator is told why, and so is the log."""
    assert why in handler.lambda_handler(event, None)["error"]
    assert [(line["level"], line["outcome"]) for line in lines(capsys)] == [("ERROR", "refused")]


@pytest.mark.parametrize("event", [None, [], "rotate", {"action": "x"}, {"action": None, "at_once": True}])
def test_any_other_event_is_a_schedules(handler: ModuleType, event: Any) -> None:
    """Nothing but the two words makes it do more than is due."""
    assert handler.lambda_handler(event, None) == {"steps": []}


def test_a_failure_of_aws_fails_the_invocation(
    handler: ModuleType, environ: dict[str, str], aws_endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that an alarm sees it, and EventBridge tries again."""
    boto3.client("dynamodb", endpoint_url=aws_endpoint).delete_table(TableName=environ["KEYS_TABLE"])
    with pytest.raises(DependencyError, match=r"^dynamodb:Scan: ResourceNotFoundException$"):
        handler.lambda_handler({}, None)
    assert [(line["level"], line["outcome"]) for line in lines(capsys)] == [("ERROR", "unavailable")]


def test_a_table_that_somebody_wrote_to_is_told_of(
    handler: ModuleType, environ: dict[str, str], aws_endpoint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A record that the first key has not endorsed is a warning with each run, and stays for who looks into it."""
    handler.lambda_handler({"action": "rotate"}, None)
    dynamodb, table = boto3.client("dynamodb", endpoint_url=aws_endpoint), environ["KEYS_TABLE"]
    item = next(each for each in dynamodb.scan(TableName=table)["Items"] if "jwk" in each)
    dynamodb.put_item(TableName=table, Item={**item, "active_from": {"N": "1"}})
    lines(capsys)
    (step,) = handler.lambda_handler({}, None)["steps"]
    assert (step["outcome"], step["kid"]) == ("not endorsed", None)
    assert [(line["level"], line["outcome"]) for line in lines(capsys)] == [("WARNING", "not endorsed")]
    assert len(dynamodb.scan(TableName=table)["Items"]) == 2


@pytest.mark.parametrize(
    ("environ", "period"),
    [
        ({}, DEFAULT_PERIOD_SECONDS["kms"]),
        ({"SIGNER": "data_key", "KEY_ENCRYPTION_KEY_ID": "k"}, DEFAULT_PERIOD_SECONDS["data_key"]),
        ({"ROTATE_EVERY_SECONDS": "never"}, NEVER),
        ({"ROTATE_EVERY_SECONDS": "86400"}, 86_400),
    ],
)
def test_the_period_is_the_signers_own_or_what_is_set(environ: dict[str, str], period: int) -> None:
    """90 days where KMS signs, a day for a data key, or so many seconds, or never."""
    assert RotationSettings.from_environ({**ENVIRON, **environ}).rules.period_seconds == period


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"KEYS_TABLE": ""}, "KEYS_TABLE"),
        ({"SIGNER": "data_key"}, "KEY_ENCRYPTION_KEY_ID"),
        ({"SIGNER": "none"}, "SIGNER"),
        ({"ROTATE_EVERY_SECONDS": "9"}, "ROTATE_EVERY_SECONDS"),
        ({"ROTATE_EVERY_SECONDS": "weekly"}, "ROTATE_EVERY_SECONDS"),
        ({"ROTATE_EVERY_SECONDS": "14400"}, "KEY_LEAD_SECONDS"),
        ({"KEY_LEAD_SECONDS": "-1"}, "KEY_LEAD_SECONDS"),
        ({"KEY_OVERLAP_SECONDS": "1"}, "KEY_OVERLAP_SECONDS"),
    ],
)
def test_a_bad_setting_stops_the_cold_start(environ: dict[str, str], named: str) -> None:
    """The error names the variable."""
    with pytest.raises(SettingsError, match=named):
        RotationSettings.from_environ({**ENVIRON, **environ})
