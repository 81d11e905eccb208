"""The state store, on the local AWS endpoint and on the official DynamoDB Local."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from auth_server.aws import CONFIG
from auth_server.aws.state_table import DynamoDBStateStore
from auth_server.errors import DependencyError
from auth_server.state import Revocations
from infra.cloudformation import Stack
from tests.simulator import NOW


@pytest.fixture(scope="module", params=["aws_endpoint", "dynamodb_local_endpoint"])
def dynamodb(request: pytest.FixtureRequest) -> Any:
    """Give a boto3 client of each endpoint in turn."""
    return boto3.client("dynamodb", endpoint_url=request.getfixturevalue(request.param))


@pytest.fixture
def store(dynamodb: Any) -> DynamoDBStateStore:
    """Give a store over an empty table."""
    return make_store(dynamodb)


def make_store(dynamodb: Any) -> DynamoDBStateStore:
    """Make a table as the template says, and give a store over it."""
    definition = {**Stack().tables()["StateTable"].definition, "TableName": f"state-{uuid.uuid4()}"}
    dynamodb.create_table(**definition)
    return DynamoDBStateStore(dynamodb, definition["TableName"])


def test_a_name_is_used_once_until_it_expires(store: DynamoDBStateStore) -> None:
    """The second use is refused up to the second of expiry, whether or not DynamoDB has removed the item by then."""
    assert store.use_once("assertion demo", "jti", until=NOW + 60, now=NOW)
    assert not store.use_once("assertion demo", "jti", until=NOW + 60, now=NOW + 59)
    assert store.use_once("assertion other", "jti", until=NOW + 60, now=NOW)
    assert store.use_once("assertion demo", "jti", until=NOW + 120, now=NOW + 60)


def test_what_is_seen_is_told_again_after_a_while_alone(store: DynamoDBStateStore) -> None:
    """A sight within the hour changes nothing, a later one moves it; other kinds are kept apart."""
    assert (store.seen("sight", "one"), store.all_seen("sight")) == (None, {})
    for at, told in ((NOW, NOW), (NOW + 3_599, NOW), (NOW + 3_600, NOW + 3_600)):
        store.see("sight", "one", at=at, every=3_600, until=at + 86_400)
        assert store.seen("sight", "one") == told
    store.see("sight", "two", at=NOW, every=3_600, until=NOW + 86_400)
    store.see("another", "three", at=NOW, every=3_600, until=NOW + 86_400)
    assert store.all_seen("sight") == {"one": NOW + 3_600, "two": NOW}


def test_a_use_whose_answer_was_lost_is_a_use(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sent again, as boto3 does where an answer was lost, the very same write is known; another's is not."""
    store = make_store(dynamodb)
    write, writes = dynamodb.put_item, []

    def twice(**arguments: Any) -> Any:
        writes.append(arguments)
        write(**arguments)
        return write(**arguments)

    with monkeypatch.context() as patch:
        patch.setattr(dynamodb, "put_item", twice)
        assert store.use_once("assertion demo", "jti", until=NOW + 60, now=NOW)
    assert not store.use_once("assertion demo", "jti", until=NOW + 60, now=NOW)
    with monkeypatch.context() as patch:
        patch.setattr("secrets.token_urlsafe", lambda _: "")
        assert not store.use_once("assertion demo", "jti", until=NOW + 60, now=NOW)
    assert len(writes) == 1


def test_a_use_from_before_there_was_a_writer_is_anothers(dynamodb: Any) -> None:
    """An item without the random value was written by somebody else."""
    store = make_store(dynamodb)
    item = {"kind": {"S": "k"}, "name": {"S": "n"}, "expires_at": {"N": str(NOW + 60)}}
    dynamodb.put_item(TableName=store._table, Item=item)  # noqa: SLF001 - behind its back
    assert not store.use_once("k", "n", until=NOW + 60, now=NOW)


def test_of_many_at_once_one_uses_a_name(store: DynamoDBStateStore) -> None:
    """Racing uses are one conditional write each, of which one succeeds."""
    barrier = threading.Barrier(8)

    def use(_: int) -> bool:
        barrier.wait()
        return store.use_once("assertion demo", "jti", until=NOW + 60, now=NOW)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(use, range(8)))[-2:] == [False, True]


def test_a_revoked_token_is_revoked_and_no_other(store: DynamoDBStateStore) -> None:
    """Revoking a token touches that token alone, and doing it twice is the same."""
    for _ in range(2):
        store.revoke_token("a", client_id="demo", expires_at=NOW + 60)
    assert store.is_revoked(jti="a", client_ids=("demo",), issued_at=NOW)
    assert not store.is_revoked(jti="b", client_ids=("demo",), issued_at=NOW)


def test_what_a_client_was_issued_earlier_is_revoked(store: DynamoDBStateStore) -> None:
    """A client's tokens from before the time are revoked, later ones are not, and no earlier time undoes it."""
    store.revoke_client("demo", not_before=NOW, until=NOW + 3600)
    store.revoke_client("demo", not_before=NOW - 100, until=NOW + 3600)
    assert store.is_revoked(jti="a", client_ids=("demo",), issued_at=NOW - 1)
    assert not store.is_revoked(jti="a", client_ids=("demo",), issued_at=NOW)
    assert not store.is_revoked(jti="a", client_ids=("other",), issued_at=NOW - 1)
    assert store.revocations(NOW).clients == {"demo": NOW}


def test_what_one_of_several_clients_was_issued_is_revoked(store: DynamoDBStateStore) -> None:
    """A token that came out of an exchange is revoked with all that its client, its subject or an actor was issued."""
    store.revoke_client("second", not_before=NOW, until=NOW + 3600)
    assert store.is_revoked(jti="a", client_ids=("first", "second"), issued_at=NOW - 1)
    assert not store.is_revoked(jti="a", client_ids=("first", "second"), issued_at=NOW)
    assert not store.is_revoked(jti="a", client_ids=("first", "third"), issued_at=NOW - 1)


def test_of_many_who_count_at_once_each_is_told_another_number(store: DynamoDBStateStore) -> None:
    """Counting is one atomic write, and each counter goes by itself."""
    with ThreadPoolExecutor(8) as pool:
        counted = list(pool.map(lambda _: store.count("revocations demo", "1", until=NOW + 60), range(20)))
    assert sorted(counted) == list(range(1, 21))
    assert store.count("revocations demo", "2", until=NOW + 60) == 1
    assert store.count("revocations other", "1", until=NOW + 60) == 1
    assert store.revocations(0) == Revocations({}, {})


def test_a_counter_is_read_and_taken_back(store: DynamoDBStateStore) -> None:
    """What was counted can be read until it expires, and what is taken back counts no more."""
    assert store.counted("login", "a", now=NOW) == 0
    assert store.count("login", "a", until=NOW + 60) == 1
    assert store.count("login", "a", until=NOW + 60) == 2
    assert store.count("login", "a", until=NOW + 60, by=-1) == 1
    assert store.counted("login", "a", now=NOW + 59) == 1
    assert store.counted("login", "a", now=NOW + 60) == 0
    assert store.counted("login", "b", now=NOW) == 0


def test_revocations_are_those_that_still_matter(store: DynamoDBStateStore) -> None:
    """A token that has expired needs no mention, whether or not DynamoDB has removed its item."""
    store.revoke_token("live", client_id="demo", expires_at=NOW + 1)
    store.revoke_token("expired", client_id="demo", expires_at=NOW)
    assert store.revocations(NOW) == Revocations({"live": NOW + 1}, {})


def test_revocations_go_over_pages(store: DynamoDBStateStore) -> None:
    """Revocations of more than one page (1 MB) are whole."""
    names = {str(number) for number in range(20)}
    for name in names:
        store.revoke_token(name, client_id="x" * 60_000, expires_at=NOW + 60)
    assert set(store.revocations(NOW).tokens) == names


def test_no_connection_is_a_dependency_error() -> None:
    """A store that cannot be reached fails, and says neither yes nor no."""
    unreachable = boto3.client("dynamodb", endpoint_url="http://127.0.0.1:9", config=CONFIG)
    store = DynamoDBStateStore(unreachable, "state")
    for ask in (
        lambda: store.use_once("kind", "name", until=NOW, now=NOW),
        lambda: store.count("kind", "name", until=NOW),
        lambda: store.counted("kind", "name", now=NOW),
        lambda: store.is_revoked(jti="a", client_ids=("demo",), issued_at=NOW),
        lambda: store.revocations(NOW),
    ):
        with pytest.raises(DependencyError):
            ask()
