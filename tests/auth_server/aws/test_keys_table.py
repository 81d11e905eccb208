"""The table of keys: what is written is read, and of two rotations at once one wins."""

import threading
import uuid
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from auth_server.aws.keys_table import LATEST, DynamoDBKeyTable
from auth_server.errors import DependencyError
from auth_server.signing_keys.key_record import DATA_KEY, KMS, KeyRecord
from auth_server.signing_keys.rotation import Found
from infra.cloudformation import Stack
from tests.simulator import ISSUER, NOW, LocalKeySource

FIRST = LocalKeySource().load()
RECORD = KeyRecord(
    kid=FIRST.kid,
    issuer=ISSUER,
    signer=KMS,
    jwk=FIRST.jwk,
    key_id="11111111-2222-3333-4444-555555555555",
    encrypted_key=None,
    announced_at=NOW,
    active_from=NOW + 14_400,
    expires_at=None,
    overlap_seconds=93_600,
    endorsement=b"endorsement",
)
OF_DATA_KEY = replace(
    RECORD, kid="other", signer=DATA_KEY, key_id=None, encrypted_key=b"ciphertext", expires_at=NOW + 100_000
)


@pytest.fixture
def dynamodb(aws_endpoint: str) -> Any:
    """Give a boto3 client of the local endpoint."""
    return boto3.client("dynamodb", endpoint_url=aws_endpoint)


@pytest.fixture
def name(dynamodb: Any) -> str:
    """Give the name of a fresh table, made as the template says."""
    definition = {**Stack().tables()["KeysTable"].definition, "TableName": f"keys-{uuid.uuid4()}"}
    dynamodb.create_table(**definition)
    return str(definition["TableName"])


def test_what_is_announced_is_read(dynamodb: Any, name: str) -> None:
    """Records of both signers are read as they were written, until they are forgotten."""
    table = DynamoDBKeyTable(dynamodb, name)
    assert table.read() == Found((), None)
    assert table.announce(RECORD, after=None)
    assert table.announce(OF_DATA_KEY, after=RECORD.kid)
    found = table.read()
    assert (set(found.records), found.latest) == ({RECORD, OF_DATA_KEY}, OF_DATA_KEY.kid)
    for _ in range(2):
        table.forget(RECORD.kid)
    assert table.read() == Found((OF_DATA_KEY,), OF_DATA_KEY.kid)


@pytest.mark.parametrize("after", [None, RECORD.kid], ids=["the first", "another"])
def test_of_rotations_at_once_one_wins(dynamodb: Any, name: str, after: str | None) -> None:
    """However many announce a key after the same one, one record is written."""
    table = DynamoDBKeyTable(dynamodb, name)
    if after is not None:
        assert table.announce(RECORD, after=None)
    records = [replace(RECORD, kid=f"kid-{number}") for number in range(8)]
    won: list[bool] = []
    threads = [
        threading.Thread(target=lambda each=each: won.append(table.announce(each, after=after))) for each in records
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]
    assert len(table.read().records) == (1 if after is None else 2)


def test_who_comes_late_writes_nothing(dynamodb: Any, name: str) -> None:
    """A rotation that saw an older state of the table announces nothing, and neither half of its write is there."""
    table = DynamoDBKeyTable(dynamodb, name)
    assert table.announce(RECORD, after=None)
    for after in (None, "another"):
        assert not table.announce(OF_DATA_KEY, after=after)
    assert table.read() == Found((RECORD,), RECORD.kid)


def test_an_announcement_whose_answer_was_lost_is_one(dynamodb: Any, name: str) -> None:
    """What boto3 tries again finds the record of the first try, and that is no defeat."""
    table = DynamoDBKeyTable(dynamodb, name)
    assert table.announce(RECORD, after=None)
    assert table.announce(RECORD, after=None)


@pytest.mark.parametrize(
    "item",
    [
        {"kid": {"S": "x"}},
        {"kid": {"S": LATEST}, "latest": {"N": "1"}},
        {"kid": {"S": "x"}, "issuer": {"S": ISSUER}, "jwk": {"S": "[" * 9_000}},
        {"kid": {"S": "x"}, "jwk": {"M": {}}, "endorsement": {"S": "x"}},
    ],
)
def test_what_is_no_record_hides_none(dynamodb: Any, name: str, item: Any) -> None:
    """Whatever else somebody puts into the table counts for nothing."""
    table = DynamoDBKeyTable(dynamodb, name)
    table.announce(RECORD, after=None)
    dynamodb.put_item(TableName=name, Item=item)
    assert table.read().records == (RECORD,)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"Items": [], "LastEvaluatedKey": {"kid": {"S": "x"}}, "ConsumedCapacity": {}}, "ValueError"),
        ({"Items": []}, "ValueError"),
        ({"ConsumedCapacity": {}}, "KeyError"),
    ],
    ids=["more than a page", "not DynamoDB's", "empty"],
)
def test_what_is_not_the_whole_table_is_none(answer: Any, said: str) -> None:
    """A table that was read in part is a failure, and never a table with fewer keys."""
    client = boto3.client("dynamodb", config=Config(retries={"total_max_attempts": 1}))
    stub = Stubber(client)  # no local endpoint has a table of more than a page, nor loses an answer
    stub.add_response("scan", answer)
    with stub, pytest.raises(DependencyError, match=f"^dynamodb:Scan: {said}$"):
        DynamoDBKeyTable(client, "keys").read()
