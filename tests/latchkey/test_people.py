"""`latchkey people`: who signed up, and what an operator may do about it."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from auth_server.aws.people_table import DynamoDBPeopleStore
from auth_server.aws.state_table import DynamoDBStateStore
from auth_server.people.password_hash import PasswordHasher
from auth_server.people.people import Person, PersonChangedError
from tests.auth_server.people.simulator import PASSWORD, QUICK
from tests.latchkey.command import Command
from tests.simulator import NOW

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ALICE = Person("alice", PasswordHasher(QUICK).hash(PASSWORD), ("members", "editors"), created_at=NOW, updated_at=NOW)
SHOWN = {
    "username": "alice",
    "enabled": True,
    "groups": ["members", "editors"],
    "created_at": "2026-09-21T14:13:20Z",
    "updated_at": "2026-09-21T14:13:20Z",
    "version": ALICE.version,
}


@pytest.fixture
def people_table(dynamodb: "DynamoDBClient") -> Iterator[str]:
    """Yield the name of a fresh table of people."""
    name = f"people-{uuid.uuid4()}"
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "username", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "username", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def people(dynamodb: "DynamoDBClient", people_table: str) -> DynamoDBPeopleStore:
    """Return the table as the people function sees it, with Alice in it."""
    store = DynamoDBPeopleStore(dynamodb, people_table)
    store.create(ALICE)
    return store


@pytest.fixture
def state(dynamodb: "DynamoDBClient", state_table: str) -> DynamoDBStateStore:
    """Return the table of what is revoked."""
    return DynamoDBStateStore(dynamodb, state_table)


@pytest.fixture
def operator(latchkey: Command, people_table: str) -> Command:
    """Return the command over these tables."""
    return latchkey.but(LATCHKEY_PEOPLE_TABLE=people_table)


def logged_out(state: DynamoDBStateStore) -> set[str]:
    """Give whose tokens are revoked, all of them."""
    return set(state.revocations(0).clients)


@pytest.mark.parametrize("name", ["alice", "Alice"])
def test_a_person_is_shown_without_the_password(operator: Command, people: DynamoDBPeopleStore, name: str) -> None:
    """Everything but the hash, which an operator has no use for."""
    del people
    result = operator.run("people", "show", name, "--json")
    assert result.json == SHOWN
    printed = operator.run("people", "show", name).stdout
    assert "editors" in printed
    assert "argon2" not in result.stdout + printed


def test_everybody_is_listed(operator: Command, people: DynamoDBPeopleStore) -> None:
    """In the order of their names, for a person and for a program."""
    people.create(replace(ALICE, username="aaron", groups=(), enabled=False))
    assert [each["username"] for each in operator.run("people", "list", "--json").json] == ["aaron", "alice"]
    printed = operator.run("people", "list").stdout
    assert printed.index("aaron") < printed.index("alice")


def test_nobody_is_listed_as_such(operator: Command) -> None:
    """An empty table is no failure."""
    assert operator.run("people", "list").stdout == "There is nobody.\n"
    assert operator.run("people", "list", "--json").json == []


def test_a_record_that_cannot_be_read_hides_no_other(
    operator: Command, people: DynamoDBPeopleStore, dynamodb: "DynamoDBClient", people_table: str
) -> None:
    """It is named, and the exit status is 1."""
    del people
    dynamodb.put_item(TableName=people_table, Item={"username": {"S": "broken"}})
    result = operator.run("people", "list", "--json")
    assert result.json == [SHOWN, {"username": "broken", "unreadable": True}]
    assert result.status == 1
    result.said("'broken'")


@pytest.mark.parametrize(
    ("given", "groups", "ends"),
    [
        (("members", "editors", "admins"), ("members", "editors", "admins"), False),
        (("editors", "members"), ("editors", "members"), False),
        (("members", "members"), ("members",), True),
        (("",), (), True),
    ],
)
def test_groups_are_replaced(  # noqa: PLR0913 - three fixtures, and what is tried
    operator: Command,
    people: DynamoDBPeopleStore,
    state: DynamoDBStateStore,
    given: tuple[str, ...],
    groups: tuple[str, ...],
    *,
    ends: bool,
) -> None:
    """Whoever leaves a group is logged out, since tokens say what they could do; whoever only joins one is not."""
    options = [option for group in given for option in ("--group", group)]
    assert operator.run("people", "update", "alice", *options, "--json").json["groups"] == list(groups)
    person = people.get("alice")
    assert person is not None
    assert (person.groups, person.password_hash) == (groups, ALICE.password_hash)
    assert logged_out(state) == ({"person:alice"} if ends else set())


@pytest.mark.parametrize("group", ["two words", "tab\t", "x" * 129])
def test_what_is_no_group_is_wrong_usage(operator: Command, people: DynamoDBPeopleStore, group: str) -> None:
    """The option is named, and nothing is written."""
    operator.run("people", "update", "alice", "--group", group).refused(2, "--group")
    assert people.get("alice") == ALICE


def test_a_person_is_disabled_and_enabled(
    operator: Command, people: DynamoDBPeopleStore, state: DynamoDBStateStore
) -> None:
    """Disabled, they log in no more, and every token that they have is revoked; twice is the same."""
    for _ in range(2):
        assert operator.run("people", "disable", "alice", "--json").json["enabled"] is False
    assert people.get("alice") == replace(ALICE, enabled=False, version=ALICE.version + 1, updated_at=_time_of(people))
    assert logged_out(state) == {"person:alice"}
    assert operator.run("people", "enable", "alice", "--json").json["enabled"] is True


def _time_of(people: DynamoDBPeopleStore) -> int:
    person = people.get("alice")
    assert person is not None
    return person.updated_at


def test_a_person_is_deleted(operator: Command, people: DynamoDBPeopleStore, state: DynamoDBStateStore) -> None:
    """Their tokens are revoked first, and the name is free then."""
    assert operator.run("people", "delete", "alice", "--yes", "--json").json == {"username": "alice", "deleted": True}
    assert people.get("alice") is None
    assert logged_out(state) == {"person:alice"}


def test_nobody_is_deleted_unasked(operator: Command, people: DynamoDBPeopleStore, state: DynamoDBStateStore) -> None:
    """Without --yes and without a terminal it is wrong usage."""
    operator.run("people", "delete", "alice").refused(2, "--yes")
    assert people.get("alice") == ALICE
    assert logged_out(state) == set()


def test_who_could_not_be_logged_out_is_not_deleted(operator: Command, people: DynamoDBPeopleStore) -> None:
    """A second try can mend a first one: the person is disabled by then, and there still."""
    operator.but(LATCHKEY_STATE_TABLE="absent").run("people", "delete", "alice", "--yes").refused(1, "no such table")
    person = people.get("alice")
    assert person is not None
    assert not person.enabled


@pytest.mark.parametrize("name", ["bob", "no name", "", "-"])
@pytest.mark.parametrize("command", ["show", "disable", "enable", "delete", "update"])
def test_nobody_of_that_name(operator: Command, people: DynamoDBPeopleStore, command: str, name: str) -> None:
    """Status 1, and one line that names who is not there."""
    del people
    options = {"delete": ["--yes"], "update": ["--group", "members"]}.get(command, [])
    operator.run("people", command, *options, "--", name).refused(1, "there is nobody called", repr(name))


def test_a_change_by_another_is_kept(
    operator: Command, people: DynamoDBPeopleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where somebody else writes in between, the person is read again; after some tries the command gives up."""
    tries = []

    def refuse(self: DynamoDBPeopleStore, person: Person, *, now: int) -> Person:
        tries.append((self, now))
        raise PersonChangedError(person.username)

    monkeypatch.setattr(DynamoDBPeopleStore, "update", refuse)
    operator.run("people", "disable", "alice").refused(1, "again and again")
    assert len(tries) == 5
    assert people.get("alice") == ALICE
