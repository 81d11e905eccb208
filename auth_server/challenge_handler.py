"""The Lambda authorizer before the token endpoint (see `challenge`): settings, then adapters, then the gate."""

import os
import time
from typing import Any

from auth_server.audit import AuditLog
from auth_server.aws import connect
from auth_server.aws.dynamodb import DynamoDBClientStore
from auth_server.aws.state_table import DynamoDBStateStore
from auth_server.challenge import Gate
from auth_server.settings import GateSettings
from auth_server.throttle import Throttle
from auth_server.wire import Event


def _build(settings: GateSettings) -> Gate:
    dynamodb = connect("dynamodb")
    state = DynamoDBStateStore(dynamodb, settings.state_table)
    throttle = Throttle(state, time.time, address_failures=settings.address_failures)
    clients = DynamoDBClientStore(dynamodb, settings.clients_table)
    return Gate(clients, throttle, AuditLog(settings.log_level), clock=time.time)


_gate = _build(GateSettings.from_environ(os.environ))


def lambda_handler(event: Event, context: Any) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes both
    """Answer a REQUEST authorizer event (REST API); raises the exact word that API Gateway turns into 401."""
    answer = _gate.answer(event)
    if answer is None:
        raise Exception("Unauthorized")  # noqa: TRY002 - API Gateway compares the message of the exception
    return answer
