"""The Lambda behind the token endpoint, the key set and the metadata: settings, then adapters, then the app.

Everything is read and built while the module is imported, so that a bad setting stops the cold start.
"""

import os
import time
from typing import Any

from auth_server.app import App
from auth_server.audit import AuditLog
from auth_server.aws import connect
from auth_server.aws.dynamodb import DynamoDBClientStore
from auth_server.aws.signing_keys import key_ring
from auth_server.aws.state_table import DynamoDBStateStore
from auth_server.last_use import LastUse
from auth_server.quota import Quota
from auth_server.remote_keys import RemoteKeys
from auth_server.routes import ROUTES
from auth_server.services import Services
from auth_server.settings import Settings
from auth_server.throttle import Throttle
from auth_server.token_reuse import TokenReuse
from auth_server.wire import Event, response_to_event


def _build(settings: Settings) -> App[Services]:
    dynamodb = connect("dynamodb")
    state = DynamoDBStateStore(dynamodb, settings.state_table)
    services = Services(
        settings=settings,
        clients=DynamoDBClientStore(dynamodb, settings.clients_table),
        state=state,
        keys=key_ring(settings, kms=connect("kms"), dynamodb=dynamodb, clock=time.time),
        remote_keys=RemoteKeys(clock=time.time, loopback=settings.is_on_loopback),
        clock=time.time,
        throttle=Throttle(state, time.time, address_failures=settings.address_failures),
        last_use=LastUse(state, time.time),
        quota=Quota(state, time.time),
        reuse=TokenReuse(state, time.time, by_default=settings.reuses_tokens),
    )
    return App(services, AuditLog(settings.log_level), ROUTES)


_app = _build(Settings.from_environ(os.environ))


def lambda_handler(event: Event, context: Any) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes both
    """Answer an API Gateway (REST, HTTP API) or function-URL event."""
    return response_to_event(_app.handle(event))
