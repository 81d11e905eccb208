"""The cache of vended tokens, on the local AWS endpoint and on the official DynamoDB Local; KMS is the former's.

What the local KMS does not refuse, botocore's Stubber refuses in AWS's shapes.
"""

import json
import secrets
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from auth_server.aws import CONFIG
from auth_server.aws.vending_table import MAX_CIPHERTEXT_BYTES, DynamoDBTokenCache
from auth_server.errors import DependencyError
from auth_server.vending.token_cache import Kept
from tests.auth_server.vending.simulator import ENVIRON, VendingSimulator, said, tokens_event, vended
from tests.simulator import ISSUER, NOW

# As in the template.
DEFINITION: dict[str, Any] = {
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}
TOKEN = "eyJh.eyJp.c2ln"


@dataclass
class Aws:
    """A table and a key of a test's own, and what can be asked of them behind the cache's back."""

    dynamodb: Any
    kms: Any
    table: str
    key_id: str

    def cache(self, **changes: Any) -> DynamoDBTokenCache:
        """Give a cache over them."""
        arguments = {"table": self.table, "key_id": self.key_id, "issuer": ISSUER, **changes}
        return DynamoDBTokenCache(self.dynamodb, self.kms, **arguments)

    def items(self) -> dict[str, Any]:
        """Give every item by its id."""
        return {item["id"]["S"]: item for item in self.dynamodb.scan(TableName=self.table)["Items"]}

    def put(self, item_id: str, **attributes: Any) -> None:
        """Write an item."""
        self.dynamodb.put_item(TableName=self.table, Item={"id": {"S": item_id}, **attributes})


@pytest.fixture(scope="module", params=["aws_endpoint", "dynamodb_local_endpoint"])
def dynamodb(request: pytest.FixtureRequest) -> Any:
    """Give a boto3 client of each endpoint in turn."""
    return boto3.client("dynamodb", endpoint_url=request.getfixturevalue(request.param))


@pytest.fixture
def aws(dynamodb: Any, aws_endpoint: str) -> Aws:
    """Give an empty table and a symmetric key."""
    table = f"vending-{uuid.uuid4()}"
    dynamodb.create_table(TableName=table, **DEFINITION)
    kms = boto3.client("kms", endpoint_url=aws_endpoint)
    return Aws(dynamodb, kms, table, kms.create_key()["KeyMetadata"]["KeyId"])


def test_what_is_kept_is_found(aws: Aws) -> None:
    """Under its own id, with nothing else, and until its expiry."""
    cache = aws.cache()
    nothing = cache.find("a")
    assert nothing == Kept()
    assert cache.keep("a", TOKEN, expires_at=NOW, instead_of=nothing)
    assert cache.find("a").token == TOKEN
    assert cache.find("b").token is None
    assert aws.items()["a"]["expires_at"] == {"N": str(NOW)}


def test_what_is_kept_is_replaced_by_whoever_has_seen_it(aws: Aws) -> None:
    """A write holds only while the item is what was found; without a condition it always does."""
    cache = aws.cache()
    nothing = cache.find("a")
    assert cache.keep("a", "first", expires_at=NOW, instead_of=nothing)
    assert not cache.keep("a", "second", expires_at=NOW, instead_of=nothing)
    first = cache.find("a")
    assert cache.keep("a", "third", expires_at=NOW, instead_of=first)
    assert not cache.keep("a", "fourth", expires_at=NOW, instead_of=first)
    assert cache.find("a").token == "third"
    assert cache.keep("a", "fifth", expires_at=NOW, instead_of=None)
    assert cache.find("a").token == "fifth"


def test_a_table_tells_nothing_without_kms(aws: Aws) -> None:
    """Neither the token nor any part of it stands in the item, as it is or deflated."""
    server = VendingSimulator({**ENVIRON, "VENDING_MODE": "authorizer"}, cache=aws.cache())
    token = said(server.send(tokens_event(authorizer={"sub": "alice-in-clear"})))["token"]
    ((name, item),) = aws.items().items()
    assert item.keys() == {"id", "token", "expires_at"}
    stored = item["token"]["B"] + name.encode()
    for part in (*token.split("."), "alice-in-clear", "products:read", "browser"):
        assert part.encode() not in stored
    keyless = aws.cache(key_id=aws.kms.create_key()["KeyMetadata"]["KeyId"])
    with pytest.raises(DependencyError):  # the local KMS's way to refuse; AWS's is IncorrectKeyException, below
        keyless.find(name)


def test_an_item_is_bound_to_its_id_and_issuer(aws: Aws) -> None:
    """Two items that were swapped in the table are refused, and vended anew to each."""
    server = VendingSimulator({**ENVIRON, "VENDING_MODE": "authorizer"}, cache=aws.cache())
    events = {name: tokens_event(authorizer={"sub": name}) for name in ("alice", "bob")}
    before = {name: vended(server.send(event)) for name, event in events.items()}
    one, other = aws.items().values()
    aws.put(one["id"]["S"], token=other["token"], expires_at=other["expires_at"])
    aws.put(other["id"]["S"], token=one["token"], expires_at=one["expires_at"])
    assert aws.cache().find(one["id"]["S"]).token is None
    server.start()
    for name, event in events.items():
        claims = vended(server.send(event))
        assert claims["sub"] == f"user:{name}"
        assert claims["jti"] != before[name]["jti"]
    assert aws.cache().find(one["id"]["S"]).token is not None
    assert aws.cache(issuer="https://other.example.com").find(one["id"]["S"]).token is None


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"token": {"S": TOKEN}},
        {"token": {"NULL": True}},
        {"token": {"B": b"x"}},
        {"token": {"B": b""}},
        {"token": {"B": b"x" * (MAX_CIPHERTEXT_BYTES + 1)}},
    ],
    ids=["none", "text", "null", "short", "empty", "long"],
)
def test_what_is_no_token_of_ours_is_written_anew(aws: Aws, attributes: dict[str, Any]) -> None:
    """Whatever whoever can write the table has put there, it is vended anew, once."""
    cache = aws.cache()
    aws.put("a", **attributes)
    found = cache.find("a")
    assert found.token is None
    assert cache.keep("a", TOKEN, expires_at=NOW, instead_of=found)
    assert cache.find("a").token == TOKEN
    assert not cache.keep("a", "other", expires_at=NOW, instead_of=found)


def test_what_decrypts_to_no_token_is_none(aws: Aws) -> None:
    """Encrypted by our key under the right context, and yet nothing that was put there by a cache."""
    for number, plaintext in enumerate((b"not deflated", b"")):
        if plaintext:
            context = {"issuer": ISSUER, "id": str(number)}
            blob = aws.kms.encrypt(KeyId=aws.key_id, Plaintext=plaintext, EncryptionContext=context)["CiphertextBlob"]
            aws.put(str(number), token={"B": blob})
            assert aws.cache().find(str(number)).token is None


def test_the_longest_token_fits(aws: Aws) -> None:
    """KMS encrypts 4,096 bytes, and signs as many of a token without its signature: deflated, both fit."""
    signed = secrets.token_urlsafe(3_072)  # no text in base64url deflates less well than a random one
    token = f"{signed[:90]}.{signed[90:]}.{secrets.token_urlsafe(256)}"
    cache = aws.cache()
    assert len(token) > 4_096
    assert cache.keep("a", token, expires_at=NOW, instead_of=None)
    assert cache.find("a").token == token


def test_of_many_who_keep_at_once_one_does(aws: Aws) -> None:
    """Racing writes are one conditional write each; whoever loses finds the winner's."""
    cache = aws.cache()
    nothing, barrier = cache.find("a"), threading.Barrier(8)

    def keep(number: int) -> bool:
        barrier.wait()
        return cache.keep("a", f"token-{number}", expires_at=NOW, instead_of=nothing)

    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(keep, range(8)))
    assert sum(kept) == 1
    assert cache.find("a").token == f"token-{kept.index(True)}"


def test_a_write_whose_answer_was_lost_is_a_write(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sent again, the condition fails over one's own token: the caller then finds it, and it is good."""
    write = aws.dynamodb.put_item

    def twice(**arguments: Any) -> Any:
        write(**arguments)
        return write(**arguments)

    server = VendingSimulator(cache=aws.cache())
    with monkeypatch.context() as patch:
        patch.setattr(aws.dynamodb, "put_item", twice)
        first = vended(server.send(tokens_event()))
    server.start()
    assert vended(server.send(tokens_event()))["jti"] == first["jti"]
    assert server.keys.signatures == 1


def test_callers_of_many_lambdas_get_one_token_each(aws: Aws) -> None:
    """Twenty addresses, five calls each, by Lambdas that come and go: twenty tokens are signed."""
    server = VendingSimulator({**ENVIRON, "LOG_LEVEL": "ERROR"}, cache=aws.cache())
    answers = set()
    for _ in range(5):
        server.start()
        answers |= {(n, vended(server.send(tokens_event(address=f"192.0.2.{n}")))["jti"]) for n in range(20)}
    assert len(answers) == server.keys.signatures == len(aws.items()) == 20


def stubbed(aws_service: str) -> tuple[Any, Stubber]:
    """Give a client that answers what a test says."""
    client: Any = boto3.client(aws_service, config=CONFIG)  # type: ignore[call-overload] # the stubs want a literal name
    return client, Stubber(client)


KMS_ERRORS = (
    "AccessDeniedException",
    "DisabledException",
    "KMSInvalidStateException",
    "NotFoundException",
    "ThrottlingException",
    "KMSInternalException",
)
UNREADABLE = ("InvalidCiphertextException", "IncorrectKeyException")
ITEM = {"id": {"S": "a"}, "token": {"B": b"ciphertext"}, "expires_at": {"N": str(NOW)}}


def over(dynamodb: Any, kms: Any) -> DynamoDBTokenCache:
    """Give a cache over two clients."""
    return DynamoDBTokenCache(dynamodb, kms, table="vending", key_id="alias/vended", issuer=ISSUER)


def answered(code: str) -> DynamoDBTokenCache:
    """Give a cache whose item is there, and whose KMS refuses to decrypt it so."""
    dynamodb, database = stubbed("dynamodb")
    kms, keys = stubbed("kms")
    database.add_response("get_item", {"Item": ITEM, "ConsumedCapacity": {}})
    keys.add_client_error("decrypt", code)
    database.activate()
    keys.activate()
    return over(dynamodb, kms)


@pytest.mark.parametrize("code", KMS_ERRORS)
def test_a_kms_that_does_not_decrypt_is_a_failure(code: str) -> None:
    """A key that is disabled, or KMS that is throttled, is no reason to vend another token."""
    with pytest.raises(DependencyError, match=f"kms:Decrypt: {code}"):
        answered(code).find("a")


@pytest.mark.parametrize("code", UNREADABLE)
def test_a_token_of_another_key_or_context_is_none(code: str) -> None:
    """Only where KMS says that this is not what this key encrypted here, another token takes its place."""
    found = answered(code).find("a")
    assert found.token is None
    assert found.as_found == ITEM["token"]


@pytest.mark.parametrize("code", KMS_ERRORS)
def test_a_kms_that_does_not_encrypt_is_a_failure(code: str) -> None:
    """Nothing is written that is not encrypted."""
    kms, keys = stubbed("kms")
    keys.add_client_error("encrypt", code)
    keys.activate()
    dynamodb, database = stubbed("dynamodb")
    database.activate()  # refuses whatever it is asked
    with pytest.raises(DependencyError, match=f"kms:Encrypt: {code}"):
        over(dynamodb, kms).keep("a", TOKEN, expires_at=NOW, instead_of=Kept())


@pytest.mark.parametrize(
    "ask",
    [
        lambda cache: cache.find("a"),
        lambda cache: cache.keep("a", TOKEN, expires_at=NOW, instead_of=Kept()),
    ],
)
@pytest.mark.parametrize("failing", ["dynamodb", "kms"])
def test_no_connection_is_a_dependency_error(
    aws: Aws, failing: str, ask: Callable[[DynamoDBTokenCache], object]
) -> None:
    """A cache that cannot be reached fails, and says neither that there is a token nor that there is none."""
    aws.cache().keep("a", TOKEN, expires_at=NOW, instead_of=None)
    clients = {"dynamodb": aws.dynamodb, "kms": aws.kms}
    clients[failing] = boto3.client(failing, endpoint_url="http://127.0.0.1:9", config=CONFIG)  # type: ignore[call-overload] # the stubs want a literal name
    cache = DynamoDBTokenCache(**clients, table=aws.table, key_id=aws.key_id, issuer=ISSUER)
    with pytest.raises(DependencyError):
        ask(cache)


def test_a_failing_cache_is_503_with_a_time(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    """The caller is told to try again, the log which call failed, and neither sees a token."""
    server = VendingSimulator(cache=aws.cache(table="no-such-table"))
    response = server.send(tokens_event())
    assert said(response, 503)["error"] == "temporarily_unavailable"
    assert response["headers"]["Retry-After"] == "1"
    line = json.loads(capsys.readouterr().out)
    assert line["reason"] == "dynamodb:GetItem: ResourceNotFoundException"
    assert "eyJ" not in json.dumps(line)
