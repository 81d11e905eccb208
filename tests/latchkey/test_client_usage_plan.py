"""`latchkey clients`: the API key whose usage plan a client's calls count for."""

from typing import TYPE_CHECKING

from auth_server.aws.dynamodb import DynamoDBClientStore
from tests.latchkey.command import Command

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY = "apikey1234abcdefghij0123456789"


def test_a_key_is_set_shown_and_cleared(latchkey: Command, dynamodb: "DynamoDBClient", table: str) -> None:
    """It is in the record until "" takes it out, and no secret: it is shown."""
    store = DynamoDBClientStore(dynamodb, table)
    created = latchkey.run("clients", "create", "demo", "--usage-identifier-key", KEY, "--json").json
    assert created["usage_identifier_key"] == KEY
    assert KEY in latchkey.run("clients", "show", "demo").stdout
    latchkey.run("clients", "update", "demo", "--name", "Demo")
    kept = store.get("demo")
    assert kept is not None
    assert kept.usage_identifier_key == KEY
    assert latchkey.run("clients", "update", "demo", "--usage-identifier-key", "", "--json").status == 0
    assert latchkey.run("clients", "show", "demo", "--json").json["usage_identifier_key"] is None


def test_what_is_no_value_of_an_api_key_is_refused(latchkey: Command) -> None:
    """The rule is told, and nothing is written, as an option or as a claim."""
    latchkey.run("clients", "create", "demo", "--usage-identifier-key", "short").refused(1, "20 to 128")
    latchkey.run("clients", "create", "demo", "--claim", f"usage_identifier_key={KEY}").refused(1, "the server's own")
    latchkey.run("clients", "show", "demo").refused(1, "there is no client")
