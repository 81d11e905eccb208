"""Tokens in DynamoDB, encrypted: one table, one item for each `TokenKey`, and in it the lease on fetching it.

    id            S   the partition key: the TokenKey's digest
    token         B   the token and its times, encrypted (`encryption`, `kms_encryption`)
    expires_at    N   Unix time in seconds when the item is of no use any more; the table's TTL attribute
    lease_owner   S   who fetches a token at this moment: a random name
    lease_until   N   Unix time in milliseconds when that ends

Whoever reads the table learns neither token nor client. Whoever writes it can make clients fetch anew, and wait for the
time of a lease, and nothing worse: what counts of a token is inside its ciphertext, its expiry too.

All times are by DynamoDB's own clock, which its answers tell, so that machines whose clocks differ agree. Two calls are
made, GetItem and UpdateItem.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from token_client.access_token import AccessToken
from token_client.aws import Connection, calling
from token_client.errors import ConfigurationError, StoreError
from token_client.store.encryption import Cipher, SecretCipher
from token_client.store.kms_encryption import KmsCipher
from token_client.store.protocol import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from token_client.store.protocol import TokenKey

_PROMPT_MS: Final = 2_000  # an answer that took longer may have waited here, in a Lambda that was frozen
_DAY_S: Final = 86_400
_NAMES: Final = {"#token": "token", "#expires_at": "expires_at", "#owner": "lease_owner", "#until": "lease_until"}
# What is not there, or has another type than ours, is nobody's lease.
_IS_FREE: Final = (
    "NOT attribute_type(#owner, :text) OR NOT attribute_type(#until, :number) OR #until <= :now OR #owner = :owner"
)


class DynamoDBTokenStore:
    """A `TokenStore` over one table. Nothing is connected to before the first token is asked for.

    A token is encrypted under its client's secret, or, with `kms_key_id` (id, ARN or alias of a symmetric key), by KMS.
    `session` is a boto3 Session; without one, the environment says where AWS is and who asks.
    """

    def __init__(
        self,
        table: str,
        *,
        kms_key_id: str | None = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        session: Any = None,
    ) -> None:
        if not table:
            raise ConfigurationError("a DynamoDBTokenStore needs the name of its table")
        self.table = table
        self._kms_key_id = kms_key_id
        self._connection = Connection(region_name, endpoint_url, session)
        self.offset_ms = 0  # DynamoDB's clock less this machine's, as its last answer tells

    def slot(self, key: TokenKey, secret: bytes | None) -> DynamoDBTokenSlot:
        """Give a key's slot. Raises `ConfigurationError` for a client without a secret, where there is no KMS key."""
        if self._kms_key_id is None and not secret:
            raise ConfigurationError(
                "a client without a secret needs a KMS key to share tokens: DynamoDBTokenStore(..., kms_key_id=...)"
            )
        return DynamoDBTokenSlot(self, key, secret)

    def cipher(self, key: TokenKey, secret: bytes | None) -> Cipher:
        """Give what encrypts the token of a key; raises `StoreError` where KMS cannot be reached."""
        if self._kms_key_id is not None:
            return KmsCipher(self.client("kms"), self._kms_key_id, key)
        return SecretCipher(key.client_id, secret or b"")

    def client(self, service: str) -> Any:
        """Give the boto3 client of a service; raises `StoreError` where AWS is not configured."""
        with calling(service, StoreError):
            return self._connection.client(service)

    @contextmanager
    def timed(self) -> Iterator[list[Any]]:
        """Learn DynamoDB's time from the answer that the caller puts into the list."""
        answers: list[Any] = []
        began_ms = wall_ms()
        yield answers
        ended_ms = wall_ms()
        date = answers[0]["ResponseMetadata"]["HTTPHeaders"].get("date") if answers else None
        if date is not None and 0 <= ended_ms - began_ms <= _PROMPT_MS:
            said_ms = int(parsedate_to_datetime(date).timestamp() * 1000)
            # Said at some time between question and answer, and cut to a whole second (RFC 9110 5.6.7).
            least_ms, most_ms = said_ms - ended_ms, said_ms + 1000 - began_ms
            self.offset_ms = 0 if least_ms <= 0 <= most_ms else (least_ms + most_ms) // 2

    def now_ms(self) -> int:
        """Give the time by DynamoDB's clock."""
        return wall_ms() + self.offset_ms

    def __repr__(self) -> str:
        """Name the table, and nothing that is secret."""
        return f"DynamoDBTokenStore({self.table!r})"


class DynamoDBTokenSlot:
    """A `TokenSlot`: one item."""

    def __init__(self, store: DynamoDBTokenStore, key: TokenKey, secret: bytes | None) -> None:
        self._store, self._key, self._secret = store, key, secret

    def read(self) -> Reading:
        """Read token and lease, consistently."""
        client = self._store.client("dynamodb")
        with calling("dynamodb:GetItem", StoreError), self._store.timed() as answers:
            answer = _believed(client.get_item(ConsistentRead=True, **self._item))
            answers.append(answer)
            item = answer.get("Item", {})
            owner, until = item.get("lease_owner", {}).get("S"), item.get("lease_until", {}).get("N")
            data = bytes(item.get("token", {}).get("B", b""))
        is_held = owner is not None and until is not None and float(until) > self._store.now_ms()
        return Reading(self._decrypted(data), owner if is_held else None)

    def acquire(self, owner: str, seconds: float, *, instead_of: str | None = None) -> bool:
        """Take the lease for so many seconds: whether it was free, or held by `instead_of` or `owner`."""
        now = self._store.now_ms()
        values: dict[str, Any] = {
            ":owner": {"S": owner},
            ":now": {"N": str(now)},
            ":until": {"N": str(now + int(seconds * 1000))},
            # Far enough away for the TTL not to remove an item with an expired token while its successor is fetched.
            ":expires_at": {"N": str(now // 1000 + _DAY_S)},
            ":text": {"S": "S"},
            ":number": {"S": "N"},
        }
        condition = _IS_FREE
        if instead_of is not None:
            condition, values[":instead_of"] = f"{condition} OR #owner = :instead_of", {"S": instead_of}
        return self._update("SET #owner = :owner, #until = :until, #expires_at = :expires_at", condition, values)

    def write(self, owner: str, token: AccessToken) -> bool:
        """Keep the token and free the lease, if `owner` still has it.

        Where the answer to a first try was lost, boto3 tries again, and DynamoDB then shows that try's token.
        """
        data = self._store.cipher(self._key, self._secret).encrypt(
            _encoded(token, self._store.offset_ms), self._key.associated_data
        )
        expires_at = (token.expires_at + self._store.offset_ms) // 1000
        values = {":owner": {"S": owner}, ":token": {"B": data}, ":expires_at": {"N": str(expires_at)}}
        change = "SET #token = :token, #expires_at = :expires_at REMOVE #owner, #until"
        return self._update(change, "#owner = :owner", values, ReturnValuesOnConditionCheckFailure="ALL_OLD")

    def release(self, owner: str) -> None:
        """Free the lease, if `owner` still has it."""
        self._update("REMOVE #owner, #until", "#owner = :owner", {":owner": {"S": owner}})

    @property
    def _item(self) -> dict[str, Any]:
        key = {"id": {"S": self._key.id}}
        return {"TableName": self._store.table, "Key": key, "ReturnConsumedCapacity": "TOTAL"}

    def _update(self, change: str, condition: str, values: Mapping[str, Any], **options: str) -> bool:
        """Change the item: whether the condition held, or, as far as `options` let that be seen, had held before."""
        client = self._store.client("dynamodb")
        names = {name: attribute for name, attribute in _NAMES.items() if name in change + condition}
        with calling("dynamodb:UpdateItem", StoreError), self._store.timed() as answers:
            try:
                answer = client.update_item(
                    UpdateExpression=change,
                    ConditionExpression=condition,
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=values,
                    **self._item,
                    **options,
                )
            except client.exceptions.ConditionalCheckFailedException as error:
                found = error.response.get("Item", {}).get("token")
                return found is not None and found == values.get(":token")
            answers.append(_believed(answer))
        return True

    def _decrypted(self, data: bytes) -> AccessToken | None:
        if not data:
            return None
        plaintext = self._store.cipher(self._key, self._secret).decrypt(data, self._key.associated_data)
        token = None if plaintext is None else _decoded(plaintext, self._store.offset_ms)
        return token if token is not None and token.expires_at > wall_ms() else None


def _believed(answer: Any) -> Any:
    """Give an answer that is DynamoDB's; raises ValueError for any other.

    boto3 makes an empty answer of a success whose body makes no sense, and an empty answer would mean that there is no
    such item, or that it was written. So the capacity is asked for, which every real answer then has.
    """
    if "ConsumedCapacity" not in answer:
        raise ValueError("the answer is not DynamoDB's")
    return answer


def wall_ms() -> int:
    """Give the time by this machine's clock, in Unix milliseconds."""
    return int(time.time() * 1000)


def _encoded(token: AccessToken, offset_ms: int) -> bytes:
    """Write a token with its times by DynamoDB's clock."""
    document = {
        "value": token.value,
        "token_type": token.token_type,
        "scope": token.scope,
        "issued_at": token.issued_at + offset_ms,
        "expires_at": token.expires_at + offset_ms,
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _decoded(plaintext: bytes, offset_ms: int) -> AccessToken | None:
    """Read what `_encoded` wrote, with its times by this machine's clock; None for anything else that was encrypted."""
    try:
        document = json.loads(plaintext)
        return AccessToken(
            str(document["value"]),
            str(document["token_type"]),
            tuple(map(str, document["scope"])),
            int(document["issued_at"]) - offset_ms,
            int(document["expires_at"]) - offset_ms,
        )
    except (LookupError, OverflowError, TypeError, ValueError):  # OverflowError: an Infinity among the times
        return None
