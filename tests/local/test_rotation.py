"""Signing keys that take turns in fast motion, through the whole stack: clients, gateway, authorizer and all."""

import base64
import io
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from auth_server.errors import DependencyError
from infra.local.rotation import fast_motion, on_schedule, with_functions
from tests.conftest import running_stack
from tests.latchkey.command import Command

Stack = dict[str, Any]
EVERY = 10
ROTATIONS = 3


@pytest.fixture(scope="module", params=["kms", "data_key"])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Give a stack whose keys last ten seconds."""
    with running_stack("--signer", request.param, "--rotate-every", str(EVERY)) as announced:
        yield {**announced, "signer": request.param}


@pytest.fixture
def latchkey(stack: Stack) -> Command:
    """Give the command, which finds the stack as any program does."""
    return Command({"AWS_ENDPOINT_URL": stack["aws_endpoint_url"]})


def token_of(http: httpx.Client, stack: Stack) -> str:
    """Ask for a token."""
    answer = http.post(
        f"{stack['issuer']}/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=(stack["client_id"], stack["client_secret"]),
    )
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["access_token"]
    return token


def kid_of(token: str) -> str:
    """Read the header."""
    kid: str = json.loads(base64.urlsafe_b64decode(token.split(".", maxsplit=1)[0] + "=="))["kid"]
    return kid


def test_no_token_is_refused_while_keys_take_turns(stack: Stack, latchkey: Command) -> None:
    """Three rotations long, each token is good at once, and the first of each key still after the last rotation."""
    first_of: dict[str, str] = {}
    with httpx.Client(timeout=10) as http:
        end = time.monotonic() + 60
        while len(first_of) <= ROTATIONS and time.monotonic() < end:
            token = token_of(http, stack)
            first_of.setdefault(kid_of(token), token)
            answer = http.get(f"{stack['api']}/products", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 200, answer.text
            time.sleep(0.05)
        assert len(first_of) > ROTATIONS
        for token in first_of.values():
            answer = http.get(f"{stack['api']}/products/none", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 404, answer.text
        published = {key["kid"] for key in http.get(f"{stack['issuer']}/.well-known/jwks.json").json()["keys"]}
    listed = {key["kid"]: key for key in latchkey.run("keys", "list", "--json").json}
    assert first_of.keys() <= published <= listed.keys()
    states = [key["state"] for key in listed.values()]
    assert states[0] == "standby"
    assert (states.count("active"), states.count("retiring") >= ROTATIONS - 2) == (1, True)
    assert {key["signer"] for key in list(listed.values())[1:]} == {stack["signer"]}


def test_an_operator_lets_another_key_sign_and_ends_the_old_one(stack: Stack, latchkey: Command) -> None:
    """After a compromise: another key at once, and what the old one has signed is worth nothing any more."""
    with httpx.Client(timeout=10) as http:
        old = token_of(http, stack)
        (step,) = latchkey.run("keys", "rotate", "--now", "--json").json["steps"]
        assert step["outcome"] == "announced"
        time.sleep(2.1)  # KEY_CACHE_SECONDS, and the second that the old one may have come in
        new = token_of(http, stack)
        assert kid_of(new) != kid_of(old)  # the new one, or already the next that was announced
        if kid_of(old) != latchkey.run("keys", "list", "--json").json[0]["kid"]:
            told = latchkey.run("keys", "retire", "--", kid_of(old))
            assert f"{kid_of(old)}: retired" in told.stdout
            time.sleep(2.2)  # KEY_CACHE_SECONDS and JWKS_CACHE_SECONDS
            refused = http.get(f"{stack['api']}/products/x", headers={"Authorization": f"Bearer {old}"})
            assert refused.status_code == 401
        assert http.get(f"{stack['api']}/products", headers={"Authorization": f"Bearer {new}"}).status_code == 200


def test_what_cannot_be_done_is_said(stack: Stack, latchkey: Command) -> None:
    """The first key is not retired, nor one that is not there; and a function that is not there is not found."""
    first = latchkey.run("keys", "list", "--json").json[0]["kid"]
    latchkey.run("keys", "retire", "--", first).refused(1, "first key")
    latchkey.run("keys", "retire", "none").refused(1, "no key of that name")
    absent = ("keys", "rotate", "--rotation-function", "absent")
    latchkey.run(*absent).refused(1, "--rotation-function")
    assert stack["issuer"]


def answered(function: Any, body: bytes, path: str = "/2015-03-31/functions/f/invocations") -> tuple[str, Any]:
    """Post to a Lambda endpoint that has one function, `f`, and give status and document."""
    seen: list[Any] = []

    def other(_: Any, start_response: Any) -> list[bytes]:
        start_response("418 I'm a teapot", [])
        return [b'"another service"']

    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    app = with_functions({"f": function}, other)
    answer = b"".join(app(environ, lambda status, headers: seen.extend([status, dict(headers)])))
    return f"{seen[0]} {seen[1].get('X-Amz-Function-Error', '')}".strip(), json.loads(answer)


def test_functions_are_invoked_as_lambda_does() -> None:
    """A result, a failure, an event that is no JSON, a function that is not there, and another service."""

    def failing(*_: Any) -> None:
        raise DependencyError("kms:Sign: ThrottlingException")

    assert answered(lambda event, _: {"was": event}, b'{"a": 1}') == ("200 OK", {"was": {"a": 1}})
    assert answered(lambda event, _: event, b"") == ("200 OK", {})
    message = {"errorMessage": "kms:Sign: ThrottlingException"}
    assert answered(failing, b"{}") == ("200 OK Unhandled", message)
    assert answered(failing, b"{")[0] == "400 Bad Request"
    assert answered(failing, b"{}", "/2015-03-31/functions/g/invocations")[0] == "404 Not Found"
    assert answered(failing, b"{}", "/")[0] == "418 I'm a teapot"


def test_a_rotation_that_fails_is_tried_again() -> None:
    """A run that failed is no reason for the next one to be left out."""
    runs: list[Any] = []

    def failing(event: Any, _: Any) -> None:
        runs.append(event)
        raise DependencyError("kms:Sign: ThrottlingException")

    with on_schedule(failing, "arn", 1):
        end = time.monotonic() + 10
        while len(runs) < 2 and time.monotonic() < end:
            time.sleep(0.02)
    assert len(runs) >= 2


def test_all_times_are_in_proportion() -> None:
    """A key is announced before it signs for longer than every cache together is old, and outlives its tokens."""
    for every in (10, 60, 3_600, 86_400):
        parameters, settings = fast_motion(every)
        lead, overlap = int(settings["KEY_LEAD_SECONDS"]), int(settings["KEY_OVERLAP_SECONDS"])
        caches = 2 * int(settings["KEY_CACHE_SECONDS"]) + int(settings["JWKS_CACHE_SECONDS"])
        assert caches <= lead < every
        assert overlap >= int(parameters["TokenLifetimeSeconds"]) + every
