"""The store in DynamoDB, on the local AWS endpoint and on the official DynamoDB Local."""

import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.cloudformation import TOKEN_CACHE_EXAMPLE, Stack
from tests import aws_proxy
from token_client.access_token import AccessToken
from token_client.errors import ConfigurationError, StoreError
from token_client.store.dynamodb import DynamoDBTokenStore
from token_client.store.encryption import SecretCipher
from token_client.store.protocol import Reading, TokenKey

KEY = TokenKey("https://auth.example.com", "demo", ("a", "b"), ("https://api.example.com",))
SECRET = b"k5vX2mPq9sTw4zB7cE1fH3jL6nR8uY0a"
EMPTY = Reading(None, None)
ENDLESS = b'{"value": "x", "token_type": "Bearer", "scope": [], "issued_at": 0, "expires_at": Infinity}'


@pytest.fixture(scope="module", params=["aws_endpoint", "dynamodb_local_endpoint"])
def endpoint(request: pytest.FixtureRequest) -> str:
    """Give each endpoint in turn."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture(scope="module")
def dynamodb(endpoint: str) -> Any:
    """Give a boto3 client of the test's own."""
    return boto3.client("dynamodb", endpoint_url=endpoint)


@pytest.fixture
def table(dynamodb: Any) -> str:
    """Make a table as the template says, and give its name."""
    return make_table(dynamodb)


@pytest.fixture
def store(endpoint: str, table: str) -> DynamoDBTokenStore:
    """Give a store over an empty table."""
    return DynamoDBTokenStore(table, endpoint_url=endpoint)


def make_table(dynamodb: Any) -> str:
    """Make a table as the template says, and give its name."""
    name = f"token-cache-{uuid.uuid4()}"
    (template,) = Stack(TOKEN_CACHE_EXAMPLE).tables().values()
    dynamodb.create_table(**{**template.definition, "TableName": name})
    return name


def make_store(endpoint: str) -> DynamoDBTokenStore:
    """Give a store over an empty table of an endpoint."""
    return DynamoDBTokenStore(make_table(boto3.client("dynamodb", endpoint_url=endpoint)), endpoint_url=endpoint)


def make_token(value: str = "eyJ.a.b", lifetime_s: float = 3600) -> AccessToken:
    """Make a token that was issued now."""
    now = int(time.time() * 1000)
    return AccessToken(value, "Bearer", ("a", "b"), now, now + int(lifetime_s * 1000))


def keep(store: DynamoDBTokenStore, token: AccessToken, key: TokenKey = KEY, secret: bytes = SECRET) -> None:
    """Put a token into the store, as the holder of the lease does."""
    slot = store.slot(key, secret)
    assert slot.acquire("keeper", 10)
    assert slot.write("keeper", token)


def raw(dynamodb: Any, table: str, key: TokenKey = KEY) -> dict[str, Any]:
    """Read the item behind the store's back."""
    item: dict[str, Any] = dynamodb.get_item(TableName=table, Key={"id": {"S": key.id}})["Item"]
    return item


def test_a_token_is_kept_for_others(store: DynamoDBTokenStore, endpoint: str) -> None:
    """What one process wrote, another reads as it was, and the lease is free again."""
    token = make_token()
    keep(store, token)
    other = DynamoDBTokenStore(store.table, endpoint_url=endpoint)
    assert other.slot(KEY, SECRET).read() == Reading(token, None)


def test_there_is_nothing_in_an_empty_table(store: DynamoDBTokenStore) -> None:
    """No item is no token and no lease."""
    assert store.slot(KEY, SECRET).read() == EMPTY


@pytest.mark.parametrize(
    "other",
    [
        replace(KEY, server="https://other.example.com"),
        replace(KEY, client_id="other"),
        replace(KEY, scope=("a",)),
        replace(KEY, resource=()),
        replace(KEY, jkt="thumbprint"),
        replace(KEY, parameters=(("audience", "x"),)),
    ],
)
def test_a_token_is_for_nobody_else(store: DynamoDBTokenStore, dynamodb: Any, other: TokenKey) -> None:
    """Another server, client, scope, resource, key or parameter: another item; one that was copied there is a miss."""
    keep(store, make_token())
    assert store.slot(other, SECRET).read() == EMPTY
    dynamodb.put_item(TableName=store.table, Item={**raw(dynamodb, store.table), "id": {"S": other.id}})
    assert store.slot(other, SECRET).read() == EMPTY
    assert store.slot(KEY, SECRET).read().token is not None


@pytest.mark.parametrize(("lifetime_s", "is_found"), [(3600, True), (0.05, False)])
def test_a_token_that_was_rolled_back_to_is_as_old_as_it_is(
    store: DynamoDBTokenStore, dynamodb: Any, lifetime_s: float, *, is_found: bool
) -> None:
    """An earlier item, put back, holds the earlier token, until that token's own expiry and no longer."""
    earlier = make_token("earlier", lifetime_s)
    keep(store, earlier)
    item = raw(dynamodb, store.table)
    keep(store, make_token("later"))
    dynamodb.put_item(TableName=store.table, Item={**item, "expires_at": {"N": "9999999999"}})
    time.sleep(0.06)
    assert store.slot(KEY, SECRET).read() == Reading(earlier if is_found else None, None)


def test_a_token_that_has_expired_is_a_miss_whatever_the_item_says(store: DynamoDBTokenStore, dynamodb: Any) -> None:
    """DynamoDB removes items late, and who writes the table may put the time off: what counts is in the ciphertext."""
    keep(store, make_token(lifetime_s=0.05))
    item = raw(dynamodb, store.table)
    dynamodb.put_item(TableName=store.table, Item={**item, "expires_at": {"N": "9999999999"}})
    time.sleep(0.06)
    assert store.slot(KEY, SECRET).read() == EMPTY


def test_a_rotated_secret_is_a_miss_and_is_written_over(store: DynamoDBTokenStore) -> None:
    """The old token cannot be read with the new secret; the new one takes its place."""
    keep(store, make_token("old"))
    assert store.slot(KEY, b"rotated").read() == EMPTY
    keep(store, make_token("new"), secret=b"rotated")
    assert store.slot(KEY, SECRET).read() == EMPTY
    found = store.slot(KEY, b"rotated").read().token
    assert found is not None
    assert found.value == "new"


@pytest.mark.parametrize(
    "planted",
    [
        {"token": {"B": b""}},
        {"token": {"B": b"\x01"}},
        {"token": {"B": b"\x02\xff\xff" + bytes(40)}},
        {"token": {"B": b"\x01" + bytes(100)}},
        {"token": {"S": "eyJ.a.b"}},
        {"token": {"NULL": True}},
        {"lease_owner": {"N": "1"}, "lease_until": {"N": "9999999999999"}},
        {"lease_owner": {"S": "x"}, "lease_until": {"S": "for ever"}},
        {"lease_owner": {"S": "x"}},
        {"expires_at": {"S": "never"}},
    ],
)
def test_an_item_of_another_shape_is_a_miss_and_no_hindrance(
    store: DynamoDBTokenStore, dynamodb: Any, planted: dict[str, Any]
) -> None:
    """Whatever is there, the lease can be taken, and the token written over it."""
    dynamodb.put_item(TableName=store.table, Item={"id": {"S": KEY.id}, **planted})
    assert store.slot(KEY, SECRET).read().token is None
    token = make_token()
    keep(store, token)
    assert store.slot(KEY, SECRET).read().token == token


def test_what_was_encrypted_and_is_no_token_is_a_miss(store: DynamoDBTokenStore, dynamodb: Any) -> None:
    """A later version may write other members."""
    for plaintext in (b"", b"[]", b'{"value": "x"}', b'{"value": "x", "scope": 1}', b"\xff", ENDLESS):
        data = SecretCipher(KEY.client_id, SECRET).encrypt(plaintext, KEY.associated_data)
        dynamodb.put_item(TableName=store.table, Item={"id": {"S": KEY.id}, "token": {"B": data}})
        assert store.slot(KEY, SECRET).read() == EMPTY


def test_an_item_tells_its_reader_nothing(store: DynamoDBTokenStore, dynamodb: Any) -> None:
    """Neither token nor client, server, scope or secret; and it ends by itself."""
    token = make_token("a-token-in-the-clear")
    keep(store, token)
    item = raw(dynamodb, store.table)
    assert item.keys() == {"id", "token", "expires_at"}
    assert int(item["expires_at"]["N"]) == token.expires_at // 1000
    for word in (token.value, KEY.client_id, KEY.server, SECRET.decode()):
        assert word not in repr(item)


def test_a_lease_is_one_owners(store: DynamoDBTokenStore) -> None:
    """Taken once, prolonged by its owner, free for others once it was given back."""
    slot = store.slot(KEY, SECRET)
    assert slot.acquire("one", 10)
    assert not slot.acquire("two", 10)
    assert slot.acquire("one", 10)
    assert slot.read() == Reading(None, "one")
    slot.release("two")
    assert slot.read().lease_owner == "one"
    slot.release("one")
    assert slot.read() == EMPTY
    assert slot.acquire("two", 10)


def test_a_lease_ends_by_itself(store: DynamoDBTokenStore) -> None:
    """A holder that died holds nobody up for longer than it had asked for."""
    slot = store.slot(KEY, SECRET)
    assert slot.acquire("dead", 0.05)
    time.sleep(0.06)
    assert slot.read() == EMPTY
    assert slot.acquire("next", 10)


def test_a_lease_is_taken_from_whom_was_seen_and_nobody_else(store: DynamoDBTokenStore) -> None:
    """Of two who have waited for the same holder, one takes over: for the other, the holder is another by then."""
    slot = store.slot(KEY, SECRET)
    assert slot.acquire("dead", 1000)
    assert slot.acquire("two", 10, instead_of="dead")
    assert not slot.acquire("three", 10, instead_of="dead")


def test_what_a_late_holder_writes_is_dropped(store: DynamoDBTokenStore) -> None:
    """Whoever lost the lease neither overwrites the successor's token nor frees the successor's lease."""
    slot = store.slot(KEY, SECRET)
    assert slot.acquire("late", 1000)
    assert slot.acquire("next", 10, instead_of="late")
    assert not slot.write("late", make_token("old"))
    slot.release("late")
    assert slot.read() == Reading(None, "next")
    assert slot.write("next", make_token("new"))
    assert not slot.write("late", make_token("old"))
    found = slot.read().token
    assert found is not None
    assert found.value == "new"


def test_a_lease_that_was_planted_is_taken_over_like_any_other(store: DynamoDBTokenStore, dynamodb: Any) -> None:
    """A holder that nobody is, for ever: it is read as such, and whoever waited for it long enough takes its place."""
    planted = {"id": {"S": KEY.id}, "lease_owner": {"S": "nobody"}, "lease_until": {"N": "9" * 38}}
    dynamodb.put_item(TableName=store.table, Item=planted)
    slot = store.slot(KEY, SECRET)
    assert slot.read() == Reading(None, "nobody")
    assert not slot.acquire("one", 10)
    assert slot.acquire("one", 10, instead_of="nobody")
    assert int(raw(dynamodb, store.table)["lease_until"]["N"]) < (time.time() + 11) * 1000


def test_a_lease_is_prolonged_before_it_ends(store: DynamoDBTokenStore) -> None:
    """Its owner, or its owner under another name, has it for as long as it asks for again."""
    slot = store.slot(KEY, SECRET)
    assert slot.acquire("one", 0.3)
    assert slot.acquire("one", 10)
    assert slot.acquire("two", 10, instead_of="one")
    time.sleep(0.3)
    assert slot.read() == Reading(None, "two")
    assert not slot.acquire("other", 10)


def test_a_write_whose_answer_was_lost_is_a_write(store: DynamoDBTokenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sent again, as boto3 does where an answer was lost, the very same token is known; another's is not."""
    client, token = store.client("dynamodb"), make_token()
    update = client.update_item
    slot = store.slot(KEY, SECRET)
    assert slot.acquire("one", 10)
    with monkeypatch.context() as patch:
        patch.setattr(client, "update_item", lambda **arguments: (update(**arguments), update(**arguments))[1])
        assert slot.write("one", token)
    assert slot.read() == Reading(token, None)
    assert not slot.write("one", token)


def test_a_token_stays_while_its_successor_is_fetched(store: DynamoDBTokenStore) -> None:
    """A lease beside a token takes nothing from whoever can still use it."""
    token = make_token()
    keep(store, token)
    slot = store.slot(KEY, SECRET)
    assert slot.acquire("renewing", 10)
    assert slot.read() == Reading(token, "renewing")
    slot.release("renewing")
    assert slot.read() == Reading(token, None)


def test_of_many_threads_one_takes_the_lease(dynamodb_local_endpoint: str) -> None:
    """One conditional write each. The other endpoint looks first and writes then: of sixteen, two win now and then."""
    store, barrier = make_store(dynamodb_local_endpoint), threading.Barrier(16)

    def take(number: int) -> bool:
        barrier.wait()
        return store.slot(KEY, SECRET).acquire(f"thread {number}", 60)

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(take, range(16))) == 1


def test_of_many_processes_one_takes_the_lease(dynamodb_local_endpoint: str) -> None:
    """The lease is in the table, and nowhere else."""
    table = make_store(dynamodb_local_endpoint).table
    code = (
        "import sys; from token_client.store.dynamodb import DynamoDBTokenStore; "
        "from token_client.store.protocol import TokenKey; "
        "slot = DynamoDBTokenStore(sys.argv[1], endpoint_url=sys.argv[2]).slot(TokenKey('s', 'c'), b'x'); "
        "sys.stdin.read(1); print(slot.acquire(sys.argv[3], 60))"
    )
    processes = [
        subprocess.Popen(  # noqa: S603 - our own arguments
            [sys.executable, "-c", code, table, dynamodb_local_endpoint, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    outputs = [process.communicate("x")[0].strip() for process in processes]
    assert sorted(outputs) == ["False", "False", "False", "True"]


@pytest.mark.parametrize("minutes", [-10, 10])
def test_machines_whose_clocks_differ_agree(
    store: DynamoDBTokenStore, endpoint: str, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    """Ten minutes off either way, a token of five minutes is as old there as it is here, and a lease as long."""
    keep(store, make_token(lifetime_s=300))
    assert store.slot(KEY, SECRET).acquire("here", 30)
    wall = time.time
    off = DynamoDBTokenStore(store.table, endpoint_url=endpoint)
    monkeypatch.setattr("token_client.store.dynamodb.wall_ms", lambda: int((wall() + minutes * 60) * 1000))
    reading = off.slot(KEY, SECRET).read()
    assert reading.lease_owner == "here"
    assert reading.token is not None
    left_s = reading.token.expires_at / 1000 - (wall() + minutes * 60)
    assert 290 < left_s < 310
    assert not off.slot(KEY, SECRET).acquire("there", 30)
    now = int((wall() + minutes * 60) * 1000)
    assert off.slot(KEY, SECRET).write("here", AccessToken("theirs", "Bearer", (), now, now + 300_000))
    monkeypatch.undo()
    found = store.slot(KEY, SECRET).read().token
    assert found is not None
    assert 290 < found.expires_at / 1000 - wall() < 310


@pytest.mark.parametrize("off_ms", [0, -600_000, 600_000])
def test_an_answer_that_waited_here_tells_no_time(
    store: DynamoDBTokenStore, monkeypatch: pytest.MonkeyPatch, off_ms: int
) -> None:
    """A Lambda that was frozen in the middle of a call reads an old Date; what it knew before holds."""
    client, ahead_ms = store.client("dynamodb"), [off_ms]
    get = client.get_item

    def frozen(**arguments: Any) -> Any:
        answer = get(**arguments)
        ahead_ms[0] += 600_000
        return answer

    wall = time.time
    monkeypatch.setattr("token_client.store.dynamodb.wall_ms", lambda: int(wall() * 1000) + ahead_ms[0])
    store.slot(KEY, SECRET).read()
    learned_ms = store.offset_ms
    assert abs(learned_ms + off_ms) < 5_000
    monkeypatch.setattr(client, "get_item", frozen)
    store.slot(KEY, SECRET).read()
    assert store.offset_ms == learned_ms


def test_a_clock_that_may_be_right_is_right(store: DynamoDBTokenStore) -> None:
    """A Date is cut to the second: what it leaves open is no difference of clocks."""
    for _ in range(20):
        store.slot(KEY, SECRET).read()
        assert store.offset_ms == 0
        time.sleep(0.05)


def test_a_missing_table_is_a_store_error(endpoint: str) -> None:
    """It names the operation and AWS's code."""
    slot = DynamoDBTokenStore("there-is-none", endpoint_url=endpoint).slot(KEY, SECRET)
    for call in (slot.read, lambda: slot.acquire("o", 1), lambda: slot.release("o")):
        with pytest.raises(StoreError, match=r"^dynamodb:(Get|Update)Item: ResourceNotFoundException$"):
            call()


def test_a_table_with_another_key_is_a_store_error(dynamodb: Any, endpoint: str) -> None:
    """It was made for something else."""
    name = f"other-{uuid.uuid4()}"
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with pytest.raises(StoreError, match="ValidationException"):
        DynamoDBTokenStore(name, endpoint_url=endpoint).slot(KEY, SECRET).read()


FAILURES = {
    "throttled": aws_proxy.error(400, "ThrottlingException"),
    "failing": aws_proxy.error(500, "InternalServerError"),
    "forbidden": aws_proxy.error(400, "AccessDeniedException"),
    "garbage": aws_proxy.garbage,
    "hangs up": aws_proxy.hang_up,
    "cut short": aws_proxy.cut_short,
    "slow": aws_proxy.slow,
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_table_that_fails_is_a_store_error(dynamodb: Any, endpoint: str, failure: str) -> None:
    """However it fails; and it works again at once when the table does."""
    with aws_proxy.proxy_to(lambda: endpoint) as faults:
        slot = DynamoDBTokenStore(make_table(dynamodb), endpoint_url=faults.url).slot(KEY, SECRET)
        faults.failing["dynamodb"] = FAILURES[failure]
        with pytest.raises(StoreError, match=r"^dynamodb:GetItem: \w+$"):
            slot.read()
        del faults.failing["dynamodb"]
        assert slot.acquire("owner", 10)


def test_nobody_to_ask_is_a_store_error() -> None:
    """Nothing listens there."""
    with pytest.raises(StoreError, match="EndpointConnectionError"):
        DynamoDBTokenStore("t", endpoint_url="http://127.0.0.1:1").slot(KEY, SECRET).read()


def test_an_aws_that_is_not_configured_is_a_store_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing region is the store's fault, not the token's."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    with pytest.raises(StoreError, match=r"^dynamodb: NoRegionError$"):
        DynamoDBTokenStore("t").slot(KEY, SECRET).read()


@pytest.mark.parametrize("date", [None, "soon", "an hour ahead"])
def test_the_date_of_an_answer_is_believed_where_it_is_one(
    store: DynamoDBTokenStore, monkeypatch: pytest.MonkeyPatch, date: str | None
) -> None:
    """Without a Date the own clock serves; with one of no sense there is a store error; the rest is the clock."""
    client = store.client("dynamodb")
    ahead = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    headers = {} if date is None else {"date": ahead if date == "an hour ahead" else date}
    monkeypatch.setattr(
        client, "get_item", lambda **_: {"ResponseMetadata": {"HTTPHeaders": headers}, "ConsumedCapacity": {}}
    )
    slot = store.slot(KEY, SECRET)
    if date == "soon":
        with pytest.raises(StoreError, match="ValueError"):
            slot.read()
    else:
        assert slot.read() == EMPTY
        assert abs(store.offset_ms - (3_600_000 if date else 0)) < 5_000


def test_what_cannot_work_is_refused_where_it_is_made() -> None:
    """No table, and no key for a client that has no secret."""
    with pytest.raises(ConfigurationError):
        DynamoDBTokenStore("")
    for secret in (None, b""):
        with pytest.raises(ConfigurationError, match="kms_key_id"):
            DynamoDBTokenStore("t").slot(KEY, secret)


def test_a_client_without_a_store_never_pays_for_boto3() -> None:
    """Neither importing a store nor making one imports boto3; the first call does."""
    code = (
        "import sys; from token_client.store.dynamodb import DynamoDBTokenStore; "
        "DynamoDBTokenStore('t', kms_key_id='k'); sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own arguments


def test_a_store_shows_its_table_and_nothing_else() -> None:
    """`repr` is what ends up in logs."""
    assert repr(DynamoDBTokenStore("token-cache")) == "DynamoDBTokenStore('token-cache')"


@given(data=st.data())
def test_no_other_bytes_decrypt(data: st.DataObject) -> None:
    """Any byte changed, left out or put in is noticed."""
    cipher = SecretCipher("demo", SECRET)
    good = cipher.encrypt(b"plaintext", b"associated")
    position = data.draw(st.integers(0, len(good) - 1))
    changed = data.draw(
        st.sampled_from(
            [
                good[:position] + bytes([good[position] ^ (1 << data.draw(st.integers(0, 7)))]) + good[position + 1 :],
                good[:position],
                good[:position] + b"\0" + good[position:],
                good + b"\0",
            ]
        )
    )
    assert changed == good or cipher.decrypt(changed, b"associated") is None
    assert cipher.decrypt(good, b"other") is None
    assert cipher.decrypt(good, b"associated") == b"plaintext"


def test_a_key_is_of_id_and_secret_and_where_one_ends() -> None:
    """Two clients never share a key because their ids and secrets run together."""
    assert SecretCipher("ab", b"c").decrypt(SecretCipher("a", b"bc").encrypt(b"x", b""), b"") is None
