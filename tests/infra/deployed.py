"""The stack over a local AWS endpoint, its tables and key as the template describes them; a client, and events."""

import base64
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import boto3.session

from auth_server.aws.dynamodb import DynamoDBClientStore
from auth_server.clients import NO_AUTHENTICATION, REGISTER_SCOPE, Client, ClientSecret, digest_secret
from infra.cloudformation import Stack
from infra.local.stack import create_keys

EVENTS: Final = Path(__file__).parent.parent / "events"
API_URL: Final = "https://api.example.com"
ISSUER: Final = "https://auth.example.com"
CLIENT_ID, SECRET = "demo", "demo-secret"
REGISTRAR_ID: Final = "registrar"
VENDED_ID: Final = "browser"
VENDED_SCOPES: Final = ("products:read", "messages:write")
SCOPES: Final = ("products:read", "products:write")


def deploy(endpoint: str, issuer: str = ISSUER, **changed: str) -> Stack:
    """Make the tables, the keys and the clients, under names that no other test has; `changed` are parameters."""
    parameters = {"IssuerUrl": issuer, "ApiUrl": API_URL, **changed}
    name = {"AWS::StackName": f"test-{uuid.uuid4()}"}
    session = boto3.session.Session()
    kms = session.client("kms", endpoint_url=endpoint)
    made = create_keys(kms, Stack(parameters=parameters, pseudo_parameters=name))
    stack = Stack(parameters=parameters, attributes=made, pseudo_parameters=name)
    dynamodb = session.client("dynamodb", endpoint_url=endpoint)
    for table in stack.tables().values():
        dynamodb.create_table(**table.definition)
    secrets = (ClientSecret(digest_secret(SECRET), created_at=0),)
    client = Client(client_id=CLIENT_ID, scopes=SCOPES, created_at=0, secrets=secrets)
    registrar = Client(
        client_id=REGISTRAR_ID,
        scopes=(REGISTER_SCOPE,),
        created_at=0,
        secrets=secrets,
        audiences=(issuer,),
        registrable_scopes=SCOPES,
        registrable_audiences=(API_URL,),
    )
    vended = Client(
        client_id=VENDED_ID, scopes=VENDED_SCOPES, created_at=0, audiences=(API_URL,), auth_methods=(NO_AUTHENTICATION,)
    )
    for each in (client, registrar, vended):
        DynamoDBClientStore(dynamodb, stack.tables()["ClientsTable"].name).create(each)
    return stack


def recorded(name: str, **changed: Any) -> dict[str, Any]:
    """Return an event of `tests/events`, with other members in the place of its own."""
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text("utf-8"))
    return {**event, **changed}


def with_header(event: Mapping[str, Any], name: str, value: str | None) -> dict[str, Any]:
    """Return a REST event with another value of a header, or without the header."""
    single = {key: old for key, old in event["headers"].items() if key != name}
    if value is not None:
        single[name] = value
    return {**event, "headers": single, "multiValueHeaders": {key: [item] for key, item in single.items()}}


def basic(client_id: str, secret: str) -> str:
    """Return the value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def document(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON document in a function's result."""
    parsed: dict[str, Any] = json.loads(result["body"])
    return parsed
