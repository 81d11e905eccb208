"""The Lambda behind /signup, /login and /logout, apart from all others: it alone may write people, and sees passwords.

Everything is read and built while the module is imported, so that a bad setting stops the cold start.
"""

import os
import time
from typing import Any

from auth_server.app import App
from auth_server.audit import AuditLog
from auth_server.aws import connect, vending
from auth_server.aws.people_table import DynamoDBPeopleStore
from auth_server.people.password_hash import PasswordHasher
from auth_server.people.routes import ROUTES
from auth_server.people.services import PeopleServices
from auth_server.people.settings import PeopleSettings
from auth_server.people.throttle import Throttle
from auth_server.wire import Event, response_to_event


def _build(settings: PeopleSettings) -> App[PeopleServices]:
    vends = vending.build(settings)
    services = PeopleServices(
        settings=settings,
        people=DynamoDBPeopleStore(connect("dynamodb"), settings.people_table),
        hasher=PasswordHasher(),
        throttle=Throttle(vends.state, time.time),
        vending=vends,
    )
    return App(services, AuditLog(settings.log_level), ROUTES, origins=settings.cors_origins)


_app = _build(PeopleSettings.from_environ(os.environ))


def lambda_handler(event: Event, context: Any) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes both
    """Answer an API Gateway (REST, HTTP API) or function-URL event."""
    return response_to_event(_app.handle(event))
