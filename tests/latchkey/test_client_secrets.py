"""The secrets of clients: shown once, stored never, replaced without a gap."""

import json
from typing import TYPE_CHECKING, Any

import pytest

from auth_server.clients import digest_secret
from tests.latchkey.command import Command

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

IMPORTED = "an imported secret, of 38 characters\\ "
STRONG = b"AbcdefghijKLMNOPQRST_9"  # just long enough
COMMANDS = {"create": ("clients", "create", "demo"), "rotate": ("clients", "rotate-secret", "demo")}


@pytest.fixture
def items(dynamodb: "DynamoDBClient", table: str) -> Any:
    """Return a function that reads everything there is in the table."""
    return lambda: dynamodb.scan(TableName=table)["Items"]


def secrets_of(items: Any) -> list[Any]:
    """Give the secrets of the one client in the table."""
    (item,) = items()
    return [secret["M"] for secret in item["secrets"]["L"]]


def prepare(latchkey: Command, command: tuple[str, ...]) -> None:
    """Have a client to rotate, where that is what the test is about."""
    if "create" not in command:
        assert latchkey.run("clients", "create", "demo").status == 0


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
@pytest.mark.parametrize("json_option", [(), ("--json",)], ids=["plain", "json"])
def test_a_secret_is_shown_once_and_stored_never(
    latchkey: Command, items: Any, command: tuple[str, ...], json_option: tuple[str, ...]
) -> None:
    """The new secret is on stdout, 256 bits in base64url, and its digest alone in the table."""
    prepare(latchkey, command)
    result = latchkey.run(*command, *json_option)
    secret = result.json["client_secret"]
    assert len(secret) == 43
    assert secrets_of(items)[-1]["digest"]["B"] == digest_secret(secret)
    assert secret not in repr(items())
    assert secret not in result.stderr
    for later in (("show", "demo"), ("show", "demo", "--json"), ("list",), ("list", "--json")):
        assert secret not in latchkey.run("clients", *later).stdout


def test_the_first_members_are_what_a_client_needs(latchkey: Command) -> None:
    """With or without --json, `create` prints {"client_id", "client_secret", ...}."""
    for name, options in (("a", ()), ("b", ("--json",))):
        printed = json.loads(latchkey.run("clients", "create", name, *options).stdout)
        assert list(printed)[:2] == ["client_id", "client_secret"]


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
@pytest.mark.parametrize(
    ("stdin", "secret"),
    [
        (IMPORTED, IMPORTED),
        (IMPORTED + "\n", IMPORTED),
        ("ключ-鍵-🔑-and-22-characters\n", "ключ-鍵-🔑-and-22-characters"),
        (STRONG.decode(), STRONG.decode()),
    ],
)
def test_a_secret_comes_from_stdin(
    latchkey: Command, items: Any, command: tuple[str, ...], stdin: str, secret: str
) -> None:
    """--secret-stdin takes stdin less one newline at its end, and does not print it."""
    prepare(latchkey, command)
    result = latchkey.run(*command, "--secret-stdin", "--json", stdin=stdin)
    assert "client_secret" not in result.json
    assert secret not in result.stdout + result.stderr
    assert secrets_of(items)[-1]["digest"]["B"] == digest_secret(secret)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
@pytest.mark.parametrize(
    ("stdin", "status"),
    [
        (STRONG[:-1], 1),
        (STRONG[:-1] + b"\n", 1),
        (STRONG + b"\n\n", 1),
        (STRONG + b"\x1b", 1),
        (STRONG[:9] * 3, 1),
        (b"", 1),
        (STRONG + b"\xff", 2),
    ],
)
def test_a_secret_that_is_weak_or_unprintable_is_refused(
    latchkey: Command, items: Any, command: tuple[str, ...], stdin: bytes, status: int
) -> None:
    """An imported secret has at least 22 printable characters, 10 different ones; what was read is not quoted."""
    prepare(latchkey, command)
    before = items()
    result = latchkey.run(*command, "--secret-stdin", stdin=stdin)
    result.refused(status)
    assert STRONG[:9].decode() not in result.stderr
    assert items() == before


@pytest.mark.parametrize(("options", "overlap"), [((), 86_400), (("--overlap", "60"), 60)])
def test_the_old_secret_stays_good_for_a_while(
    latchkey: Command, items: Any, options: tuple[str, ...], overlap: int
) -> None:
    """Rotation gives the old secret --overlap seconds more, by default a day."""
    latchkey.run("clients", "create", "demo")
    result = latchkey.run("clients", "rotate-secret", "demo", *options, "--json")
    old, new = secrets_of(items)
    assert int(old["expires_at"]["N"]) == int(new["created_at"]["N"]) + overlap
    assert "expires_at" not in new
    assert [secret["live"] for secret in result.json["secrets"]] == [True, True]
    assert "until " in latchkey.run("clients", "list").stdout


def test_the_old_secret_can_end_at_once(latchkey: Command, items: Any) -> None:
    """--overlap 0 leaves the new secret alone."""
    old = latchkey.run("clients", "create", "demo").json["client_secret"]
    new = latchkey.run("clients", "rotate-secret", "demo", "--overlap", "0").json["client_secret"]
    assert old != new
    assert [secret["digest"]["B"] for secret in secrets_of(items)] == [digest_secret(new)]


@pytest.mark.parametrize("overlap", ["-1", "31536001", "soon"])
def test_an_overlap_is_some_seconds_up_to_a_year(latchkey: Command, items: Any, overlap: str) -> None:
    """Another overlap is wrong usage, and rotates nothing."""
    latchkey.run("clients", "create", "demo")
    before = items()
    assert latchkey.run("clients", "rotate-secret", "demo", "--overlap", overlap).status == 2
    assert items() == before
