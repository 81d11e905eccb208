"""The connection to AWS, or to a local stack where `AWS_ENDPOINT_URL` points to one."""

import json
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

import boto3.session
import botocore.session
from botocore.config import Config

from auth_server.aws import CONFIG, connect, dependency
from auth_server.aws.dynamodb import DynamoDBClientStore
from auth_server.aws.keys_table import DynamoDBKeyTable
from auth_server.aws.people_table import DynamoDBPeopleStore
from auth_server.aws.state_table import DynamoDBStateStore
from auth_server.aws.table import call
from latchkey.endpoint import aws_is_local
from latchkey.errors import UnavailableError

# As long as the rotation may take, and never a second time: a key more may have been made by the first.
_INVOCATION: Final = Config(connect_timeout=2, read_timeout=130, retries={"total_max_attempts": 1})
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


def key_table(table: str) -> DynamoDBKeyTable:
    """Open the table of later signing keys; raises `DependencyError` where AWS is not configured."""
    return DynamoDBKeyTable(_connect("dynamodb"), table)


def invoke(function: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """Invoke a Lambda and give its answer; raises `DependencyError`, and `UnavailableError` where it failed."""
    client = _connect("lambda", _INVOCATION)
    with dependency("lambda:Invoke"):
        answer = client.invoke(FunctionName=function, Payload=json.dumps(event).encode("ascii"))
        document = json.loads(answer["Payload"].read())
        failed = "FunctionError" in answer
        if not isinstance(document, dict):
            raise ValueError("no JSON object")  # noqa: TRY004 - a fault of the answer, not of the caller's types
    if failed:
        raise UnavailableError(f"{function} failed: {document.get('errorMessage')}")
    return document


def _connect(service: str, config: Config = CONFIG) -> Any:
    with dependency(service):
        return connect(service, _session_without_configuration() if aws_is_local() else None, config=config)


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
