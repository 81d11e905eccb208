"""What many tests share: an AWS endpoint on loopback, and credentials that no AWS account knows."""

from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from tests.dynamodb_local import server as dynamodb_local

AWS_ENVIRON = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="session", autouse=True)
def _no_aws_account() -> Iterator[None]:
    """Keep every test away from a developer's own AWS profile."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
            patch.delenv(name, raising=False)
        for name, value in AWS_ENVIRON.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    """Give the URL of a local AWS endpoint. Its state is shared: a test names tables and keys of its own."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def dynamodb_local_endpoint() -> Iterator[str]:
    """Give the URL of the official DynamoDB Local; skips where Java or Maven is missing."""
    with dynamodb_local.running() as url:
        yield url
