"""The Lambda behind GET /tokens, apart from the one that issues tokens to clients; as often as there are ways to ask.

Everything is read and built while the module is imported, so that a bad setting stops the cold start.
"""

import os
from typing import Any

from auth_server.app import App
from auth_server.audit import AuditLog
from auth_server.aws import connect, vending
from auth_server.aws.people_table import DynamoDBPeopleStore
from auth_server.vending.endpoint import ROUTES
from auth_server.vending.services import VendingServices
from auth_server.vending.settings import VendingSettings
from auth_server.wire import Event, response_to_event


def _build(settings: VendingSettings) -> App[VendingServices]:
    people = DynamoDBPeopleStore(connect("dynamodb"), settings.people_table) if settings.people_table else None
    services = VendingServices(settings, vending.build(settings), people)
    return App(services, AuditLog(settings.log_level), ROUTES, origins=settings.cors_origins)


_app = _build(VendingSettings.from_environ(os.environ))


def lambda_handler(event: Event, context: Any) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes both
    """Answer an API Gateway (REST, HTTP API) or function-URL event."""
    return response_to_event(_app.handle(event))
