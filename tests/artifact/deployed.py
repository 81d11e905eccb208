"""The stack over moto: its tables and key as the template describes them, a client, and its functions to run."""

import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3.session

from auth_server.aws.dynamodb import DynamoDBClientStore
from auth_server.clients import Client, ClientSecret, digest_secret
from infra.cloudformation import Stack
from tests.artifact.runtime_api import RunningFunction
from tests.conftest import AWS_ENVIRON

EVENTS = Path(__file__).parent.parent / "events"
API_URL = "https://api.example.com"
CLIENT_ID, SECRET = "demo", "demo-secret"
SCOPES = ("products:read", "products:write")


@dataclass(frozen=True, slots=True)
class Deployed:
    """What would be deployed: the built functions, and everything around them on one local endpoint."""

    artifacts: Path
    python: Path
    endpoint: str
    stack: Stack

    @classmethod
    def create(
        cls, artifacts: Path, python: Path, endpoint: str, issuer: str = "https://auth.example.com"
    ) -> "Deployed":
        """Make the tables, the key and a client, under names that no other test has."""
        stack = Stack(
            parameters={"IssuerUrl": issuer, "ApiUrl": API_URL},
            pseudo_parameters={"AWS::StackName": f"artifact-{uuid.uuid4()}"},
        )
        session = boto3.session.Session()
        dynamodb = session.client("dynamodb", endpoint_url=endpoint)
        for table in stack.tables().values():
            dynamodb.create_table(**table.definition)
        kms = session.client("kms", endpoint_url=endpoint)
        properties = stack.properties("SigningKey")
        key = kms.create_key(KeySpec=properties["KeySpec"], KeyUsage=properties["KeyUsage"])["KeyMetadata"]
        kms.create_alias(AliasName=stack.properties("SigningKeyAlias")["AliasName"], TargetKeyId=key["KeyId"])
        secrets = (ClientSecret(digest_secret(SECRET), created_at=0),)
        client = Client(client_id=CLIENT_ID, scopes=SCOPES, created_at=0, secrets=secrets)
        DynamoDBClientStore(dynamodb, stack.tables()["ClientsTable"].name).create(client)
        return cls(artifacts, python, endpoint, stack)

    def function(self, logical_id: str, **changed: str) -> RunningFunction:
        """Return a function with the template's environment, and what Lambda adds to it; `changed` wins over both."""
        function = self.stack.functions()[logical_id]
        environ = {
            **AWS_ENVIRON,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            **function.environment,
            **changed,
        }
        return RunningFunction(self.artifacts / logical_id, function.handler, environ, self.python)


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
