"""`latchkey keys`: the keys that sign tokens."""

from typing import Any

from auth_server.aws import dependency
from auth_server.aws.kms import KmsKeySource
from latchkey.aws import kms
from latchkey.errors import CommandError
from latchkey.moment import moment, timestamp
from latchkey.options import SIGNING_KEY_ID, Json, SigningKeyId, command_group, help_end
from latchkey.output import emit, table

app = command_group("See the keys that sign tokens.")


@app.callback()
def keys() -> None:
    """See the keys that sign tokens."""


@app.command("list", epilog=help_end("latchkey keys list", "latchkey keys list --signing-key-id alias/latchkey --json"))
def list_(*, signing_key_id: SigningKeyId = SIGNING_KEY_ID, as_json: Json = False) -> None:
    """List the keys: kid, state, who signs with it, the KMS key, and when it came and goes."""
    found = [_active_key(kms(), signing_key_id)]
    emit([_document(key) for key in found], as_json=as_json, show=lambda: table(_COLUMNS, map(_row, found)))


_COLUMNS = ("kid", "state", "signer", "key_id", "created", "active_from", "retires_at")


def _active_key(client: Any, key_id: str) -> dict[str, Any]:
    """Describe the key behind `key_id`; times are Unix times.

    Raises `DependencyError`, and `CommandError` where the key is disabled or about to be deleted.
    An alias may be pointed at another key at any moment, so the second question to KMS is about the ARN of the first.
    """
    with dependency("kms:DescribeKey"):
        described = client.describe_key(KeyId=key_id)["KeyMetadata"]
        arn, created = described["Arn"], described["CreationDate"].timestamp()
    if described["KeyState"] != "Enabled":
        raise CommandError(f"{arn} signs nothing: its state in KMS is {described['KeyState']}")
    return {
        "kid": KmsKeySource(client, arn).load().kid,
        "state": "active",
        "signer": "kms",
        "key_id": arn,
        "created": created,
        "active_from": created,
        "retires_at": None,
    }


def _document(key: dict[str, Any]) -> dict[str, Any]:
    return key | {name: timestamp(key[name]) for name in ("created", "active_from", "retires_at")}


def _row(key: dict[str, Any]) -> list[str]:
    times = {
        name: moment(key[name]) if key[name] is not None else "" for name in ("created", "active_from", "retires_at")
    }
    return [str((key | times)[name]) for name in _COLUMNS]
