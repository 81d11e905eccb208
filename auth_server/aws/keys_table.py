"""The records of the later signing keys in DynamoDB: one table, one item for each key, and one for the latest.

    kid              S   the partition key: the RFC 7638 thumbprint; or "latest"
    issuer           S   whose key it is
    signer           S   "kms" or "data_key"
    jwk              S   the public key, as JSON (RFC 7517 4)
    key_id           S   of a KMS key: its id
    encrypted_key    B   of a data key: PKCS #8, encrypted by KMS with the encryption context {issuer, kid}
    announced_at     N   Unix times in seconds: since when it is published,
    active_from      N   from when on it signs,
    expires_at       N   and from when on it never does, where there is such a time
    overlap_seconds  N   how long it stays published after that, or after its successor came
    endorsement      B   the first key's signature over all of this (`key_record`)
    latest           S   of "latest": the kid that was announced last, so that two who announce at once are one

Whoever writes the table invents no key. "latest" is endorsed by nobody, and decides nothing but which rotation wins.
"""

import json
from typing import Any, Final

from auth_server.aws import NONSENSE, dependency
from auth_server.aws.table import call
from auth_server.signing_keys.key_record import KeyRecord
from auth_server.signing_keys.rotation import Found
from authorizer import strict_json

Item = dict[str, Any]
LATEST: Final = "latest"  # no thumbprint, which has 43 characters


class DynamoDBKeyTable:
    """A `KeyTable` over one table."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        """`dynamodb` is a boto3 client, `table` the table's name."""
        self._dynamodb, self._table = dynamodb, table

    def read(self) -> Found:
        """Scan the table, which is one page. Whatever is no record counts for nothing, and hides no other.

        More than a page (1 MB) was not written by a rotation, and what is on the next one may matter: a failure.
        """
        with dependency("dynamodb:Scan"):
            page = call(self._dynamodb, "scan", TableName=self._table, ConsistentRead=True)
            if "LastEvaluatedKey" in page:
                raise ValueError("more than one page")
            items: list[Item] = page["Items"]
            latest = next((item.get("latest", {}).get("S") for item in items if item["kid"] == {"S": LATEST}), None)
        records = (_record(item) for item in items)
        return Found(tuple(record for record in records if record is not None), latest)

    def announce(self, record: KeyRecord, *, after: str | None) -> bool:
        """Write the record and its name as the latest, both or neither.

        Where the answer to a first try was lost, boto3 tries again, and finds what the first try wrote.
        """
        put = {"Item": to_item(record), "ConditionExpression": "attribute_not_exists(kid)"}
        latest: dict[str, Any] = {"Item": {"kid": {"S": LATEST}, "latest": {"S": record.kid}}}
        if after is None:
            latest["ConditionExpression"] = "attribute_not_exists(latest)"
        else:
            latest |= {"ConditionExpression": "latest = :after", "ExpressionAttributeValues": {":after": {"S": after}}}
        with dependency("dynamodb:TransactWriteItems"):
            try:
                writes = [{"Put": {"TableName": self._table, **each}} for each in (put, latest)]
                call(self._dynamodb, "transact_write_items", TransactItems=writes)
            except self._dynamodb.exceptions.TransactionCanceledException:
                return record in self.read().records
            return True

    def forget(self, kid: str) -> None:
        """Delete the record."""
        with dependency("dynamodb:DeleteItem"):
            call(self._dynamodb, "delete_item", TableName=self._table, Key={"kid": {"S": kid}})


def to_item(record: KeyRecord) -> Item:
    """Write a record as the table has it."""
    item = {
        "kid": {"S": record.kid},
        "issuer": {"S": record.issuer},
        "signer": {"S": record.signer},
        "jwk": {"S": json.dumps(dict(record.jwk), separators=(",", ":"))},
        "key_id": {"S": record.key_id},
        "encrypted_key": {"B": record.encrypted_key},
        "announced_at": {"N": str(record.announced_at)},
        "active_from": {"N": str(record.active_from)},
        "expires_at": {"N": str(record.expires_at)},
        "overlap_seconds": {"N": str(record.overlap_seconds)},
        "endorsement": {"B": record.endorsement},
    }
    absent = {name for name in ("key_id", "encrypted_key", "expires_at") if getattr(record, name) is None}
    return {name: value for name, value in item.items() if name not in absent}


def _record(item: Item) -> KeyRecord | None:
    try:
        return KeyRecord(
            kid=item["kid"]["S"],
            issuer=item["issuer"]["S"],
            signer=item["signer"]["S"],
            jwk=strict_json.parse_object(item["jwk"]["S"].encode("utf-8")),
            key_id=item["key_id"]["S"] if "key_id" in item else None,
            encrypted_key=bytes(item["encrypted_key"]["B"]) if "encrypted_key" in item else None,
            announced_at=int(item["announced_at"]["N"]),
            active_from=int(item["active_from"]["N"]),
            expires_at=int(item["expires_at"]["N"]) if "expires_at" in item else None,
            overlap_seconds=int(item["overlap_seconds"]["N"]),
            endorsement=bytes(item["endorsement"]["B"]),
        )
    except NONSENSE:
        return None
