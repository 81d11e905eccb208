"""The Lambda behind the sample API: settings, tables and app, wired once when the Lambda starts."""

import os
from typing import Any, Final

from resource_server.app import App
from resource_server.aws.dynamodb import dynamodb_client
from resource_server.aws.messages_table import MessagesTable
from resource_server.aws.products_table import ProductsTable
from resource_server.log import Log
from resource_server.settings import Settings
from resource_server.wire import result_of

_SETTINGS: Final = Settings.from_environ(os.environ)
_DYNAMODB: Final = dynamodb_client()
_APP: Final = App(
    settings=_SETTINGS,
    store=ProductsTable(_DYNAMODB, _SETTINGS.products_table),
    board=MessagesTable(_DYNAMODB, _SETTINGS.messages_table),
    log=Log(_SETTINGS.log_level),
)


def lambda_handler(event: Any, _context: object) -> dict[str, object]:
    """Answer an API Gateway event: REST proxy (payload 1.0) or HTTP API (payload 2.0). Raises nothing."""
    return result_of(_APP.handle(event))
