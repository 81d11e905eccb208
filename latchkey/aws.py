"""The connection to AWS, or to a local stack where `AWS_ENDPOINT_URL` points to one."""

from email.utils import parsedate_to_datetime
from typing import Any

import boto3.session
import botocore.session

from auth_server.aws import connect, dependency
from auth_server.aws.dynamodb import DynamoDBClientStore
from auth_server.aws.people_table import DynamoDBPeopleStore
from auth_server.aws.state_table import DynamoDBStateStore
from auth_server.aws.table import call
from latchkey.endpoint import aws_is_local

_LOCAL_REGION = "us-east-1"
_LOCAL_CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}


def client_store(table: str) -> DynamoDBClientStore:
    """Open the table of clients; raises `DependencyError` where AWS is not configured."""
    return DynamoDBClientStore(_connect("dynamodb"), table)


def people_table(table: str) -> DynamoDBPeopleStore:
    """Open the table of people; raises `DependencyError` where AWS is not configured."""
    return DynamoDBPeopleStore(_connect("dynamodb"), table)


def state_table(table: str) -> tuple[DynamoDBStateStore, int]:
    """Open the table of what is revoked, and tell the time there: the Unix time in seconds that AWS says it is.

    What is revoked is told by the time of its issue, on a Lambda's clock. This machine's own may be minutes off.
    Raises `DependencyError` where AWS is not configured, or the table cannot be read.
    """
    dynamodb = _connect("dynamodb")
    with dependency("dynamodb:GetItem"):
        answer = call(dynamodb, "get_item", TableName=table, Key={"kind": {"S": "time"}, "name": {"S": "now"}})
        date = answer["ResponseMetadata"]["HTTPHeaders"]["date"]
        return DynamoDBStateStore(dynamodb, table), int(parsedate_to_datetime(date).timestamp())


def state_store(table: str) -> DynamoDBStateStore:
    """Open the same table without a call; raises `DependencyError` where AWS is not configured."""
    return DynamoDBStateStore(_connect("dynamodb"), table)


def kms() -> Any:
    """Make a KMS client; raises `DependencyError` where AWS is not configured."""
    return _connect("kms")


def logs() -> Any:
    """Make a client of CloudWatch Logs; raises `DependencyError` where AWS is not configured."""
    return _connect("logs")


def _connect(service: str) -> Any:
    with dependency(service):
        return connect(service, _session_without_configuration() if aws_is_local() else None)


def _session_without_configuration() -> boto3.session.Session:
    """Let what is configured stand, and fill in what is not: a local stack asks for no credentials of anyone's."""
    core = botocore.session.Session()
    # Credentials of the machine (EC2) are for AWS alone, and where there are none, asking for them takes seconds.
    core.set_config_variable("metadata_service_num_attempts", 0)
    return boto3.session.Session(
        botocore_session=core,
        region_name=core.get_config_variable("region") or _LOCAL_REGION,
        **({} if core.get_credentials() else _LOCAL_CREDENTIALS),
    )
