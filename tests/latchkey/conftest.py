"""A real moto server for each worker, with a clients table and a KMS key as a deployment has them."""

import logging
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from infra.cloudformation import Stack
from tests.latchkey.command import Command
from tests.latchkey.issuer import Issuer, serving

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """Yield the URL of a moto server on a free port."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # its lines would stand among the command's own
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def _aws(service: Any, endpoint: str) -> Any:
    return boto3.session.Session().client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


@pytest.fixture(scope="session")
def dynamodb(endpoint: str) -> "DynamoDBClient":
    """Return a DynamoDB client of the test's own."""
    client: DynamoDBClient = _aws("dynamodb", endpoint)
    return client


@pytest.fixture(scope="session")
def kms(endpoint: str) -> "KMSClient":
    """Return a KMS client of the test's own."""
    client: KMSClient = _aws("kms", endpoint)
    return client


@pytest.fixture(scope="session")
def key_arn(kms: "KMSClient") -> str:
    """Return the ARN of an RSA key."""
    return kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]


@pytest.fixture
def table(dynamodb: "DynamoDBClient") -> Iterator[str]:
    """Yield the name of a fresh clients table, which no other test's has: moto's servers share one state."""
    name = f"clients-{uuid.uuid4()}"
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "client_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "client_id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def state_table(dynamodb: "DynamoDBClient") -> Iterator[str]:
    """Yield the name of a fresh table of what is revoked, made as the template says."""
    definition = {**Stack().tables()["StateTable"].definition, "TableName": f"state-{uuid.uuid4()}"}
    dynamodb.create_table(**definition)
    yield definition["TableName"]
    dynamodb.delete_table(TableName=definition["TableName"])


@pytest.fixture
def keys_table(dynamodb: "DynamoDBClient") -> Iterator[str]:
    """Yield the name of a fresh table of later signing keys, made as the template says."""
    definition = {**Stack().tables()["KeysTable"].definition, "TableName": f"keys-{uuid.uuid4()}"}
    dynamodb.create_table(**definition)
    yield definition["TableName"]
    dynamodb.delete_table(TableName=definition["TableName"])


@pytest.fixture
def latchkey(  # noqa: PLR0913 - each is a part of a deployment
    *, endpoint: str, table: str, state_table: str, keys_table: str, key_arn: str, tmp_path: Any
) -> Command:
    """Return the command, with no AWS configuration but the endpoint."""
    return Command(
        {
            "AWS_ENDPOINT_URL": endpoint,
            "HOME": str(tmp_path),
            "LATCHKEY_CLIENTS_TABLE": table,
            "LATCHKEY_STATE_TABLE": state_table,
            "LATCHKEY_KEYS_TABLE": keys_table,
            "LATCHKEY_SIGNING_KEY_ID": key_arn,
        }
    )


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Yield an authorization server on a free port, with one client, `demo`."""
    with serving() as running:
        yield running
