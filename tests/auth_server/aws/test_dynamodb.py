"""The client store, on the local AWS endpoint and on the official DynamoDB Local."""

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.parsers import ResponseParserError
from botocore.stub import Stubber
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auth_server.aws import dependency
from auth_server.aws.dynamodb import ClientChangedError, ClientExistsError, DynamoDBClientStore
from auth_server.clients import Client, ClientSecret, Registration
from auth_server.errors import DependencyError
from tests.aws_proxy import Faults, proxy_to
from tests.simulator import NOW, client


@pytest.fixture(scope="module", params=["aws_endpoint", "dynamodb_local_endpoint"])
def dynamodb(request: pytest.FixtureRequest) -> Any:
    """Give a boto3 client of each endpoint in turn."""
    return boto3.client("dynamodb", endpoint_url=request.getfixturevalue(request.param))


@pytest.fixture(scope="module")
def store(dynamodb: Any) -> DynamoDBClientStore:
    """Give a store over a table of its own."""
    table = f"clients-{uuid.uuid4()}"
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "client_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "client_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return DynamoDBClientStore(dynamodb, table)


def fresh(**changes: Any) -> Client:
    """Give a client that no other test knows."""
    return client(client_id=uuid.uuid4().hex, **changes)


def test_a_client_comes_back_as_it_was_written(store: DynamoDBClientStore) -> None:
    """Every field survives the table, numbers of claims included."""
    written = fresh(
        secrets=(
            ClientSecret(b"\x00" * 31 + b"\xff", created_at=NOW, expires_at=NOW + 1),
            ClientSecret(b"\x01" * 32, created_at=NOW),
        ),
        default_scopes=("products:read",),
        audiences=("https://a.example", "b"),
        auth_methods=("client_secret_post",),
        token_lifetime=90,
        claims={"tenant": "äcme", "level": 3, "ratio": 0.1, "big": 2**70, "none": None, "list": [True, {}]},
        resource_identifiers=("https://c.example", "d"),
        usage_identifier_key="k" * 128,
        allow_from=("192.0.2.0/24", "2001:db8::/32"),
        tokens_per_hour=1_000,
        quota_monitored=True,
        token_reuse=False,
        name="Räksmörgås ✓",
        enabled=False,
        updated_at=NOW,
        version=7,
        registrable_scopes=("products:read", "a"),
        registrable_audiences=("https://a.example", "b"),
        registration=Registration("registrar", b"\xff" * 32, scopes=("a",), audiences=("b",)),
    )
    store.create(written)
    assert store.get(written.client_id) == written


def test_a_client_of_defaults_comes_back(store: DynamoDBClientStore) -> None:
    """Empty lists, texts and maps are kept as such."""
    written = fresh(scopes=(), secrets=())
    store.create(written)
    assert store.get(written.client_id) == written


def test_an_unknown_client_is_none(store: DynamoDBClientStore) -> None:
    """No item is no client."""
    assert store.get("nobody") is None


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=255))
def test_any_printable_id_can_be_looked_up(store: DynamoDBClientStore, client_id: str) -> None:
    """An id of printable ASCII of any length up to 255 is a good key."""
    looked_up = store.get(client_id)
    assert looked_up is None or looked_up.client_id == client_id


def test_a_second_create_changes_nothing(store: DynamoDBClientStore) -> None:
    """An id that is taken is refused, and the record stays as it was."""
    written = fresh()
    store.create(written)
    with pytest.raises(ClientExistsError):
        store.create(replace(written, name="usurper"))
    assert store.get(written.client_id) == written


def test_of_racing_creators_one_wins(store: DynamoDBClientStore) -> None:
    """Of many who create the same id at once, exactly one succeeds."""
    wanted, barrier = fresh(), threading.Barrier(8)

    def create(name: str) -> bool:
        barrier.wait()
        try:
            store.create(replace(wanted, name=name))
        except ClientExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(create, "abcdefgh"))
    assert won.count(True) == 1
    kept = store.get(wanted.client_id)
    assert kept is not None
    assert kept.name == "abcdefgh"[won.index(True)]


def test_an_update_grows_the_version(store: DynamoDBClientStore) -> None:
    """A change is written with the next version and its time."""
    written = fresh()
    store.create(written)
    updated = store.update(replace(written, name="new"), now=NOW + 5)
    assert updated == replace(written, name="new", version=written.version + 1, updated_at=NOW + 5)
    assert store.get(written.client_id) == updated


def test_an_update_of_a_stale_record_is_refused(store: DynamoDBClientStore) -> None:
    """Two operators who read the same version cannot overwrite each other unseen, nor bring back a deleted client."""
    written = fresh()
    store.create(written)
    store.update(replace(written, name="first"), now=NOW)
    with pytest.raises(ClientChangedError):
        store.update(replace(written, name="second"), now=NOW)
    store.delete(written.client_id)
    with pytest.raises(ClientChangedError):
        store.update(written, now=NOW)
    assert store.get(written.client_id) is None
    store.create(fresh_again := replace(client(), client_id=written.client_id))
    with pytest.raises(ClientChangedError):
        store.update(written, now=NOW)
    assert store.get(written.client_id) == fresh_again


def test_a_write_whose_answer_was_lost_is_not_a_conflict(store: DynamoDBClientStore) -> None:
    """boto3 tries again where an answer is lost; the second try finds its own writing, and nobody else's."""
    written = fresh()
    store.create(written)
    store.create(written)
    updated = store.update(replace(written, name="new"), now=NOW + 5)
    assert store.update(replace(written, name="new"), now=NOW + 5) == updated
    with pytest.raises(ClientChangedError):
        store.update(replace(written, name="other"), now=NOW + 5)


def test_a_deleted_client_is_gone(store: DynamoDBClientStore) -> None:
    """Deleting says whether there was anything to delete."""
    written = fresh()
    store.create(written)
    assert store.delete(written.client_id)
    assert not store.delete(written.client_id)
    assert store.get(written.client_id) is None


def test_the_list_goes_over_pages(store: DynamoDBClientStore) -> None:
    """A list of more than one page (1 MB) of clients is whole."""
    clients = [fresh(claims={"filler": "x" * 60_000}) for _ in range(20)]
    for each in clients:
        store.create(each)
    listed = {each.client_id for each in store.list() if isinstance(each, Client)}
    assert {each.client_id for each in clients} <= listed


# The error shapes below are AWS's own; the local endpoints cannot be made to answer them, so botocore's Stubber does.
Planted = Callable[[Stubber], None]


def answered(item: dict[str, Any]) -> dict[str, Any]:
    """Give DynamoDB's answer with this item."""
    return {"Item": item, "ConsumedCapacity": {"TableName": "clients", "CapacityUnits": 1.0}}


FAILURES: dict[str, tuple[Planted, str]] = {
    "throttled": (
        lambda stub: stub.add_client_error("get_item", "ProvisionedThroughputExceededException", "Slow down", 400),
        "dynamodb:GetItem: ProvisionedThroughputExceededException",
    ),
    "denied": (
        lambda stub: stub.add_client_error("get_item", "AccessDeniedException", "User: arn is not authorized", 400),
        "dynamodb:GetItem: AccessDeniedException",
    ),
    "5xx": (
        lambda stub: stub.add_client_error("get_item", "InternalServerError", "Sorry", 500),
        "dynamodb:GetItem: InternalServerError",
    ),
    "an item that is no client": (
        lambda stub: stub.add_response("get_item", answered({"client_id": {"S": "demo"}})),
        "dynamodb:GetItem: KeyError",
    ),
    "a field of another type": (
        lambda stub: stub.add_response("get_item", answered({"client_id": {"S": "demo"}, "scope": {"N": "1"}})),
        "dynamodb:GetItem: KeyError",
    ),
    "an empty answer, which is what boto3 makes of garbage": (
        lambda stub: stub.add_response("get_item", {}),
        "dynamodb:GetItem: ValueError",
    ),
}


@pytest.mark.parametrize(("plant", "said"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failure_is_a_dependency_error(plant: Planted, said: str) -> None:
    """Whatever goes wrong is one error that names the operation and AWS's code, and quotes nothing."""
    dynamodb = boto3.client("dynamodb", config=Config(retries={"total_max_attempts": 1}))
    stub = Stubber(dynamodb)
    plant(stub)
    with stub, pytest.raises(DependencyError) as caught:
        DynamoDBClientStore(dynamodb, "clients").get("demo")
    assert str(caught.value) == said


def test_no_connection_is_a_dependency_error() -> None:
    """A refused connection is the same kind of failure."""
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=1)
    dynamodb = boto3.client("dynamodb", endpoint_url="http://127.0.0.1:9", config=config)
    with pytest.raises(DependencyError, match=r"^dynamodb:GetItem: EndpointConnectionError$"):
        DynamoDBClientStore(dynamodb, "clients").get("demo")


def test_a_read_is_consistent() -> None:
    """A client that was disabled or deleted a moment ago is refused: the read may not be an eventually consistent one.

    The local endpoints have one copy of each item, so what is looked at is what is asked for.
    """
    dynamodb = boto3.client("dynamodb")
    stub = Stubber(dynamodb)
    asked = {"TableName": "clients", "Key": {"client_id": {"S": "demo"}}, "ConsistentRead": True}
    consumed = {"ConsumedCapacity": {"TableName": "clients", "CapacityUnits": 1.0}}
    stub.add_response("get_item", consumed, {**asked, "ReturnConsumedCapacity": "TOTAL"})
    with stub:
        assert DynamoDBClientStore(dynamodb, "clients").get("demo") is None
        stub.assert_no_pending_responses()


def test_an_answer_that_boto3_cannot_parse_is_a_dependency_error() -> None:
    """boto3's own exception for such an answer is no BotoCoreError; its text, which quotes the answer, goes nowhere."""
    with pytest.raises(DependencyError) as caught, dependency("dynamodb:GetItem"):
        raise ResponseParserError("Unable to parse response: secret")
    assert str(caught.value) == "dynamodb:GetItem: ResponseParserError"


NO_ANSWERS = [b"garbage", b"<html></html>", b"\xff", b"{}", b"[]", b"null", b'"text"', b'{"Item": []}', b"[" * 100_000]


@pytest.fixture(scope="module")
def faults(aws_endpoint: str) -> Iterator[Faults]:
    """Give a proxy before the local endpoint, which answers what it is told."""
    with proxy_to(lambda: aws_endpoint) as proxy:
        yield proxy


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("body", NO_ANSWERS, ids=lambda body: repr(body[:12]))
def test_an_answer_that_is_not_dynamodbs_is_a_dependency_error(faults: Faults, status: int, body: bytes) -> None:
    """Whatever answers in DynamoDB's place, a proxy or a broken line, is no client, no absence of one, and no fault."""
    faults.failing["dynamodb"] = lambda handler: handler.answer(status, body)
    dynamodb = boto3.client("dynamodb", endpoint_url=faults.url, config=Config(retries={"total_max_attempts": 1}))
    with pytest.raises(DependencyError, match=r"^dynamodb:GetItem: \w+$"):
        DynamoDBClientStore(dynamodb, "clients").get("demo")
