"""The Lambda authorizer before the token endpoint (see `challenge`): settings, then adapters, then the gate."""

import os
import time
from typing import Any

from auth_server.audit import AuditLog
from auth_server.aws import connect
from auth_server.aws.dynamodb import DynamoDBClientStore
from auth_server.challenge import Gate, admission
from auth_server.settings import GateSettings
from auth_server.wire import Event

_settings = GateSettings.from_environ(os.environ)
_gate = Gate(
    DynamoDBClientStore(connect("dynamodb"), _settings.clients_table), AuditLog(_settings.log_level), clock=time.time
)


def lambda_handler(event: Event, context: Any) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes both
    """Answer a REQUEST authorizer event (REST API); raises the exact word that API Gateway turns into 401."""
    if not _gate.admits(event):
        raise Exception("Unauthorized")  # noqa: TRY002 - API Gateway compares the message of the exception
    return admission(event)
