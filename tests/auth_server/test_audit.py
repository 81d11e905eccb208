"""Audit lines: one for each decision, with what an operator needs and nothing that is secret."""

import json
from typing import Any

import pytest

from tests.simulator import ENVIRON, NOW, SECRET, Simulator, basic, document, event

Lines = list[dict[str, Any]]


def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """Give the lines written since the last look."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_an_issued_token_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The line of an issued token names client, method, scope, audience, jti, key and source address."""
    server = Simulator()
    response = server.token(scope="products:read")
    (line,) = lines(capsys)
    assert line.pop("time") > NOW / 10
    assert line == {
        "level": "INFO",
        "event": "token",
        "request_id": "request-1",
        "source_ip": "203.0.113.7",
        "grant_type": "client_credentials",
        "auth_method": "client_secret_basic",
        "client_id": "demo",
        "scope": "products:read",
        "audience": ["https://api.example.com"],
        "jti": server.claims(response)["jti"],
        "kid": server.keys.load().kid,
        "outcome": "issued",
        "status": 200,
    }


@pytest.mark.parametrize(
    ("secret", "reason"),
    [("wrong", "the secret matches none of the client's live secrets"), (SECRET, None)],
)
def test_a_refusal_tells_the_operator_why(capsys: pytest.CaptureFixture[str], secret: str, reason: str | None) -> None:
    """The reason that the caller is not told stands in the line; who it was, too, once the client is known."""
    Simulator().token(secret=secret, scope="admin")
    (line,) = lines(capsys)
    assert (line["outcome"], line["client_id"], line["level"]) == ("refused", "demo", "WARNING")
    assert line["reason"] == (reason or "The client may not ask for this scope.")


def test_an_unknown_id_is_not_written_down(capsys: pytest.CaptureFixture[str]) -> None:
    """A caller that mixes up its fields sends its secret as an id: what no record knows is not logged."""
    Simulator().post({"grant_type": "client_credentials"}, headers=basic(SECRET, "demo"))
    (line,) = lines(capsys)
    assert line["reason"] == "unknown client"
    assert "client_id" not in line


def test_no_secret_or_token_reaches_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither secrets nor tokens stand in a line, whether the request was good, bad or broken."""
    server = Simulator()
    token = document(server.token())["access_token"]
    server.token(secret=SECRET + "x")
    server.post({"client_secret": SECRET, "grant_type": SECRET, "client_id": "demo", "scope": SECRET})
    server.post({"client_secret": SECRET, "grant_type": "client_credentials", "client_id": "demo", "scope": SECRET})
    server.token(resource=f"https://{SECRET}")
    server.send(event("GET", f"/{SECRET}"))
    log = capsys.readouterr().out
    assert log.count("\n") == 6
    assert SECRET not in log
    assert token.split(".")[2] not in log


def test_the_level_is_a_threshold(capsys: pytest.CaptureFixture[str]) -> None:
    """LOG_LEVEL=ERROR silences decisions, and keeps failures."""
    server = Simulator(environ={**ENVIRON, "LOG_LEVEL": "ERROR"})
    server.token()
    server.token(secret="wrong")
    assert lines(capsys) == []
    server.clients.failing = True
    server.token()
    (line,) = lines(capsys)
    assert (line["outcome"], line["reason"]) == (
        "unavailable",
        "dynamodb:GetItem: ProvisionedThroughputExceededException",
    )


def test_a_line_stays_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """What a caller sends cannot forge a second line."""
    Simulator().send(event("GET", "/", requestContext={"requestId": 'x"}\n{"event":"token"}'}))
    assert len(lines(capsys)) == 1
