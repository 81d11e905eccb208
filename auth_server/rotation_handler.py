"""The Lambda that rotates the signing keys: on a schedule, and when an operator asks.

    {"action": "rotate"}                    announces a key, unless one is announced already
    {"action": "rotate", "at_once": true}   lets another key sign from now on
    {"action": "retire", "kid": "..."}      ends a key, and whatever it has signed
    any other event, a schedule's           does what is due

    {"steps": [{"outcome": "announced", "kid": "...", "key_id": "...", "active_from": 1790014400}]}
    {"error": "there is no key of that name"}

It alone makes keys, and no request of anybody's reaches it. The settings are read while the module is imported, so that
a bad one stops the cold start; a failed call of AWS fails the invocation, and the next one completes what is missing.
"""

import os
import time
from typing import Any

from auth_server.audit import AuditLog, Decision
from auth_server.aws import connect
from auth_server.aws.key_makers import DataKeyMaker, KmsKeyMaker, describe_first_key
from auth_server.aws.keys_table import DynamoDBKeyTable
from auth_server.errors import DependencyError
from auth_server.signing_keys.key_record import DATA_KEY, KMS
from auth_server.signing_keys.rotation import KeyMaker, Rotation, RotationError, Step
from auth_server.signing_keys.settings import RotationSettings

_settings = RotationSettings.from_environ(os.environ)
_audit = AuditLog(_settings.log_level)
_kms, _dynamodb, _tagging = map(connect, ("kms", "dynamodb", "resourcegroupstaggingapi"))


def _kms_in(region: str | None) -> Any:
    return _kms if region is None else connect("kms", region=region)


def _rotation() -> Rotation:
    first = describe_first_key(_kms, _settings.signing_key_id)
    makers: dict[str, KeyMaker] = {KMS: KmsKeyMaker(first, _kms_in, _tagging, keys_table=_settings.keys_table)}
    if encrypting := _settings.key_encryption_key_id:
        makers[DATA_KEY] = DataKeyMaker(_kms, key_encryption_key_id=encrypting, issuer=_settings.issuer)
    table = DynamoDBKeyTable(_dynamodb, _settings.keys_table)
    return Rotation(_settings.rules, first.anchor, table, makers, time.time)


def _act(event: Any) -> list[Step]:
    asked = event if isinstance(event, dict) else {}
    match asked.get("action"):
        case "rotate":
            return _rotation().rotate(at_once=asked.get("at_once") is True)
        case "retire":
            return _rotation().retire(str(asked.get("kid")))
        case _:
            return _rotation().run()


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    """Rotate; raises `DependencyError`."""
    request_id = getattr(context, "aws_request_id", None)
    try:
        steps = _act(event)
    except RotationError as error:
        _audit.write("ERROR", Decision("rotation", request_id, outcome="refused", reason=str(error)))
        return {"error": str(error)}
    except DependencyError as error:
        _audit.write("ERROR", Decision("rotation", request_id, outcome="unavailable", reason=str(error)))
        raise
    for step in steps:
        level = "WARNING" if step.outcome == "not endorsed" else "INFO"
        _audit.write(level, Decision("rotation", request_id, kid=step.kid, outcome=step.outcome, reason=step.key_id))
    return {"steps": [step.document() for step in steps]}
