"""`latchkey audit`: lines out of CloudWatch Logs, and out of a file."""

import json
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latchkey import audit_lines
from latchkey.audit_lines import Filter
from tests.latchkey.command import Command

NOW = time.time()
ISSUED: dict[str, Any] = {
    "time": NOW - 30,
    "event": "token",
    "outcome": "issued",
    "client_id": "reporting",
    "jti": "t1",
}
REFUSED: dict[str, Any] = {
    "time": NOW - 20,
    "event": "token",
    "outcome": "refused",
    "error": "invalid_client",
    "reason": "wrong secret",
}
ALLOWED: dict[str, Any] = {
    "time": NOW - 10,
    "event": "authorizer_decision",
    "outcome": "allow",
    "client_id": "reporting",
    "jti": "t1",
}
OLD = ISSUED | {"time": NOW - 90_000, "jti": "t0"}
LINES = (OLD, ISSUED, REFUSED, ALLOWED)


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Write lines as a log has them, with lines between that are none of ours; give the path."""
    noise = [
        "START RequestId: 0c1 Version: $LATEST",
        "{",
        "[1]",
        '{"time": "soon", "event": "x"}',
        '{"event": "token"}',
        "",
    ]
    path = tmp_path / "lines.txt"
    texts = [json.dumps(ALLOWED), *noise, f"2026-11-25T08:00:00Z\t{json.dumps(REFUSED)}"]
    path.write_text("\n".join([*texts, *map(json.dumps, (OLD, ISSUED))]), encoding="utf-8")
    return str(path)


@pytest.fixture
def stack_name(endpoint: str) -> str:
    """Write the lines into the log groups of a stack; give its name. One of its functions was never called."""
    name = f"stack-{uuid.uuid4().hex[:8]}"
    logs = boto3.session.Session().client("logs", endpoint_url=endpoint, region_name="us-east-1")
    for function, lines in {"token": LINES[:3], "authorizer": LINES[3:]}.items():
        group = {"logGroupName": f"/aws/lambda/{name}-{function}"}
        logs.create_log_group(**group)
        logs.create_log_stream(**group, logStreamName="a")
        events: Any = [{"timestamp": int(line["time"] * 1000), "message": json.dumps(line) + "\n"} for line in lines]
        logs.put_log_events(**group, logStreamName="a", logEvents=events)
    return name


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), [OLD, ISSUED, REFUSED, ALLOWED]),
        (("--client", "reporting"), [OLD, ISSUED, ALLOWED]),
        (("--outcome", "refused", "--outcome", "allow"), [REFUSED, ALLOWED]),
        (("--event", "token", "--since", "1h"), [ISSUED, REFUSED]),
        (("--until", "1d"), [OLD]),
        (("--limit", "2"), [REFUSED, ALLOWED]),
        (("--client", "nobody"), []),
    ],
)
def test_lines_of_a_file_are_chosen(file: str, options: tuple[str, ...], expected: list[Any]) -> None:
    """By client, outcome, event and time; oldest first, and what is no audit line is passed over."""
    assert Command().run("audit", "--file", file, "--json", *options).json == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), [ISSUED, REFUSED, ALLOWED]),
        (("--since", "2d", "--client", "reporting"), [OLD, ISSUED, ALLOWED]),
        (("--outcome", "refused"), [REFUSED]),
        (("--until", datetime.fromtimestamp(NOW - 15, UTC).isoformat()), [ISSUED, REFUSED]),
    ],
)
def test_lines_of_a_stack_are_chosen(
    latchkey: Command, stack_name: str, options: tuple[str, ...], expected: list[Any]
) -> None:
    """Of all its functions, in one order; of the last hour unless told."""
    assert latchkey.run("audit", "--stack-name", stack_name, "--json", *options).json == expected


def test_lines_are_laid_out_for_people(file: str) -> None:
    """A table, with the reason that the client was not told."""
    printed = Command().run("audit", "--file", file).stdout
    for text in ("authorizer_decision", "invalid_client", "wrong secret", "reporting", "t0"):
        assert text in printed


def test_stdin_is_a_file_too() -> None:
    """A pipe from any other tool will do."""
    assert Command().run("audit", "--file", "-", "--json", stdin=json.dumps(ISSUED)).json == [ISSUED]


def test_a_limit_that_was_reached_is_said(file: str) -> None:
    """Nobody takes the latest lines for all of them."""
    assert "latest 1 lines" in Command().run("audit", "--file", file, "--limit", "1").stderr


def test_a_stack_without_logs_is_not_found(latchkey: Command) -> None:
    """Status 1, and the options that set it."""
    latchkey.run("audit", "--stack-name", "none").refused(1, "/aws/lambda/none-token", "--stack-name")


def test_a_file_that_is_not_there_is_not_found() -> None:
    """Status 1, by its name."""
    Command().run("audit", "--file", "/nowhere/lines").refused(1, "/nowhere/lines")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--since", "yesterday", "--file", "-"), "--since"),
        (("--until", "9999999999999d", "--file", "-"), "--until"),
        (("--file", "-", "--log-group", "g"), "--log-group"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: tuple[str, ...], word: str) -> None:
    """Status 2, and the option."""
    Command().run("audit", *options).refused(2, word)


def test_cloudwatch_is_asked_for_no_more_than_what_counts() -> None:
    """Its pattern says as much as it can: a value that would need escaping is looked for afterwards."""
    assert Filter().pattern() == ""
    assert (
        Filter(client_id="a", outcomes=("x", "y")).pattern()
        == '{ ($.client_id = "a") && ($.outcome = "x" || $.outcome = "y") }'
    )
    assert Filter(client_id='a" || $.b = "*', events=("token",)).pattern() == '{ ($.event = "token") }'
    assert Filter(client_id="*").pattern() == ""


@given(st.lists(st.text() | st.builds(json.dumps, st.dictionaries(st.text(), st.integers()))))
def test_no_text_makes_the_reader_fail(texts: list[str]) -> None:
    """A log may have anything in it."""
    assert all("event" in line for line in audit_lines.parse(texts))
