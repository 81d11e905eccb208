"""The gate before the token endpoint: it refuses bad Basic credentials, admits all else, and opens nothing."""

import json
from typing import Any

import pytest

from auth_server.audit import AuditLog
from auth_server.challenge import REMEMBERED_CLIENTS, REMEMBERED_SECONDS, Gate, admission
from auth_server.throttle import FAILURES_OF_CLIENT_AT_ADDRESS, Throttle
from tests.simulator import NOW, SECRET, MemoryClientStore, MemoryStateStore, basic, client, event

ARN = "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/POST/oauth/token"


class World:
    """A gate, its store and its clock."""

    def __init__(self) -> None:
        """Know one client, `demo`."""
        self.store = MemoryClientStore(client())
        self.now = float(NOW)
        self.state = MemoryStateStore()
        throttle = Throttle(self.state, lambda: self.now)
        self.gate = Gate(self.store, throttle, AuditLog("DEBUG"), lambda: self.now)

    def admits(self, headers: dict[str, Any]) -> bool:
        """Ask the gate about a request with these headers."""
        return self.answer(headers) is not None

    def answer(self, headers: dict[str, Any]) -> dict[str, Any] | None:
        """Ask for the gate's policy."""
        request = {**event("POST", "/oauth/token", headers=headers), "type": "REQUEST", "methodArn": ARN}
        return self.gate.answer(request)


@pytest.mark.spec("RFC 6749", "5.2")
@pytest.mark.parametrize(
    "headers",
    [basic("demo", "wrong"), basic("nobody", SECRET), {"Authorization": "Bearer x"}, {"Authorization": "Basic ?"}],
)
def test_bad_basic_credentials_are_refused_and_written_down(
    headers: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A failed attempt by the Authorization header is refused where the challenge leaves under its own name."""
    assert not World().admits(headers)
    line = json.loads(capsys.readouterr().out)
    assert (line["event"], line["outcome"], line["error"], line["status"]) == (
        "token",
        "refused",
        "invalid_client",
        401,
    )


def test_what_the_token_endpoint_answers_better_is_admitted() -> None:
    """No header, two headers, and a store that does not answer are for the token endpoint to answer."""
    world = World()
    assert world.admits({})
    assert world.admits({"Authorization": [basic("demo", SECRET)["Authorization"]] * 2})
    world.store.failing = True
    assert world.admits(basic("demo", "wrong"))


def test_good_credentials_are_remembered_for_seconds() -> None:
    """A client that asks again costs no second read; its memory ends, and a wrong secret is never remembered."""
    world = World()
    for _ in range(3):
        assert world.admits(basic("demo", SECRET))
    assert world.store.reads == 1
    assert not world.admits(basic("demo", "wrong"))
    assert not world.admits(basic("demo", "wrong"))
    assert world.store.reads == 3
    world.store.clients.clear()
    world.now += REMEMBERED_SECONDS
    assert not world.admits(basic("demo", SECRET))


@pytest.mark.spec("RFC 6749", "2.3.1")
def test_too_many_failures_are_admitted_with_word_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    """The gateway cannot refuse with 429, so the token endpoint does: it is told the pause, and writes the line."""
    world = World()
    most = FAILURES_OF_CLIENT_AT_ADDRESS.most
    assert [world.admits(basic("demo", "wrong")) for _ in range(most)] == [False] * most
    answer = world.answer(basic("demo", "wrong"))
    assert answer == {**admission({"methodArn": ARN}), "context": {"pause": "2"}}
    reads = world.store.reads
    assert world.answer(basic("demo", "wrong")) == answer
    assert world.store.reads == reads
    assert len(capsys.readouterr().out.splitlines()) == most


def test_a_failure_that_cannot_be_counted_is_for_the_token_endpoint() -> None:
    """It answers 503 after it has tried itself; the gate knows no such answer."""
    world = World()
    world.state.failing = True
    assert world.answer(basic("demo", "wrong")) == admission({"methodArn": ARN})


def test_the_memory_is_bounded() -> None:
    """However many clients ask, the gate remembers no more than a thousand."""
    world = World()
    world.store.clients |= {f"c{number}": client(client_id=f"c{number}") for number in range(REMEMBERED_CLIENTS + 1)}
    world.admits(basic("demo", SECRET))
    for number in range(REMEMBERED_CLIENTS):
        world.admits(basic(f"c{number}", SECRET))
    reads = world.store.reads
    world.admits(basic("demo", SECRET))
    assert world.store.reads == reads + 1


def test_an_admission_is_for_this_request_alone() -> None:
    """The policy names the one method and path that was asked about."""
    assert admission({"methodArn": ARN}) == {
        "principalId": "client",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": ARN}],
        },
    }
