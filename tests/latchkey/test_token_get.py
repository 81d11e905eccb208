"""`latchkey token get`: a client's own request for a token, against the real authorization server."""

import base64
import json
import os
import pty
import subprocess
import termios
from typing import Any

import pytest

from auth_server.clients import ClientSecret, digest_secret
from tests.latchkey.command import EXECUTABLE, Command
from tests.latchkey.issuer import Issuer
from tests.simulator import NOW, SECRET, client

METADATA = "/.well-known/oauth-authorization-server"
OTHER = "https://other.example"


@pytest.fixture
def command(issuer: Issuer) -> Command:
    """Return the command with the issuer and the secret in its environment."""
    return Command({"LATCHKEY_ISSUER": issuer.url, "LATCHKEY_CLIENT_SECRET": SECRET})


def get(command: Command, *options: str, client_id: str = "demo", stdin: str | bytes = b"") -> Any:
    """Run `token get`."""
    return command.run("token", "get", "--client-id", client_id, *options, stdin=stdin)


def claims(issuer: Issuer, token: str) -> dict[str, Any]:
    """Verify a token and give its claims."""
    return issuer.simulator.claims({"body": json.dumps({"access_token": token})})


def test_the_token_stands_alone(command: Command, issuer: Issuer) -> None:
    """The raw token is all there is on stdout, so that $(latchkey token get ...) is one."""
    result = get(command)
    assert (result.status, result.stderr) == (0, "")
    token, newline, rest = result.stdout.partition("\n")
    assert (newline, rest) == ("\n", "")
    assert claims(issuer, token)["client_id"] == "demo"


def test_json_is_the_whole_answer(command: Command, issuer: Issuer) -> None:
    """With --json the issuer's answer is printed as it came."""
    answer = get(command, "--scope", "products:read", "--json").json
    assert claims(issuer, answer.pop("access_token"))["scope"] == "products:read"
    assert answer == {"token_type": "Bearer", "expires_in": 3600, "scope": "products:read"}


def test_a_token_is_asked_for_its_audiences(command: Command, issuer: Issuer) -> None:
    """Each --resource is sent (RFC 8707 2)."""
    issuer.simulator.clients.clients["demo"] = client(audiences=("https://a.example", "https://b.example"))
    token = get(command, "--resource", "https://a.example", "--resource", "https://b.example").stdout.strip()
    assert claims(issuer, token)["aud"] == ["https://a.example", "https://b.example"]


@pytest.mark.spec("RFC 6749", "2.3.1")
@pytest.mark.parametrize(
    ("client_id", "secret"),
    [("a:b c/d", "se:cret + and % and &"), ("\"quoted\" 'so'", "käse-ключ-鍵-🔑"), ("-dash", "-")],
)
def test_ids_and_secrets_of_any_characters_work(command: Command, issuer: Issuer, client_id: str, secret: str) -> None:
    """Id and secret are form-urlencoded each before Basic joins them; a secret is never in the body."""
    record = ClientSecret(digest_secret(secret), created_at=NOW)
    issuer.simulator.clients.clients[client_id] = client(client_id=client_id, secrets=(record,))
    assert get(command, "--client-secret", "-", client_id=client_id, stdin=secret).status == 0
    assert issuer.asked[-1][2] == "grant_type=client_credentials"


def test_the_secret_comes_from_where_no_process_list_shows_it(command: Command) -> None:
    """From the environment, from stdin less one newline, or, if one insists, from the command line."""
    elsewhere = command.but(LATCHKEY_CLIENT_SECRET="")
    assert get(command).status == 0
    assert get(elsewhere, "--client-secret", "-", stdin=SECRET + "\n").status == 0
    assert get(elsewhere, "--client-secret", SECRET).status == 0
    get(elsewhere).refused(2, "LATCHKEY_CLIENT_SECRET")
    get(elsewhere, "--client-secret", "-", stdin=SECRET + "\n\n").refused(1, "invalid_client")
    get(elsewhere, "--client-secret", "-", stdin=b"\xff").refused(2, "UTF-8")


def test_a_terminal_does_not_show_the_secret(command: Command) -> None:
    """Where stdin is a terminal, it is asked for the secret and does not echo it."""
    ours, theirs = pty.openpty()
    running = subprocess.Popen(  # noqa: S603 - the command under test
        [EXECUTABLE, "token", "get", "--client-id", "demo", "--client-secret", "-"],
        env=dict(command.environ), stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,  # so that the terminal of whoever runs the tests is not asked instead
    )  # fmt: skip
    with running:
        assert running.stderr is not None
        assert running.stderr.read(len("Secret: ")) == b"Secret: "
        assert not termios.tcgetattr(theirs)[3] & termios.ECHO
        os.write(ours, SECRET.encode() + b"\n")
        stdout, stderr = running.communicate(timeout=30)
    os.close(ours)
    os.close(theirs)
    assert (running.returncode, stdout.count(b".")) == (0, 2)
    assert SECRET.encode() not in stdout + stderr


@pytest.mark.spec("RFC 6749", "5.2")
@pytest.mark.parametrize(
    ("options", "client_id", "error"),
    [
        (("--client-secret", "wrong"), "demo", "invalid_client: Client authentication failed."),
        (("--client-secret", "\udcff"), "demo", "invalid_client: "),
        ((), "nobody", "invalid_client: Client authentication failed."),
        (("--scope", "admin"), "demo", "invalid_scope: The client may not ask for this scope."),
        (("--resource", OTHER), "demo", "invalid_target: "),
    ],
)
def test_a_refusal_is_shown_with_its_reason(
    command: Command, options: tuple[str, ...], client_id: str, error: str
) -> None:
    """Error and description of the issuer are one line on stderr, and the status is 1."""
    result = get(command, *options, "--json", client_id=client_id)
    result.refused(1, error)
    assert SECRET not in result.stderr


def test_an_issuer_that_is_not_there_is_unavailable(command: Command, issuer: Issuer) -> None:
    """Nobody listens, or a dependency is down: status 3."""
    get(command, "--issuer", "http://127.0.0.1:9").refused(3, "http://127.0.0.1:9", "does not answer")
    issuer.simulator.clients.failing = True
    get(command).refused(3, "503")


MISPLACED: dict[str, tuple[dict[str, Any], int, str]] = {
    "another issuer": ({"issuer": OTHER}, 1, "another issuer"),
    "a slash more": ({"issuer": "{url}/"}, 1, "another issuer"),
    "no issuer": ({"issuer": None}, 1, "another issuer"),
    "a token endpoint in the clear": ({"token_endpoint": "http://api.example/token"}, 1, "token_endpoint"),
    "a token endpoint that is a file": ({"token_endpoint": "file:///etc/passwd"}, 1, "token_endpoint"),
    "no token endpoint": ({"token_endpoint": None}, 1, "token_endpoint"),
}


@pytest.mark.spec("RFC 8414", "3.3")
@pytest.mark.parametrize(("change", "status", "words"), MISPLACED.values(), ids=MISPLACED.keys())
def test_metadata_are_not_believed_blindly(
    command: Command, issuer: Issuer, change: dict[str, Any], status: int, words: str
) -> None:
    """The issuer in the metadata is the one asked for, and the secret is sent over https or stays on this machine."""
    good = {"issuer": issuer.url, "token_endpoint": f"{issuer.url}/oauth/token", "jwks_uri": f"{issuer.url}/keys"}
    changed = {name: value and value.replace("{url}", issuer.url) for name, value in {**good, **change}.items()}
    issuer.instead[METADATA] = (200, json.dumps(changed).encode())
    get(command).refused(status, words)
    assert [path for path, _, _ in issuer.asked] == [METADATA]


NOT_ANSWERS = (b"<html>", b"[]", b"{}", b'{"access_token": "a\\nb"}', b'{"access_token": 7}', b"\xff")
NO_ANSWERS = [*((200, body) for body in NOT_ANSWERS), (500, b"{}"), (302, b"")]


@pytest.mark.parametrize("path", [METADATA, "/oauth/token"])
@pytest.mark.parametrize("answer", NO_ANSWERS)
def test_an_answer_that_is_none_ends_in_a_line(
    command: Command, issuer: Issuer, path: str, answer: tuple[int, bytes]
) -> None:
    """Whatever answers: one line, no traceback, no redirect followed, nothing on stdout."""
    issuer.instead[path] = answer
    result = get(command)
    assert result.status in (1, 3)
    result.refused(result.status)
    assert "/elsewhere" not in {asked for asked, _, _ in issuer.asked}


def test_an_issuers_words_cannot_move_the_cursor(command: Command, issuer: Issuer) -> None:
    """Control characters in an error are shown escaped."""
    body = {"error": "bad\x1b[2J", "error_description": "two\nlines\x07"}
    issuer.instead["/oauth/token"] = (400, json.dumps(body).encode())
    get(command).refused(1, r"bad\x1b[2J: two\nlines\x07")


@pytest.mark.parametrize("member", ["error", "error_description"])
@pytest.mark.parametrize("form", ["plain", "urlencoded", "basic", "basic without padding"])
def test_an_issuers_words_cannot_quote_the_secret(command: Command, issuer: Issuer, member: str, form: str) -> None:
    """An error that holds the secret, in any form in which it was sent, is not printed."""
    secret = "a secret: of+some%length"
    urlencoded = "a+secret%3A+of%2Bsome%25length"
    basic = base64.b64encode(f"demo:{urlencoded}".encode()).decode()
    said = {"plain": secret, "urlencoded": urlencoded, "basic": basic, "basic without padding": basic.rstrip("=")}[form]
    body = {"error": "invalid_client", member: f"You sent {said}, really."}
    issuer.instead["/oauth/token"] = (401, json.dumps(body).encode())
    result = get(command, "--client-secret", secret)
    result.refused(1, "the issuer refuses")
    assert said not in result.stderr


def test_the_local_issuer_needs_no_name(command: Command) -> None:
    """Without --issuer it is the local stack's where AWS is local, and must be named everywhere else."""
    nowhere = command.but(LATCHKEY_ISSUER="")
    get(nowhere).refused(2, "--issuer", "LATCHKEY_ISSUER")
    get(nowhere.but(AWS_ENDPOINT_URL="https://dynamodb.example")).refused(2, "--issuer")
    get(nowhere, "--issuer", "http://api.example").refused(2, "https")
    get(nowhere, "--issuer", "http://[").refused(2, "https")


def test_an_issuer_has_no_slash_at_its_end(command: Command, issuer: Issuer) -> None:
    """A slash too many is wrong usage, said before anybody is asked."""
    get(command, "--issuer", f"{issuer.url}/").refused(2, "no slash at its end")
    assert issuer.asked == []


@pytest.mark.parametrize("aws", ["http://127.0.0.1:4566", "http://localhost:4566", "http://[::1]:4566"])
def test_the_local_issuer_is_at_its_port(monkeypatch: pytest.MonkeyPatch, aws: str) -> None:
    """The local stack's issuer is http://127.0.0.1:8080."""
    from latchkey.endpoint import issuer_or_local  # noqa: PLC0415 - asking that port would ask whoever is there

    monkeypatch.setenv("AWS_ENDPOINT_URL", aws)
    assert issuer_or_local(None) == "http://127.0.0.1:8080"
    assert issuer_or_local("https://auth.example.com") == "https://auth.example.com"
