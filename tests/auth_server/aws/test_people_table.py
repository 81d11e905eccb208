"""The store of people, on the local AWS endpoint and on the official DynamoDB Local."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import boto3
import pytest

from auth_server.aws import CONFIG
from auth_server.aws.people_table import DynamoDBPeopleStore, UnreadablePerson, to_item
from auth_server.errors import DependencyError
from auth_server.people.password_hash import PasswordHasher
from auth_server.people.people import Person, PersonChangedError, PersonExistsError
from tests.auth_server.people.simulator import PASSWORD, QUICK
from tests.simulator import NOW

HASHES = [PasswordHasher(QUICK).hash(PASSWORD) for _ in range(8)]
ALICE = Person("alice", HASHES[0], groups=("members", "editors"), created_at=NOW, updated_at=NOW)


@pytest.fixture(scope="module", params=["aws_endpoint", "dynamodb_local_endpoint"])
def dynamodb(request: pytest.FixtureRequest) -> Any:
    """Give a boto3 client of each endpoint in turn."""
    return boto3.client("dynamodb", endpoint_url=request.getfixturevalue(request.param))


@pytest.fixture
def table(dynamodb: Any) -> str:
    """Make a table whose partition key is the username, and give its name."""
    name = f"people-{uuid.uuid4()}"
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "username", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "username", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


@pytest.fixture
def store(dynamodb: Any, table: str) -> DynamoDBPeopleStore:
    """Give a store over an empty table."""
    return DynamoDBPeopleStore(dynamodb, table)


@pytest.mark.parametrize("changes", [{}, {"groups": ()}, {"enabled": False}])
def test_a_person_is_read_as_they_were_written(store: DynamoDBPeopleStore, changes: dict[str, Any]) -> None:
    """Nothing is lost or made up on the way."""
    person = replace(ALICE, **changes)
    store.create(person)
    assert store.get("alice") == person
    assert store.get("bob") is None
    assert list(store.list()) == [person]


def test_a_name_is_given_once(store: DynamoDBPeopleStore) -> None:
    """A second person of the name is refused, and the first is left as they are."""
    store.create(ALICE)
    with pytest.raises(PersonExistsError):
        store.create(replace(ALICE, password_hash=HASHES[1]))
    assert store.get("alice") == ALICE


def test_of_many_at_once_one_gets_a_name(store: DynamoDBPeopleStore) -> None:
    """Racing sign-ups are one conditional write each, of which one succeeds; the record is the winner's."""
    barrier = threading.Barrier(len(HASHES))

    def sign_up(password_hash: str) -> bool:
        barrier.wait()
        try:
            store.create(replace(ALICE, password_hash=password_hash))
        except PersonExistsError:
            return False
        return True

    with ThreadPoolExecutor(len(HASHES)) as pool:
        won = list(pool.map(sign_up, HASHES))
    assert won.count(True) == 1
    person = store.get("alice")
    assert person is not None
    assert person.password_hash == HASHES[won.index(True)]


def test_a_sign_up_whose_answer_was_lost_is_one(
    dynamodb: Any, store: DynamoDBPeopleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent again, as boto3 does where an answer was lost, the very same write is known."""
    write = dynamodb.put_item

    def twice(**arguments: Any) -> Any:
        write(**arguments)
        return write(**arguments)

    monkeypatch.setattr(dynamodb, "put_item", twice)
    store.create(ALICE)
    assert store.get("alice") == ALICE


def test_of_two_who_change_a_person_one_is_told(store: DynamoDBPeopleStore) -> None:
    """A write is refused where the person was changed, or deleted, since they were read."""
    store.create(ALICE)
    changed = store.update(replace(ALICE, groups=("readers",)), now=NOW + 5)
    assert changed == replace(ALICE, groups=("readers",), version=ALICE.version + 1, updated_at=NOW + 5)
    assert store.get("alice") == changed
    with pytest.raises(PersonChangedError):
        store.update(replace(ALICE, groups=()), now=NOW + 6)
    assert store.delete("alice")
    with pytest.raises(PersonChangedError):
        store.update(changed, now=NOW + 6)
    assert store.get("alice") is None


def test_a_person_is_deleted_once(store: DynamoDBPeopleStore) -> None:
    """The answer tells whether there was somebody."""
    store.create(ALICE)
    assert (store.delete("alice"), store.delete("alice")) == (True, False)


@pytest.mark.parametrize(
    "damage",
    [
        {"password_hash": {"S": PASSWORD}},
        {"password_hash": {"S": ""}},
        {"enabled": {"S": "false"}},
        {"groups": {"S": "members"}},
        {"version": {"S": "1"}},
        {"created_at": {"N": "1.5"}},
    ],
)
def test_an_item_that_is_nobody_lets_nobody_in(
    dynamodb: Any, table: str, store: DynamoDBPeopleStore, damage: dict[str, Any]
) -> None:
    """It is a failure of the store, which quotes nothing of it; and a list goes on past it."""
    dynamodb.put_item(TableName=table, Item={**to_item(ALICE), **damage})
    with pytest.raises(DependencyError) as raised:
        store.get("alice")
    assert PASSWORD not in str(raised.value)
    [listed] = store.list()
    assert isinstance(listed, UnreadablePerson)
    assert listed.username == "alice"


def test_no_connection_is_a_dependency_error() -> None:
    """A store that cannot be reached fails, and says of nobody that they are not there."""
    unreachable = boto3.client("dynamodb", endpoint_url="http://127.0.0.1:9", config=CONFIG)
    store = DynamoDBPeopleStore(unreachable, "people")
    for ask in (
        lambda: store.get("alice"),
        lambda: store.create(ALICE),
        lambda: store.update(ALICE, now=NOW),
        lambda: store.delete("alice"),
        lambda: list(store.list()),
    ):
        with pytest.raises(DependencyError):
            ask()
