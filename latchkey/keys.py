"""`latchkey keys`: the keys that sign tokens, and their rotation.

The list is read from KMS and the table, and shows what the first key has endorsed. To rotate and to retire is the
rotation function's, which is invoked: nobody else may have the first key endorse, an operator no more than a stranger.
"""

import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from auth_server.aws import dependency
from auth_server.aws.kms import KmsKeySource
from auth_server.key_ring import SigningKey
from auth_server.signing_keys.key_record import KMS, KeyRecord
from auth_server.signing_keys.timeline import State, Timeline
from authorizer import public_key
from latchkey.aws import invoke, key_table, kms
from latchkey.errors import CommandError
from latchkey.moment import moment, timestamp
from latchkey.options import (
    KEYS_TABLE,
    ROTATION_FUNCTION,
    SIGNING_KEY_ID,
    Json,
    KeysTable,
    RotationFunction,
    SigningKeyId,
    command_group,
    help_end,
)
from latchkey.output import emit, table

app = command_group("See, rotate and retire the keys that sign tokens.")


@app.callback()
def keys() -> None:
    """See, rotate and retire the keys that sign tokens."""


@app.command("list", epilog=help_end("latchkey keys list", "latchkey keys list --signing-key-id alias/latchkey --json"))
def list_(
    *, signing_key_id: SigningKeyId = SIGNING_KEY_ID, keys_table: KeysTable = KEYS_TABLE, as_json: Json = False
) -> None:
    """List the keys: kid, state, who signs with it, the KMS key, and when it came and goes.

    A key is announced (published, not signing yet), active, retiring (published, not signing any more) or retired; the
    first one is in standby while another signs. Ends with status 1 where the table has records that the first key has
    not endorsed.
    """
    first, described = _first_key(kms(), signing_key_id)
    found, now = key_table(keys_table).read(), time.time()
    timeline = Timeline(_endorsed(found.records, first))
    listed = [
        _first_document(first, described, is_active=timeline.active(now) is None),
        *(_later_document(record, timeline, described, now) for record in timeline.records),
    ]
    emit([_document(key) for key in listed], as_json=as_json, show=lambda: table(_COLUMNS, map(_row, listed)))
    if strange := len(found.records) - len(timeline.records):
        raise CommandError(
            f"{strange} more in {keys_table} not endorsed by this first key, and no function takes them for keys: "
            "it is another one's table, or somebody has written to it"
        )


@app.command(epilog=help_end("latchkey keys rotate", "latchkey keys rotate --now --json"))
def rotate(
    *,
    now: Annotated[
        bool,
        typer.Option(
            "--now",
            help="Let another key sign at once, which is for a compromise: until a verifier asks for the keys again, "
            "it refuses the tokens.",
        ),
    ] = False,
    rotation_function: RotationFunction = ROTATION_FUNCTION,
    as_json: Json = False,
) -> None:
    """Announce another key, which signs once all verifiers know it; where one is announced already, tell of that."""
    _act(rotation_function, {"action": "rotate", "at_once": now}, as_json=as_json)


@app.command(epilog=help_end("latchkey keys retire kQ9vX2mPq9sTw4zB7cE1fA..."))
def retire(
    kid: Annotated[str, typer.Argument(metavar="KID", help="The key's kid. One that starts with - goes after --.")],
    *,
    rotation_function: RotationFunction = ROTATION_FUNCTION,
    as_json: Json = False,
) -> None:
    """End a key at once: it signs no more, and what it has signed is refused. The first key cannot be retired.

    Where it was active, the key before it signs again, or the first one.
    """
    _act(rotation_function, {"action": "retire", "kid": kid}, as_json=as_json)


def _act(function: str, event: Mapping[str, Any], *, as_json: bool) -> None:
    answer = invoke(function, event)
    if "error" in answer:
        raise CommandError(str(answer["error"]))
    steps = [{**step, "active_from": timestamp(step["active_from"])} for step in answer["steps"]]
    emit({"steps": steps}, as_json=as_json, show=lambda: "\n".join(map(_told, answer["steps"])))


def _told(step: Mapping[str, Any]) -> str:
    name = step["kid"] or step["key_id"]
    when = f", signs from {moment(step['active_from'])}" if step["active_from"] is not None else ""
    return f"{name}: {step['outcome']}{when}"


_COLUMNS = ("kid", "state", "signer", "key_id", "created", "active_from", "retires_at")
_TIMES = ("created", "active_from", "retires_at")


def _first_key(client: Any, key_id: str) -> tuple[SigningKey, Mapping[str, Any]]:
    """Give the key behind `key_id`, and its ARN and time of creation as KMS describes it.

    Raises `DependencyError`, and `CommandError` where the key is disabled or about to be deleted.
    An alias may be pointed at another key at any moment, so the second question to KMS is about the ARN of the first.
    """
    with dependency("kms:DescribeKey"):
        described = client.describe_key(KeyId=key_id)["KeyMetadata"]
        arn, created = described["Arn"], described["CreationDate"].timestamp()
    if described["KeyState"] != "Enabled":
        raise CommandError(f"{arn} signs nothing: its state in KMS is {described['KeyState']}")
    return KmsKeySource(client, arn).load(), {"arn": arn, "created": created}


def _endorsed(records: tuple[KeyRecord, ...], first: SigningKey) -> list[KeyRecord]:
    """Give what the first key has endorsed, for whatever issuer: the table is one's."""
    verifier = public_key.from_jwk(first.jwk, "RS256")
    return [record for record in records if record.is_endorsed(record.issuer, verifier)]


def _first_document(first: SigningKey, described: Mapping[str, Any], *, is_active: bool) -> dict[str, Any]:
    return {
        "kid": first.kid,
        "state": State.ACTIVE if is_active else State.STANDBY,
        "signer": KMS,
        "key_id": described["arn"],
        "created": described["created"],
        "active_from": described["created"],
        "retires_at": None,
    }


def _later_document(record: KeyRecord, timeline: Timeline, described: Mapping[str, Any], now: float) -> dict[str, Any]:
    return {
        "kid": record.kid,
        "state": timeline.state(record, now),
        "signer": record.signer,
        "key_id": record.key_id and f"{described['arn'].rpartition('/')[0]}/{record.key_id}",
        "created": record.announced_at,
        "active_from": record.active_from,
        "retires_at": timeline.retires_at(record),
    }


def _document(key: dict[str, Any]) -> dict[str, Any]:
    return key | {name: timestamp(key[name]) for name in _TIMES}


def _row(key: dict[str, Any]) -> list[str]:
    times = {name: moment(key[name]) if key[name] is not None else "" for name in _TIMES}
    return [str((key | times)[name] or "") for name in _COLUMNS]
