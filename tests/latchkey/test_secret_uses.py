"""`latchkey clients list` and `show`: when secrets were used last, and which of them will be missed."""

import time
from typing import TYPE_CHECKING, Any

from auth_server import last_use
from auth_server.aws.state_table import DynamoDBStateStore
from auth_server.clients import digest_secret
from tests.latchkey.command import Command

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def use(dynamodb: "DynamoDBClient", state_table: str, secret: str, ago: int = 0) -> None:
    """Note that a secret was used."""
    at = int(time.time()) - ago
    name = last_use.name_of(digest_secret(secret))
    DynamoDBStateStore(dynamodb, state_table).see(last_use.KIND, name, at=at, every=3_600, until=at + 86_400)


def secrets(latchkey: Command, *arguments: str) -> list[dict[str, Any]]:
    """Give the secrets of the one client that is printed."""
    printed = latchkey.run("clients", *arguments, "--json").json
    found: list[dict[str, Any]] = (printed[0] if isinstance(printed, list) else printed)["secrets"]
    return found


def test_the_last_use_of_each_secret_is_shown(latchkey: Command, dynamodb: "DynamoDBClient", state_table: str) -> None:
    """In both lists and for a person; null where it was never used."""
    first = latchkey.run("clients", "create", "demo", "--json").json["client_secret"]
    assert [each["last_used_at"] for each in secrets(latchkey, "show", "demo")] == [None]
    use(dynamodb, state_table, first, ago=7_200)
    latchkey.run("clients", "rotate-secret", "demo")
    for command in (("show", "demo"), ("list",)):
        old, new = secrets(latchkey, *command)
        assert (old["last_used_at"] is not None, old["expires_soon"]) == (True, True)
        assert (new["last_used_at"], new["expires_soon"]) == (None, False)
        assert "(2 h ago)" in latchkey.run("clients", *command).stdout


def test_a_secret_that_will_be_missed_is_warned_of(
    latchkey: Command, dynamodb: "DynamoDBClient", state_table: str
) -> None:
    """One that ends soon and was used since there is a newer one: on stderr, once, and the status stays 0."""
    first = latchkey.run("clients", "create", "demo", "--json").json["client_secret"]
    latchkey.run("clients", "rotate-secret", "demo")
    assert latchkey.run("clients", "list").stderr == ""
    use(dynamodb, state_table, first)
    for command in (("list",), ("list", "--json"), ("show", "demo")):
        result = latchkey.run("clients", *command)
        assert result.status == 0
        assert result.stderr.startswith("Warning: a secret of client 'demo' ends ")
        assert result.stderr.count("\n") == 1


def test_a_state_table_that_cannot_be_read_hides_no_client(latchkey: Command) -> None:
    """The clients are listed, and it is said that no use is known."""
    latchkey.run("clients", "create", "demo", "--json")
    for command in (("list",), ("show", "demo")):
        result = latchkey.run("clients", *command, "--json", "--state-table", "no-such-table")
        assert result.status == 0
        assert "Warning: when secrets were used last cannot be read" in result.stderr
        assert "ResourceNotFoundException" in result.stderr
    assert secrets(latchkey, "list", "--state-table", "no-such-table")[0]["last_used_at"] is None
